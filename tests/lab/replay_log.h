// SPDX-License-Identifier: GPL-2.0-or-later
// Reads what the kernel's dm-log-writes target recorded and writes it onto an image, up to any entry: the honest
// power cut, because everything not yet flushed at that point can be left out.
// Format: drivers/md/dm-log-writes.c; Documentation/admin-guide/device-mapper/log-writes.rst.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace tclone::lab {

// Bits of Entry::flags, as the kernel writes them.
constexpr std::uint64_t kFlush = 1;
constexpr std::uint64_t kFua = 2;
constexpr std::uint64_t kDiscard = 4;
constexpr std::uint64_t kMark = 8;
constexpr std::uint64_t kMetadata = 16;

/// One recorded request, in bytes of the device it went to.
struct Entry {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t flags = 0;
  std::uint64_t data = 0;  ///< where its data begins in the log
  std::string text;        ///< of a mark

  [[nodiscard]] bool has_data() const { return length != 0 && (flags & (kDiscard | kMark)) == 0; }
  /// After this one, everything before it is on the medium.
  [[nodiscard]] bool is_barrier() const { return (flags & (kFlush | kFua)) != 0; }
};

/// "WRITE|FLUSH 4096+8192", "MARK created web1".
[[nodiscard]] std::string describe(const Entry& entry);

class Log {
 public:
  /// Reads the whole index; the data stays where it is. Error damaged: no log, or one that ends too early.
  [[nodiscard]] static Result<Log> open(const std::string& path);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  /// Index of the n-th (from 1) entry with FLUSH or FUA; not_found when there are fewer.
  [[nodiscard]] Result<std::size_t> barrier(std::size_t n) const;
  /// Index of the first mark with exactly this text.
  [[nodiscard]] Result<std::size_t> mark(const std::string& text) const;

  /// Applies entries first, first + 1 … last - 1 to an image that holds all before `first`. Discarded ranges read as
  /// zeros afterwards and take no space. The image grows as need be.
  [[nodiscard]] Status apply(int image, std::size_t first, std::size_t last) const;

 private:
  UniqueFd fd_;
  std::string path_;
  std::vector<Entry> entries_;
};

/// Brings the image at `path` to the state after `last` entries, going on from where the previous call left it (a
/// file `path`.cursor says where), so that walking through a log costs one pass. When it is further on already it is
/// made anew: from `base` if that is not empty, else as an empty file of `size` bytes.
[[nodiscard]] Status bring_to(const Log& log, const std::string& path, std::size_t last, const std::string& base,
                              std::uint64_t size);

}  // namespace tclone::lab
