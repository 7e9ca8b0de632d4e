// SPDX-License-Identifier: GPL-2.0-or-later
// Each record described once, for the reader and the writer alike: `io` is a Reader and the record is filled, or a
// Writer and the record is const. The order is the order in the file; tables come after plain fields because TOML
// wants it so. Private to this room.
#pragma once

#include <algorithm>
#include <set>

#include "model/filesystem.h"
#include "model/pool.h"
#include "model/vault.h"
#include "state/reader.h"
#include "state/writer.h"

namespace tclone::state {

constexpr std::uint32_t kNextIdMost = kMaxThinId + 1;  ///< a counter may stand behind the last id

constexpr std::uint32_t kMostStock = 64;
constexpr std::uint32_t kMostSlot = 31;  ///< LUKS2 has room for 32

constexpr Choice<FsKind> kFsKinds[] = {{FsKind::none, "none"}, {FsKind::ext4, "ext4"}, {FsKind::xfs, "xfs"}};
constexpr Choice<WhenFull> kWhenFull[] = {{WhenFull::queue, "queue"}, {WhenFull::error, "error"}};
constexpr Choice<Rekey::Stage> kStages[] = {{Rekey::Stage::copy, "copy"}, {Rekey::Stage::erase, "erase"}};
constexpr const char* kKeyKinds[] = {"file", "prompt", "stdin", "keyring", "credential", "exec", "token", "none"};

/// True when no two items have the same key.
template <class List, class Key>
[[nodiscard]] bool distinct(const List& list, Key key) {
  std::set<decltype(key(*list.begin()))> seen;
  for (const auto& item : list)
    if (!seen.insert(key(item)).second) return false;
  return true;
}
[[nodiscard]] inline bool ascending(const std::vector<std::uint64_t>& numbers) {
  return std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) == numbers.end();
}
constexpr auto kItself = [](const auto& item) { return item; };

template <class Io, class R>
void pool_fields(Io& io, R& pool) {
  io.pool_name("name", pool.name);
  io.uuid("uuid", pool.uuid);
  io.number("transaction", pool.transaction, 0, kMostNumber);
  io.number("next_outer", pool.next_outer, 0, kNextIdMost);
  io.number("sector_size", pool.sector_size, 512, 4096);
  io.require(pool.sector_size == 512 || pool.sector_size == 4096, "sector_size", "must be 512 or 4096");
  io.size("block", pool.block, kThinBlock);
  io.choice("when_full", pool.when_full, kWhenFull);
  io.time("created", pool.created);
  io.number("stock", pool.stock, 0, kMostStock);
  io.size("stock_for", pool.stock_for, kSectorsOrNone);
}

template <class Io, class R>
void header_fields(Io& io, R& header) {
  io.uuid("uuid", header.uuid);
  io.line("cipher", header.cipher);
  io.line("mode", header.mode);
  io.require(!header.cipher.empty(), "cipher", "must not be empty");
  io.require(!header.mode.empty(), "mode", "must not be empty");
  io.number("key_bits", header.key_bits, 8, 4096);
  io.require(header.key_bits % 8 == 0, "key_bits", "must be a multiple of 8");
  io.number("sector_size", header.sector_size, 512, 4096);
  io.require(header.sector_size == 512 || header.sector_size == 4096, "sector_size", "must be 512 or 4096");
  io.size("data_offset", header.data_offset, kWholeSectors);
}

template <class Io, class R>
void key_source_fields(Io& io, R& source) {
  io.one_of("kind", source.kind, kKeyKinds);
  io.line("reference", source.reference);
  const bool needed = source.kind == "keyring" || source.kind == "credential" || source.kind == "exec";
  io.require(!needed || !source.reference.empty(), "reference", "must not be empty with this kind");
}

template <class Io, class List>
void slot_fields(Io& io, List& slots) {
  io.rows("key_slots", slots, [](auto& row, auto& known) {
    row.number("slot", known.slot, 0, kMostSlot);
    key_source_fields(row, known.source);
  });
}

template <class Io, class R>
void rekey_fields(Io& io, R& rekey) {
  io.choice("stage", rekey.stage, kStages);
  io.thin("outer", rekey.outer);
  io.uuid("uuid", rekey.uuid);
  if (rekey.stage != Rekey::Stage::copy) return;
  io.size("done", rekey.done, kSectorsOrNone);
  slot_fields(io, rekey.slots);
  io.table("header", [&](auto& sub) { header_fields(sub, rekey.header); });
  io.table("key", [&](auto& sub) {
    key_source_fields(sub, rekey.key);
    sub.require(rekey.key.kind != "none", "kind", "must not be none in an encrypted vault");
  });
}

template <class Io, class R>
void vault_fields(Io& io, R& vault) {
  io.name("name", vault.name);
  io.uuid("uuid", vault.uuid);
  io.thin("outer", vault.outer);
  io.flag("encrypted", vault.encrypted);
  io.size("block", vault.block, kThinBlock);
  io.size("metadata", vault.metadata, kWholeSectors);
  io.size("provisioned", vault.provisioned, kSectorsOrNone);
  io.size("capacity", vault.capacity, kWholeSectors);
  io.count("repairs", vault.repairs, kNextIdMost);
  io.number("next_thin", vault.next_thin, 0, kNextIdMost);
  io.number("volumes", vault.volumes, 0, kNextIdMost);
  io.number("versions", vault.versions, 0, kNextIdMost);
  io.size("writable", vault.writable, kSectorsOrNone);
  io.flag("stock", vault.stock);
  io.require(!vault.stock || (vault.encrypted && vault.volumes == 0 && vault.versions == 0), "stock",
             "must be false in a plain vault or one that something lives in");
  slot_fields(io, vault.slots);
  if (vault.encrypted) io.table("header", [&](auto& sub) { header_fields(sub, vault.header); });
  io.table("key", [&](auto& sub) {
    key_source_fields(sub, vault.key);
    sub.require(!vault.encrypted || vault.key.kind != "none", "kind", "must not be none in an encrypted vault");
  });
  io.table("pending", [&](auto& sub) {
    sub.flag("format", vault.pending.format);
    sub.thins("create_thins", vault.pending.create_thins);
    sub.thins("delete_thins", vault.pending.delete_thins);
    sub.require(distinct(vault.pending.create_thins, kItself), "create_thins", "names a thin id twice");
    sub.require(distinct(vault.pending.delete_thins, kItself), "delete_thins", "names a thin id twice");
  });
  io.optional_table("rekey", vault.rekey, [](auto& sub, auto& rekey) { rekey_fields(sub, rekey); });
  io.require(!vault.rekey || vault.encrypted, "rekey", "is of a vault that is not encrypted");
}

template <class Io, class R>
void volume_fields(Io& io, R& volume) {
  io.name("name", volume.name);
  io.uuid("uuid", volume.uuid);
  io.name("vault", volume.vault);
  io.thin("thin", volume.thin);
  io.size("size", volume.size, kWholeSectors);
  io.choice("filesystem", volume.fs, kFsKinds);
  io.time("created", volume.created);
  io.ref("origin", volume.origin);
  io.ref("basis", volume.basis);
  io.flag("own_key", volume.own_key);
  // Without it the clone would read zeros where it has written nothing, and nobody would be told.
  io.require(!volume.own_key || volume.basis, "basis", "must be there in a clone with a key of its own");
  io.require(!volume.own_key || volume.origin, "origin", "must be there in a clone with a key of its own");
  io.name_or_none("follows", volume.follows);
  io.number("next_version", volume.next_version, 1, kMostNumber);
  io.numbers("versions", volume.versions);
  io.require(ascending(volume.versions), "versions", "must be in ascending order, each number once");
  io.require(volume.versions.empty() || volume.versions.back() < volume.next_version, "next_version",
             "must be larger than every version");
  io.tags("tags", volume.tags);
}

template <class Io, class R>
void version_fields(Io& io, R& version) {
  io.name("volume", version.volume);
  io.number("number", version.number, 1, kMostNumber);
  io.uuid("uuid", version.uuid);
  io.name("vault", version.vault);
  io.thin("thin", version.thin);
  io.size("size", version.size, kWholeSectors);
  io.choice("filesystem", version.fs, kFsKinds);
  io.ref("basis", version.basis);
  io.time("time", version.time);
  io.message("message", version.message);
}

template <class Io, class R>
void outer_ref_fields(Io& io, R& claim) {
  io.thin("outer", claim.outer);
  io.uuid("vault", claim.vault);
  io.name("name", claim.vault_name);
  io.flag("encrypted", claim.encrypted);
}

template <class Io, class R>
void inner_ref_fields(Io& io, R& claim) {
  io.name("vault", claim.vault);
  io.thin("outer", claim.outer);
  io.thin("thin", claim.thin);
  io.line("device", claim.device);
}

template <class Io, class List>
void outer_refs(Io& io, const char* key, List& list) {
  io.rows(key, list, [](auto& row, auto& claim) { outer_ref_fields(row, claim); });
  io.require(distinct(list, [](const auto& claim) { return claim.outer; }), key, "names an outer thin twice");
}

template <class Io, class List>
void inner_refs(Io& io, const char* key, List& list) {
  io.rows(key, list, [](auto& row, auto& claim) { inner_ref_fields(row, claim); });
  io.require(distinct(list, [](const auto& claim) { return std::pair(claim.outer, claim.thin); }), key,
             "names an inner thin twice");
}

template <class Io, class R>
void change_fields(Io& io, R& change) {
  const auto name = [](const auto& record) { return record.name; };
  const auto place = [](const auto& version) { return std::pair(version.volume, version.number); };
  io.names("gone_vaults", change.gone_vaults);
  io.names("gone_volumes", change.gone_volumes);
  io.version_names("gone_versions", change.gone_versions);
  io.optional_table("pool", change.pool, [](auto& sub, auto& pool) { pool_fields(sub, pool); });
  io.tables("vaults", change.vaults, [](auto& sub, auto& vault) { vault_fields(sub, vault); });
  io.tables("volumes", change.volumes, [](auto& sub, auto& volume) { volume_fields(sub, volume); });
  io.tables("versions", change.versions, [](auto& sub, auto& version) { version_fields(sub, version); });
  io.require(distinct(change.vaults, name), "vaults", "holds a vault twice");
  io.require(distinct(change.volumes, name), "volumes", "holds a volume twice");
  io.require(distinct(change.versions, place), "versions", "holds a version twice");
  // A record that is both written and removed has no meaning: which one wins would depend on the order.
  const auto apart = [](const auto& records, const auto& gone, const auto& key) {
    for (const auto& record : records)
      if (std::find(gone.begin(), gone.end(), key(record)) != gone.end()) return false;
    return true;
  };
  io.require(apart(change.vaults, change.gone_vaults, name), "gone_vaults", "removes a vault that is written");
  io.require(apart(change.volumes, change.gone_volumes, name), "gone_volumes", "removes a volume that is written");
  io.require(apart(change.versions, change.gone_versions, place), "gone_versions", "removes a version that is written");
}

template <class Io, class R>
void journal_fields(Io& io, R& journal) {
  io.line("operation", journal.operation);
  io.number("from", journal.from, 0, kMostNumber);
  io.number("to", journal.to, 0, kMostNumber);
  io.require(journal.to >= journal.from, "to", "must not be less than from");
  io.time("time", journal.time);
  io.lines("steps", journal.steps);
  io.table("after", [&](auto& sub) { change_fields(sub, journal.after); });
  io.table("to_undo", [&](auto& sub) {
    outer_refs(sub, "outer", journal.to_undo.outer);
    inner_refs(sub, "inner", journal.to_undo.inner);
  });
  io.table("cleanup", [&](auto& sub) {
    sub.names("reload", journal.cleanup.reload);
    outer_refs(sub, "outer", journal.cleanup.outer);
    inner_refs(sub, "inner", journal.cleanup.inner);
    outer_refs(sub, "shred", journal.cleanup.shred);
    outer_refs(sub, "reset", journal.cleanup.reset);
    sub.rows("renames", journal.cleanup.renames, [](auto& row, auto& rename) {
      row.line("from", rename.from);
      row.line("to", rename.to);
    });
    sub.rows("keys", journal.cleanup.keys, [](auto& row, auto& due) {
      row.name("vault", due.vault);
      row.thin("outer", due.outer);
      row.number("slot", due.slot, 0, kMostSlot);
      row.flag("last", due.last);
      row.flag("key_file", due.key_file);
    });
  });
}

}  // namespace tclone::state
