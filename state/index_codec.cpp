// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/index_codec.h"

#include <zlib.h>

#include <algorithm>

#include "state/fields.h"
#include "state/pack.h"

namespace tclone::state {
namespace {

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));  // NOLINT: zlib's type for bytes
}

void put(PackWriter& io, const Vault& vault) { vault_fields(io, vault); }
void put(PackWriter& io, const Volume& volume) { volume_fields(io, volume); }
void put(PackWriter& io, const Version& version) { version_fields(io, version); }
void put(PackWriter& io, const Stamp& stamp) {
  io.integer(stamp.inode);
  io.integer(stamp.size);
  io.integer(static_cast<std::uint64_t>(stamp.written));
  io.integer(static_cast<std::uint64_t>(stamp.changed));
}

void get(PackReader& io, Vault& vault) { vault_fields(io, vault); }
void get(PackReader& io, Volume& volume) { volume_fields(io, volume); }
void get(PackReader& io, Version& version) { version_fields(io, version); }
void get(PackReader& io, Stamp& stamp) {
  stamp.inode = io.integer();
  stamp.size = io.integer();
  stamp.written = static_cast<std::int64_t>(io.integer());
  stamp.changed = static_cast<std::int64_t>(io.integer());
}

template <class Record>
void put(PackWriter& io, const Shelf<Record>& shelf) {
  put(io, shelf.folder);
  io.integer(shelf.records.size());
  for (std::size_t i = 0; i < shelf.records.size(); ++i) {
    put(io, shelf.stamps[i]);
    put(io, shelf.records[i]);
  }
}

template <class Record>
void get(PackReader& io, Shelf<Record>& shelf) {
  get(io, shelf.folder);
  const std::uint64_t count = io.length();
  const std::uint64_t likely = std::min<std::uint64_t>(count, 65536);  // no lie about it is to take all of the memory
  shelf.stamps.reserve(likely);
  shelf.records.reserve(likely);
  for (std::uint64_t i = 0; io.good() && i < count; ++i) {
    get(io, shelf.stamps.emplace_back());
    get(io, shelf.records.emplace_back());
    if (io.good() && i > 0)
      io.require(key_of(shelf.records[i - 1]) < key_of(shelf.records[i]), "name", "must be in ascending order");
  }
}

/// What stands before the uuid.
std::string head_of(std::string_view rest) {
  std::string out(kIndexMagic);
  // The program's version counts as well: a format that was forgotten to be raised is told apart by the next release.
  for (const std::uint32_t value : {checksum(TCLONE_VERSION) + kIndexFormat, checksum(rest)})
    for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
  return out;
}

}  // namespace

std::string encode(const Index& index, const Uuid& pool) {
  std::string out(kIndexHead, '\0');
  PackWriter io(out);
  io.uuid("pool", pool);
  put(io, index.vaults);
  put(io, index.volumes);
  put(io, index.versions);
  return out.replace(0, kIndexHead, head_of(std::string_view(out).substr(kIndexHead)));
}

std::optional<Index> decode_index(std::string_view bytes, const Uuid& pool) {
  if (bytes.size() < kShelvesAt) return std::nullopt;
  const std::string_view rest = bytes.substr(kIndexHead);
  if (bytes.substr(0, kIndexHead) != head_of(rest)) return std::nullopt;
  const auto same = [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); };
  if (!std::equal(pool.bytes.begin(), pool.bytes.end(), rest.begin(), same)) return std::nullopt;
  return decode_shelves(bytes.substr(kShelvesAt));
}

std::optional<Index> decode_shelves(std::string_view bytes) {
  Index index;
  PackReader io(bytes);
  get(io, index.vaults);
  get(io, index.volumes);
  get(io, index.versions);
  if (!io.good() || !io.at_end()) return std::nullopt;
  return index;
}

}  // namespace tclone::state
