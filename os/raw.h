// SPDX-License-Identifier: GPL-2.0-or-later
// Private to this room: whole reads and writes at offsets, direct where the kernel allows it.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"

namespace tclone::os {

constexpr Bytes kDirectAlign{4096};  ///< enough for every logical sector size the kernel has

struct FreeDeleter {
  void operator()(std::byte* p) const noexcept { std::free(p); }
};
using AlignedBuffer = std::unique_ptr<std::byte[], FreeDeleter>;
/// Zeroed memory fit for O_DIRECT; `size` is rounded up to kDirectAlign.
[[nodiscard]] Result<AlignedBuffer> aligned_buffer(std::size_t size);

[[nodiscard]] bool all_zero(std::span<const std::byte> bytes) noexcept;

enum class Direct { wanted, required, no };

/// An open file or block device with its size at the time of opening.
class RawFile {
 public:
  /// Adds O_CLOEXEC to `flags`. Direct::wanted falls back to the page cache where the file's filesystem has no direct
  /// I/O, or for a request that is not aligned; Direct::required does so for regular files only, never for devices.
  [[nodiscard]] static Result<RawFile> open(const std::string& path, int flags, Direct direct);

  [[nodiscard]] Status write(std::span<const std::byte> bytes, Bytes at);
  /// Fills `bytes` or fails: an end before that is an error.
  [[nodiscard]] Status read(std::span<std::byte> bytes, Bytes at);
  [[nodiscard]] Status sync();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Bytes size() const noexcept { return size_; }
  [[nodiscard]] bool block_device() const noexcept { return block_device_; }
  /// Nothing has gone through the page cache so far.
  [[nodiscard]] bool direct() const noexcept { return direct_; }
  [[nodiscard]] bool same_object(const RawFile& other) const noexcept;

 private:
  template <class Call>
  Status transfer(std::size_t length, Bytes at, const char* doing, Call call);
  [[nodiscard]] bool drop_direct();

  UniqueFd fd_;
  std::string path_;
  Bytes size_;
  bool direct_ = false;
  bool strict_ = false;
  bool block_device_ = false;
  dev_t device_ = 0;  ///< st_rdev of a block device, else st_dev
  ino_t inode_ = 0;   ///< 0 for a block device
};

}  // namespace tclone::os
