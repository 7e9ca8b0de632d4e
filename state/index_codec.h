// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of the index, which index.h is about. Private to this room (and its tests).
//
//   "tclone-index" | format | crc32 of what follows (4 bytes each, little-endian) | uuid of the pool (16 bytes)
//   and for vaults, volumes and versions: stamp of the folder, number of records, and of each the stamp and the packed record
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"

namespace tclone::state {

/// Raised whenever records are packed otherwise: a field more, less or elsewhere. A test holds it against fields.h.
constexpr std::uint32_t kIndexFormat = 1;

constexpr std::string_view kIndexMagic = "tclone-index";
constexpr std::size_t kIndexHead = kIndexMagic.size() + 4 + 4;
constexpr std::size_t kShelvesAt = kIndexHead + 16;

/// What tells that a file or folder has not changed. Without an inode it is the stamp of none: not to be trusted.
struct Stamp {
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t written = 0;  ///< mtime and ctime, in nanoseconds
  std::int64_t changed = 0;
  bool operator==(const Stamp&) const = default;
};

/// The records of one folder in ascending order, each with the stamp its file had before it was read.
template <class Record>
struct Shelf {
  Stamp folder;
  std::vector<Stamp> stamps;
  std::vector<Record> records;
  void put(const Stamp& stamp, Record record) {
    stamps.push_back(stamp);
    records.push_back(std::move(record));
  }
};

struct Index {
  Shelf<Vault> vaults;
  Shelf<Volume> volumes;
  Shelf<Version> versions;
};

[[nodiscard]] std::string encode(const Index& index, const Uuid& pool);
/// Nothing for whatever encode() has not made, of this format and for this pool.
[[nodiscard]] std::optional<Index> decode_index(std::string_view bytes, const Uuid& pool);
/// What stands at kShelvesAt, whatever the checksum says: for fuzzing.
[[nodiscard]] std::optional<Index> decode_shelves(std::string_view bytes);

/// What the folder is sorted by.
[[nodiscard]] inline std::string_view key_of(const Vault& vault) { return vault.name; }
[[nodiscard]] inline std::string_view key_of(const Volume& volume) { return volume.name; }
[[nodiscard]] inline std::pair<std::string_view, std::uint64_t> key_of(const Version& version) {
  return {version.volume, version.number};
}

}  // namespace tclone::state
