// SPDX-License-Identifier: GPL-2.0-or-later
// The journal's file: a ring of slots that are overwritten in place, so that a journal costs one flush of the disk instead
// of a commit of the filesystem. Private to this room.
//
// A slot is torn by a power cut in the middle of its write; it then has no whole entry, and the operation has not begun.
// The entries before the newest are what records are written from again when a power cut took them: a record that was
// renamed into place is durable with the filesystem's next commit, and until then its entry is not overwritten.
//
//   slot   "tclone journal 1 <number> <durable> <length> <crc32>\n" | text | zeros to the next 4 KiB
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "state/folder.h"

namespace tclone::state {

constexpr const char* kRingFile = "journal";
constexpr std::uint64_t kRingSlots = 16;
constexpr std::uint64_t kRingSlotBytes = 16384;
constexpr std::uint64_t kRingAlign = 4096;

struct RingEntry {
  std::uint64_t number = 0;   ///< counts up by one with each journal of the pool, from 1
  std::uint64_t durable = 0;  ///< the records of this one and all before it were durable when this was written
  std::string text;
  bool operator==(const RingEntry&) const = default;
};

/// Whether a text of this length has room in a slot with its head.
[[nodiscard]] bool fits_ring(std::size_t length) noexcept;
/// The slot's bytes, filled up to a multiple of kRingAlign. The text must fit.
[[nodiscard]] std::string encode_slot(const RingEntry& entry);
/// nullopt when the slot holds no whole entry: never written, or torn.
[[nodiscard]] std::optional<RingEntry> decode_slot(std::string_view slot);

class Ring {
 public:
  /// The ring of this folder; nullopt when there is none yet. damaged when its file is not one.
  [[nodiscard]] static Result<std::optional<Ring>> open(const Folder& folder);
  /// Makes one of zeros, durably (allocated and written, so that no later write of a slot changes the file's metadata).
  /// One that is there already is replaced.
  [[nodiscard]] static Status make(const Folder& folder);

  /// The entry of that number; nullopt when its slot holds another one, or none.
  [[nodiscard]] Result<std::optional<RingEntry>> at(std::uint64_t number) const;
  /// The entries numbered `number` + 1 and up, ascending and without a gap. When the file of the number was lost with a
  /// power cut, those that lead up to the newest.
  [[nodiscard]] Result<std::vector<RingEntry>> after(std::uint64_t number) const;
  /// Into its slot, durably: one direct write with RWF_DSYNC, which is one flush, or one FUA write where the disk has
  /// that. Where the filesystem has no direct I/O, a write and fdatasync(2).
  [[nodiscard]] Status write(const Folder& folder, const RingEntry& entry);

 private:
  explicit Ring(UniqueFd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] Result<std::optional<RingEntry>> in_slot(std::uint64_t slot) const;
  UniqueFd fd_;  ///< for reading, through the page cache, which a direct write invalidates
};

}  // namespace tclone::state
