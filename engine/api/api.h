// SPDX-License-Identifier: GPL-2.0-or-later
// What the command line asks of the engine: one request and one function a command. Every function checks its
// arguments, finds the pool, takes the lock where it changes something (recovering first if a crash left a journal),
// and leaves either everything or nothing done. Errors carry Error::attempted.
//
// `pool` in a request may be empty: the only known pool, or default_pool of tclone.toml, is meant then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/env.h"
#include "model/filesystem.h"
#include "model/key.h"
#include "model/pool.h"
#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"

namespace tclone::engine {

struct StepTime {
  std::string text;
  double ms = 0;
};

/// What an operation that changes something did, or with Env::dry_run would do.
struct Outcome {
  std::string operation;              ///< "clone db@3 to web1"
  std::string name;                   ///< the volume or pool it was about
  std::string device;                 ///< its device path when it is active afterwards, else ""
  std::vector<VersionRef> versions;   ///< made by it
  std::vector<StepTime> steps;        ///< in order; ms is 0 in a dry run
  std::vector<std::string> warnings;  ///< done, but...
  bool changed = true;                ///< false: it was so already
};

// ---- pools ------------------------------------------------------------------------------------------------------

struct PoolCreate {
  std::string name = "default";
  std::string file;           ///< "" with no devices: <lib>/<name>.pool
  std::optional<Bytes> size;  ///< of the file; default: 80 % of the free space, at least 1 GiB, sparse
  std::vector<std::string> devices;
  std::uint32_t sector_size = 4096;  ///< 4096 or 512
  WhenFull when_full = WhenFull::queue;
  bool force = false;  ///< over known signatures; never over something in use
};
[[nodiscard]] Result<Outcome> pool_create(Env& env, const PoolCreate& request);

struct PoolSummary {
  std::string name;
  Uuid uuid;
  std::vector<std::string> paths;
  bool active = false;
  std::string trouble;  ///< why it cannot be told more, or ""
};
[[nodiscard]] Result<std::vector<PoolSummary>> pool_list(Env& env);

struct Usage {
  Bytes used, total;
};
struct VaultView {
  Vault record;
  bool open = false;
  std::optional<Usage> data, metadata;  ///< of the inner pool, when open
  std::string health;                   ///< "ok", "read-only", "needs check", "out of data space"...; "closed", "rekey"
  std::optional<Bytes> allocated;       ///< taken from the outer pool, when open
};
struct VolumeView {
  Volume record;
  KeySource key;
  bool encrypted = true;
  bool active = false;
  std::string device;  ///< path, whether it is active or not
  std::vector<std::string> mounts;
  std::optional<Bytes> mapped;     ///< what its thin maps, when active
  std::optional<Bytes> exclusive;  ///< what only it holds, where that is cheap to know
};
struct PoolView {
  PoolSummary summary;
  PoolRecord record;  ///< when active
  Bytes block;
  Usage data, metadata;
  std::string health;
  Bytes reserve, free;
  bool below_reserve = false;
  std::string unfinished;  ///< operation a crash left, or ""
  std::string under_way;   ///< operation that another command is at, or ""
  std::vector<VaultView> vaults;
  std::vector<VolumeView> volumes;
};
[[nodiscard]] Result<PoolView> pool_status(Env& env, const std::string& pool);

struct PoolActivate {
  std::string pool;
  bool volumes = false;   ///< every volume as well; those that fail are warnings
  bool takeover = false;  ///< although the label says that another host has it
};
[[nodiscard]] Result<Outcome> pool_activate(Env& env, const PoolActivate& request);
[[nodiscard]] Result<Outcome> pool_deactivate(Env& env, const std::string& pool);

struct PoolImport {
  std::vector<std::string> paths;  ///< every device, or the file
  std::string name;                ///< "" for the name in the label
  bool takeover = false;
};
/// Remembers where the pool is and activates it.
[[nodiscard]] Result<Outcome> pool_import(Env& env, const PoolImport& request);
/// Deactivates it and forgets where it is.
[[nodiscard]] Result<Outcome> pool_export(Env& env, const std::string& pool);
struct PoolGrow {
  std::string pool;
  std::optional<Bytes> size;     ///< of the pool's file, which is made so large first; only for a pool in a file
  std::vector<std::string> add;  ///< devices to add
  bool force = false;            ///< over known signatures on them
};
/// Online: takes what its file or devices have become larger by, and the devices added. The label is written before the
/// kernel's pool grows, so a crash in between only means that it grows at the next activation.
[[nodiscard]] Result<Outcome> pool_grow(Env& env, const PoolGrow& request);

struct Finding;
/// Checks the metadata of every layer that can be looked at without a key (thin_check), headers and thin ids against
/// the records. Empty: all is well. Changes nothing.
[[nodiscard]] Result<std::vector<Finding>> pool_check(Env& env, const std::string& pool);
/// Repairs the outer metadata of a pool that is not active: thin_repair writes to the spare area, which then becomes the
/// metadata area; the old one is kept as the spare. Outcome::changed is false when thin_check finds nothing wrong.
[[nodiscard]] Result<Outcome> pool_repair(Env& env, const std::string& pool, bool force);
/// The same for the inner pool of one closed vault of an active pool: thin_repair writes to the half of the metadata's
/// room that is not in use, and the vault's record then says that the metadata are there. The damaged ones are kept until
/// the next repair, which needs `force` (exists without it). May be cut off anywhere and begun anew. Asks for the key.
[[nodiscard]] Result<Outcome> vault_repair(Env& env, const std::string& pool, const std::string& vault, bool force);

struct PoolStock {
  std::string pool;
  std::optional<std::uint32_t> count;  ///< 0 to 64, kept from now on; default: what is kept already
};
/// Makes vaults ahead for own-key clones, or removes some, until there are as many as are to be kept. Each is an operation
/// by itself, with the lock released in between. no_space below the reserve.
[[nodiscard]] Result<Outcome> pool_stock(Env& env, const PoolStock& request);

/// Every vault's header overwritten, keys removed, label wiped, the default file removed. Needs no open vault.
/// The caller has asked for confirmation. Refused (busy) while a volume is mounted or held open.
[[nodiscard]] Result<Outcome> pool_destroy(Env& env, const std::string& pool);

// ---- volumes ----------------------------------------------------------------------------------------------------

struct Create {
  std::string pool, name;
  std::optional<Bytes> size;  ///< may be missing with `from`: the image's size
  FsKind fs = FsKind::ext4;   ///< ignored with `from`, whose filesystem is looked up
  bool plain = false;
  std::optional<KeySource> key;  ///< default: a generated key file
  std::string from;              ///< image file or block device, or ""
};
[[nodiscard]] Result<Outcome> create(Env& env, const Create& request);

struct Clone {
  std::string pool, source, name;  ///< source: "db", "db@3", "db@stable"
  bool shared_key = false;
  std::string vault;  ///< put it into this existing vault
  std::optional<KeySource> key;
  std::string follows;  ///< tag; "" means latest
};
[[nodiscard]] Result<Outcome> clone(Env& env, const Clone& request);

struct Publish {
  std::string pool;
  std::vector<std::string> names;
  std::vector<std::string> tags;
  std::string message;
};
[[nodiscard]] Result<Outcome> publish(Env& env, const Publish& request);

struct Reset {
  std::string pool, name;
  std::string to;         ///< number or tag; "" for the default of the command
  bool if_newer = false;  ///< refresh: nothing to do when it stands on that version already
};
/// Back to the origin version, or to one of its own (`to`); a base volume goes back to its newest version.
[[nodiscard]] Result<Outcome> revert(Env& env, const Reset& request);
/// To the version it follows, or `to` of the volume it was cloned from.
[[nodiscard]] Result<Outcome> refresh(Env& env, const Reset& request);

struct Named {
  std::string pool, name;
};
/// A volume with its versions, or one version ("db@3").
[[nodiscard]] Result<Outcome> remove(Env& env, const Named& request);
[[nodiscard]] Result<Outcome> rename(Env& env, const Named& from, const std::string& to);
/// `target` is "db@3" or "db@latest" (or "db": its newest version).
[[nodiscard]] Result<Outcome> tag(Env& env, const std::string& pool, const std::string& target, const std::string& tag);
[[nodiscard]] Result<Outcome> untag(Env& env, const std::string& pool, const std::string& volume,
                                    const std::string& tag);
[[nodiscard]] Result<Outcome> resize(Env& env, const Named& request, Bytes size);

/// Names may be volumes or versions; `all` means every volume. Several failures: the first error, others as warnings.
struct Activation {
  std::string pool;
  std::vector<std::string> names;
  bool all = false;
};
[[nodiscard]] Result<Outcome> activate(Env& env, const Activation& request);
[[nodiscard]] Result<Outcome> deactivate(Env& env, const Activation& request);

struct Mount {
  std::string pool, name;  ///< a volume, or a version (read-only)
  std::string folder;      ///< "" for /run/tclone/<pool>/mnt/<name>; made when missing
  bool read_only = false;
  std::string options;
};
struct Mounted {
  Outcome outcome;
  std::string folder;
};
[[nodiscard]] Result<Mounted> mount(Env& env, const Mount& request);
/// By volume name or by folder. The volume stays active.
[[nodiscard]] Result<Outcome> unmount(Env& env, const Named& request);

// ---- keys -------------------------------------------------------------------------------------------------------
// NAME is a volume; its vault is meant.

struct KeyAdd {
  std::string pool, name;
  KeySource key;                    ///< "file" without a path: the key file that tclone makes
  std::optional<KeySource> unlock;  ///< what opens the vault now; default: the recorded source
};
/// A slot for another secret. Slot first, record after: nothing is lost by a crash in between, and repeating it is fine.
/// "token" adds no slot: it records that a token which is in the header already opens the vault.
[[nodiscard]] Result<Outcome> key_add(Env& env, const KeyAdd& request);

struct KeyRemove {
  std::string pool, name;
  std::optional<std::uint32_t> slot;  ///< one of these two
  std::optional<KeySource> key;
  std::optional<KeySource> use;  ///< recorded from then on; default: the last one added that is left
  bool last = false;             ///< although nothing opens the vault afterwards
};
/// Record first, slot after. With the slot of the key file that tclone made the file goes as well.
[[nodiscard]] Result<Outcome> key_remove(Env& env, const KeyRemove& request);

struct RekeyRequest {
  std::string pool, name;
  std::optional<KeySource> key;     ///< asked by activate from then on; default: the recorded source
  std::optional<KeySource> unlock;  ///< what opens the vault now; default: the recorded source
  bool lose_keys = false;           ///< although keys that cannot be read now open nothing afterwards
  bool compare = false;             ///< read back and compare what was copied
  bool cancel = false;              ///< give up one that is under way
};
/// A new volume key for the vault of a volume, by copying it; goes on with one that is under way. Whatever ends it, it can
/// be gone on with. Errors: busy while anything in the vault is active; exists when keys would be lost; no_space.
[[nodiscard]] Result<Outcome> rekey(Env& env, const RekeyRequest& request);

struct KeySlotView {
  std::uint32_t slot = 0;
  std::string kdf;
  std::uint32_t iterations = 0, memory_kib = 0;
  std::vector<KeySource> sources;  ///< empty: not made by tclone
};
struct KeyList {
  std::string volume, vault;
  KeySource used;  ///< what activate asks
  std::vector<KeySlotView> slots;
};
[[nodiscard]] Result<KeyList> key_list(Env& env, const Named& volume);

struct KeyTested {
  std::string volume, vault;
  KeySource source;
  std::uint32_t slot = 0;
};
/// Whether a source opens the vault; default: the recorded one. Error key if not. Opens nothing.
[[nodiscard]] Result<KeyTested> key_test(Env& env, const Named& volume, const std::optional<KeySource>& source);

/// The header with its slots into a new file, and back. The file may not lie on the pool's own state area or volumes.
[[nodiscard]] Result<Outcome> key_backup(Env& env, const Named& volume, const std::string& file);
/// Needs a closed vault (busy) and a file whose header is the one of the record (damaged). Slots removed since the backup
/// open the vault again: the caller has asked for confirmation.
[[nodiscard]] Result<Outcome> key_restore(Env& env, const Named& volume, const std::string& file);

// ---- looking ------------------------------------------------------------------------------------------------------
// No lock is taken: records are read as they are.

[[nodiscard]] Result<std::vector<VolumeView>> list(Env& env, const std::string& pool);

struct VersionView {
  Version record;
  std::vector<std::string> tags;
  bool active = false;
  std::string device;
  std::vector<std::string> clones;  ///< volumes cloned from it, own-key and shared-key
};
struct TreeNode {
  std::string text;  ///< "db" or "db@3"
  bool version = false;
  bool own_key = false;  ///< of a clone
  std::vector<std::string> tags;
  std::vector<TreeNode> below;
};
[[nodiscard]] Result<std::vector<TreeNode>> tree(Env& env, const std::string& pool);
/// Newest first.
[[nodiscard]] Result<std::vector<VersionView>> history(Env& env, const Named& volume);

struct Shown {
  std::optional<VolumeView> volume;  ///< one of the two
  std::optional<VersionView> version;
  VaultView vault;
};
[[nodiscard]] Result<Shown> show(Env& env, const Named& target);
/// Device path of a volume or version; not_found when there is no such thing, whether it is active or not.
[[nodiscard]] Result<std::string> path(Env& env, const Named& request);

// ---- care -----------------------------------------------------------------------------------------------------------

/// Finishes or undoes what a crash left; Outcome::changed is false when there was nothing.
[[nodiscard]] Result<Outcome> recover(Env& env, const std::string& pool);

struct Finding {
  std::string what;  ///< one sentence
  std::string consequence;
  std::string mend;     ///< a command, or what to do
  bool serious = true;  ///< false: advice only
};
/// Looks at everything it may look at without a key and without changing anything.
[[nodiscard]] Result<std::vector<Finding>> doctor(Env& env, const std::string& pool);

}  // namespace tclone::engine
