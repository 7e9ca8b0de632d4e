// SPDX-License-Identifier: GPL-2.0-or-later
// The records of the state store, as values. One struct a TOML file; tclone-state(5) describes the files.
// Nothing here reads or writes anything, so every room may include it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"

namespace tclone {

enum class FsKind { none, ext4, xfs };
[[nodiscard]] const char* to_text(FsKind kind);
[[nodiscard]] Result<FsKind> parse_fs_kind(std::string_view text);

/// Names one version for good: the uuid decides, volume and number are how people call it. A rename rewrites
/// the names; a nil uuid never occurs in a record.
struct VersionRef {
  std::string volume;
  std::uint64_t number = 0;
  Uuid uuid;
  bool operator==(const VersionRef&) const = default;
  /// "db@7"
  [[nodiscard]] std::string text() const { return volume + "@" + std::to_string(number); }
};

/// versions/<volume>@<number>.toml: an immutable point of a volume.
struct Version {
  std::string volume;
  std::uint64_t number = 0;  ///< from 1 upwards, never reused within a volume
  Uuid uuid;
  std::string vault;  ///< the vault it lives in
  ThinId thin;        ///< in that vault's inner pool
  Bytes size;
  FsKind fs = FsKind::none;
  /// The external origin its thin must be activated with (thin-provisioning.rst: every descendant of a thin
  /// with an external origin needs the same one), if any.
  std::optional<VersionRef> basis;
  std::int64_t time = 0;  ///< seconds since the epoch, UTC
  std::string message;
  bool operator==(const Version&) const = default;
  [[nodiscard]] VersionRef ref() const { return {volume, number, uuid}; }
};

/// volumes/<name>.toml: something writable.
struct Volume {
  std::string name;
  Uuid uuid;
  std::string vault;
  ThinId thin;
  Bytes size;
  FsKind fs = FsKind::none;
  std::int64_t created = 0;
  /// The version it was cloned, reverted or refreshed from; none for a base volume.
  std::optional<VersionRef> origin;
  /// External origin of its present thin: equals origin for an own-key clone, else inherited, else none.
  std::optional<VersionRef> basis;
  bool own_key = false;  ///< an own-key clone (or a clone put in another vault), as against shared-key
  std::string follows;   ///< the tag refresh goes to; "latest" unless --follow said otherwise; "" if no clone
  std::uint64_t next_version = 1;
  std::vector<std::uint64_t> versions;        ///< numbers that exist, ascending
  std::map<std::string, std::uint64_t> tags;  ///< tag -> number; "latest" always names the newest, if any
  bool operator==(const Volume&) const = default;
};

/// How a vault is unlocked: what kind of source, and where; never the secret itself.
struct KeySource {
  std::string kind = "file";  ///< file, prompt, stdin, keyring, credential, exec, token; "none" for a plain vault
  std::string reference;      ///< path, description, name or command; empty: the default key file of the vault
  /// The random key file that tclone makes itself, one a vault.
  [[nodiscard]] bool generated() const { return kind == "file" && reference.empty(); }
  bool operator==(const KeySource&) const = default;
};

/// A key slot of a vault's header, and where its secret comes from.
struct SlotSource {
  std::uint32_t slot = 0;
  KeySource source;
  bool operator==(const SlotSource&) const = default;
};

/// What must be found in the LUKS2 header, and is compared at every open.
struct HeaderFacts {
  Uuid uuid;
  std::string cipher;             ///< "aes"
  std::string mode;               ///< "xts-plain64"
  std::uint32_t key_bits = 0;     ///< volume key, 512
  std::uint32_t sector_size = 0;  ///< 4096 or 512
  Bytes data_offset;              ///< of the payload on the outer thin: 2 MiB
  bool operator==(const HeaderFacts&) const = default;
};

/// Work inside a vault that was owed when the vault was closed; done when it is next opened, before use.
struct Pending {
  /// The inner pool is to be formatted afresh: what is on the device is noise. create_thins follow.
  bool format = false;
  std::vector<ThinId> create_thins;
  std::vector<ThinId> delete_thins;
  bool operator==(const Pending&) const = default;
  [[nodiscard]] bool empty() const { return !format && create_thins.empty() && delete_thins.empty(); }
};

/// A vault gets a new volume key: its second half, which is a whole outer thin with its own header, is filled from the
/// first, becomes the vault, and the half it leaves is overwritten (engine/rekey.h).
struct Rekey {
  enum class Stage { copy, erase };
  Stage stage = Stage::copy;
  ThinId outer;  ///< copy: the half being filled; erase: the half that goes
  Uuid uuid;     ///< the vault's uuid to be, or the one it had: it names the key file
  // Of the half being filled only; its data offset and all sizes are those of the vault:
  HeaderFacts header;
  KeySource key;
  std::vector<SlotSource> slots;
  Bytes done;  ///< what lies before this on the outer thin is copied, durably
  bool operator==(const Rekey&) const = default;
};

/// vaults/<name>.toml: one encryption domain, or a plain one, on one outer thin.
struct Vault {
  std::string name;
  Uuid uuid;
  ThinId outer;  ///< thin id in the outer pool; also names its inner layers, so a rename touches no device
  bool encrypted = true;
  HeaderFacts header;  ///< meaningless when not encrypted
  KeySource key;       ///< what is asked when it is opened
  /// The sources whose slots are known, oldest first, `key` among them. Empty until a key is added: `key` is then in
  /// slot 0. A slot that somebody else made is in the header only.
  std::vector<SlotSource> slots;
  Bytes block;        ///< inner block size, 64 KiB upwards
  Bytes metadata;     ///< present size of the inner metadata device
  Bytes provisioned;  ///< of the metadata area, how much from its start is known to have outer blocks
  Bytes capacity;     ///< present size of the inner data device
  /// How often its metadata was repaired: each repair writes to the half of the metadata's room that is not in use, and
  /// raising this number is what makes the repaired metadata the one that counts. Odd: it lies in the upper half.
  std::uint32_t repairs = 0;
  std::uint32_t next_thin = 0;  ///< next inner thin id
  // What lives in it, kept here so that no operation has to read every volume:
  std::uint32_t volumes = 0;   ///< writable volumes
  std::uint32_t versions = 0;  ///< versions
  Bytes writable;              ///< sum of the sizes of its writable volumes (capacity rule)
  Pending pending;
  /// Made ahead for a clone to come: it has a header, a key file and an inner pool, and nothing lives in it.
  bool stock = false;
  std::optional<Rekey> rekey;  ///< under way
  bool operator==(const Vault&) const = default;
  /// The vault may not be opened: what changed in it would be missing in the half that is filled.
  [[nodiscard]] bool being_copied() const { return rekey && rekey->stage == Rekey::Stage::copy; }
};

/// What the outer pool does with writes when it is full (thin-pool feature error_if_no_space).
enum class WhenFull { queue, error };

/// pool.toml
struct PoolRecord {
  Uuid uuid;
  std::string name;
  std::uint64_t transaction = 0;  ///< equals the kernel's transaction id of the outer pool
  std::uint32_t next_outer = 1;   ///< next outer thin id
  std::uint32_t sector_size = 4096;
  Bytes block;  ///< outer block size, as in the label
  WhenFull when_full = WhenFull::queue;
  std::int64_t created = 0;
  std::uint32_t stock = 0;  ///< how many vaults are kept made ahead for own-key clones
  Bytes stock_for;          ///< size of the volume that the next one is made for: that of the latest clone
  bool operator==(const PoolRecord&) const = default;
};

/// Records as they will be after an operation, and those that will be gone.
struct RecordChange {
  std::optional<PoolRecord> pool;
  std::vector<Vault> vaults;
  std::vector<Volume> volumes;
  std::vector<Version> versions;
  std::vector<std::string> gone_vaults;
  std::vector<std::string> gone_volumes;
  std::vector<std::pair<std::string, std::uint64_t>> gone_versions;
  bool operator==(const RecordChange&) const = default;
};

/// An outer thin with its vault, as an operation claims or owes it.
struct OuterClaim {
  ThinId outer;
  Uuid vault;
  std::string vault_name;
  bool encrypted = true;
  bool operator==(const OuterClaim&) const = default;
};
/// An inner thin and the device-mapper device it may be active as ("" if never activated).
struct InnerClaim {
  std::string vault;  ///< name of the vault's record
  ThinId outer;       ///< the vault's outer thin, which names its layers
  ThinId thin;
  std::string device;
  bool operator==(const InnerClaim&) const = default;
};
/// A device-mapper device that changes its name with a rename.
struct DeviceRename {
  std::string from, to;
  bool operator==(const DeviceRename&) const = default;
};

/// A key slot that goes.
struct KeyDue {
  std::string vault;  ///< name of the vault's record
  ThinId outer;
  std::uint32_t slot = 0;
  bool last = false;      ///< although it is the last one
  bool key_file = false;  ///< the key file that tclone made goes as well
  bool operator==(const KeyDue&) const = default;
};

/// What may exist although the operation did not reach its commit point: recovery before it undoes these.
struct Claims {
  std::vector<OuterClaim> outer;  ///< layers down, header overwritten, thin deleted, key file removed
  std::vector<InnerClaim> inner;  ///< device removed, thin deleted now or as pending of its vault
  bool operator==(const Claims&) const = default;
};
/// What is owed once the operation is committed: recovery after it does these (again).
struct Dues {
  std::vector<OuterClaim> outer;      ///< vaults to destroy: as in Claims
  std::vector<InnerClaim> inner;      ///< inner thins to delete, now or as pending
  std::vector<OuterClaim> shred;      ///< headers and key files to destroy of halves that stay to be overwritten
  std::vector<OuterClaim> restart;    ///< vaults to start over: layers down, everything behind the header discarded
  std::vector<DeviceRename> renames;  ///< active devices to rename
  std::vector<KeyDue> keys;           ///< key slots to destroy
  std::vector<std::string> reload;    ///< volumes whose active device gets its new size
  bool operator==(const Dues&) const = default;
};

/// journal.toml: one operation under way. Durable before the kernel is touched (DESIGN, operation protocol).
struct Journal {
  std::string operation;           ///< "clone db@3 to web1", as in messages
  std::uint64_t from = 0, to = 0;  ///< kernel transaction ids: the commit is set_transaction_id from to
  std::int64_t time = 0;
  std::vector<std::string> steps;  ///< texts of the plan, for people
  RecordChange after;
  Claims claims;
  Dues dues;
  bool operator==(const Journal&) const = default;
};

}  // namespace tclone
