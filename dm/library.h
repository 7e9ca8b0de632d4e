// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: the functions of libdevmapper, which is loaded when device-mapper is opened (base/library.h). With libselinux,
// libudev and libpcre2 behind it, it would be most of the cost of starting a command that only reads records.
#pragma once

#include <libdevmapper.h>

#include "base/library.h"

// One list for the declarations and for what is looked up.
// clang-format off
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define TCLONE_LIBDEVMAPPER(X)                                                                                        \
  X(dm_dir) X(dm_driver_version) X(dm_get_next_target) X(dm_log_with_errno_init) X(dm_set_name_mangling_mode)         \
  X(dm_task_add_target) X(dm_task_create) X(dm_task_destroy) X(dm_task_get_errno) X(dm_task_get_name)                 \
  X(dm_task_get_names) X(dm_task_get_uuid) X(dm_task_get_versions) X(dm_task_no_flush) X(dm_task_run)                 \
  X(dm_task_secure_data) X(dm_task_set_cookie) X(dm_task_set_message) X(dm_task_set_name) X(dm_task_set_newname)      \
  X(dm_task_set_ro) X(dm_task_set_sector) X(dm_task_set_uuid) X(dm_task_skip_lockfs) X(dm_task_update_nodes)          \
  X(dm_udev_set_sync_support)
// The library has one of these for each size that struct dm_info has had; ours is the one since 1.02.97.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define TCLONE_LIBDEVMAPPER_VERSIONED(X) X(dm_task_get_info)
// clang-format on

namespace tclone::dm {

// Null until load_library() has succeeded.
TCLONE_LIBDEVMAPPER(TCLONE_LIBRARY_DECLARE)
TCLONE_LIBDEVMAPPER_VERSIONED(TCLONE_LIBRARY_DECLARE)

/// See Library::load.
[[nodiscard]] Status load_library();

}  // namespace tclone::dm
