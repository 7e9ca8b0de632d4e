// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: the bytes of a header where they are, without libcryptsetup.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace tclone::crypt {

/// What direct I/O wants memory, places and lengths to be multiples of.
constexpr std::size_t kDirect = 4096;

/// A block device or a regular file, with direct I/O where it has it, so that nothing stale is read and nothing stays in a
/// cache. For writing a block device is had exclusively (O_EXCL, open(2)): busy while it is mounted or below another device.
/// `doing` is for the error: "to overwrite its header".
[[nodiscard]] Result<UniqueFd> open_raw(const std::string& path, int access, const std::string& doing);
[[nodiscard]] Result<std::size_t> raw_size(const UniqueFd& fd, const std::string& path);

/// All of `bytes` from or to byte `at`. `why` is for the error, whose `sys` is the kernel's; damaged, with none, when the
/// device ends before. Written is not yet durable.
[[nodiscard]] Status read_at(const UniqueFd& fd, std::size_t at, std::span<std::byte> bytes, const std::string& path,
                             const std::string& why);
[[nodiscard]] Status write_at(const UniqueFd& fd, std::size_t at, std::span<const std::byte> bytes,
                              const std::string& path, const std::string& why);

}  // namespace tclone::crypt
