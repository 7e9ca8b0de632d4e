// SPDX-License-Identifier: GPL-2.0-or-later
// Private to fs/: the functions of libblkid and libmount, each loaded when it is first needed (base/library.h).
#pragma once

#include <blkid/blkid.h>
#include <libmount/libmount.h>

#include "base/library.h"

// One list each for the declarations and for what is looked up.
// clang-format off
// NOLINTBEGIN(cppcoreguidelines-macro-usage)
#define TCLONE_LIBBLKID(X)                                                                                            \
  X(blkid_do_safeprobe) X(blkid_free_probe) X(blkid_new_probe_from_filename) X(blkid_probe_enable_partitions)         \
  X(blkid_probe_enable_superblocks) X(blkid_probe_lookup_value) X(blkid_probe_set_partitions_flags)                   \
  X(blkid_probe_set_superblocks_flags)
#define TCLONE_LIBMOUNT(X)                                                                                            \
  X(mnt_context_disable_helpers) X(mnt_context_disable_mtab) X(mnt_context_enable_rwonly_mount)                       \
  X(mnt_context_get_excode) X(mnt_context_get_syscall_errno) X(mnt_context_mount) X(mnt_context_set_fstype)           \
  X(mnt_context_set_options) X(mnt_context_set_optsmode) X(mnt_context_set_source) X(mnt_context_set_target)          \
  X(mnt_context_syscall_called) X(mnt_free_context) X(mnt_free_iter) X(mnt_fs_get_devno) X(mnt_fs_get_target)         \
  X(mnt_new_context) X(mnt_new_iter) X(mnt_new_table_from_file) X(mnt_table_next_fs) X(mnt_unref_table)
// NOLINTEND(cppcoreguidelines-macro-usage)
// clang-format on

namespace tclone::os {

// Null until the library has been loaded.
TCLONE_LIBBLKID(TCLONE_LIBRARY_DECLARE)
TCLONE_LIBMOUNT(TCLONE_LIBRARY_DECLARE)

// See Library::load.
[[nodiscard]] Status load_libblkid();
[[nodiscard]] Status load_libmount();

}  // namespace tclone::os
