// SPDX-License-Identifier: GPL-2.0-or-later
// Loop devices for pools in files: direct I/O, autoclear, so that the kernel drops them with their last user and a
// killed command leaks none.
#pragma once

#include <string>
#include <utility>

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace tclone::os {

struct Loop {
  std::string path;  ///< /dev/loopN
  std::uint32_t major = 0, minor = 0;
  UniqueFd fd;  ///< keeps it alive until something else (a device-mapper table) holds it
};

/// Attaches a regular file (LOOP_CTL_GET_FREE + LOOP_CONFIGURE, retried when another process takes the number).
/// Direct I/O where the file's filesystem allows it, else buffered, said in the log. An already attached loop of the
/// same file (same device and inode) is used again.
[[nodiscard]] Result<Loop> attach(const std::string& file);
/// What claimable() says of a device, for a file: busy (naming holders) when a loop device that shows it, or a piece of it,
/// has been claimed, by a mount or a device on top. A loop device that is merely open claims nothing.
[[nodiscard]] Status claimable_file(const std::string& file);
/// Tells the loop device that its file has grown (LOOP_SET_CAPACITY).
[[nodiscard]] Status refresh_size(const std::string& loop_path);

}  // namespace tclone::os
