// SPDX-License-Identifier: GPL-2.0-or-later
// Plans: what an operation will do, as a value, decided from facts alone. Identifiers, times and names that need the
// world (free names, random UUIDs) come in as facts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/filesystem.h"
#include "model/journal.h"
#include "model/key.h"
#include "model/pool.h"
#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"
#include "plan/actions.h"

namespace tclone::plan {

struct Plan {
  std::string operation;        ///< "clone db@3 to web1"
  std::vector<Action> prepare;  ///< before the journal
  std::vector<Action> before;   ///< reversible
  Commit commit;
  std::vector<Action> after;        ///< cleanup, in order
  std::vector<Action> best_effort;  ///< after the journal is gone
  RecordChange change;
  ToUndo to_undo;
  Cleanup cleanup;
  /// Texts in order of execution, the commit among them.
  [[nodiscard]] std::vector<std::string> texts() const;
};

/// Collects an operation; records touched twice are one record in the end.
class Draft {
 public:
  Draft(std::string pool_name, std::string operation, const PoolRecord& pool, std::int64_t now);

  /// The working copy of a record; the first call brings it in.
  Vault& vault(const Vault& current);
  Volume& volume(const Volume& current);

  /// A new vault with its outer thin, header, key and open inner pool. Returns its working copy.
  struct NewVault {
    std::string name;
    Uuid uuid, header;
    bool encrypted = true;
    KeySource key;
    Bytes size;
  };
  Vault& add_vault(const NewVault& wanted, Bytes outer_block);

  /// The next thin id of a vault, claimed.
  ThinId claim_thin(Vault& vault, const std::string& device);

  /// A version of `volume` as it is now; several calls before take_snapshots() are one consistent point.
  Version add_version(const Volume& current, const Vault& vault, const Uuid& uuid, const std::vector<std::string>& tags,
                      const std::string& message);
  void take_snapshots();

  /// A vault of the stock becomes the vault `name`: the same outer thin, header and key. Returns its working copy.
  Vault& take_from_stock(const Vault& stock, const std::string& name);

  void add_volume(const Volume& volume);
  void drop_volume(const Volume& volume, const Vault& vault, const std::vector<Version>& versions);
  void drop_version(const Volume& volume, const Vault& vault, const Version& version);

  [[nodiscard]] Plan finish();

  // Open to the plan functions below, which are the only users.
  std::string pool_name;
  Plan plan;
  PoolRecord pool;
  std::int64_t now;
  std::map<std::string, Vault> vaults;
  std::map<std::string, Volume> volumes;
  std::map<std::string, Version> versions;  ///< by "db@7"
  std::vector<Snap> snaps;
  std::map<std::string, std::string> recorded_as;  ///< vaults that this operation gives another name: new -> present
};

// ---- one function a command -----------------------------------------------------------------------------------

struct Common {
  std::string pool_name;
  PoolRecord pool;
  Bytes outer_block;
  std::int64_t now = 0;
};

struct CreateFacts {
  Common common;
  std::string name, vault_name;
  Uuid volume, vault, header;
  Bytes size;
  FsKind fs = FsKind::ext4;  ///< to make, or found in the image
  bool encrypted = true;
  KeySource key;
  std::string image;  ///< "" for none
};
[[nodiscard]] Plan plan_create(const CreateFacts& facts);

/// The source of a clone: a version that exists, or a volume of which one is made first.
struct CloneFacts {
  Common common;
  std::string name, vault_name;         ///< vault_name: of the new vault (own key)
  Uuid volume, vault, header, version;  ///< fresh
  Volume source;
  Vault source_vault;
  std::optional<Version> from;  ///< nullopt: publish first
  std::optional<Vault> into;    ///< --vault or --shared-key: the vault it goes to
  KeySource key;
  std::string follows;
  std::optional<Vault> stock = {};  ///< a vault made ahead, to be used instead of a new one
};
[[nodiscard]] Plan plan_clone(const CloneFacts& facts);

/// A vault made ahead of need, left open; finish() keeps it although nothing lives in it.
struct StockFacts {
  Common common;
  std::string name;
  Uuid vault, header;  ///< fresh
};
[[nodiscard]] Plan plan_stock(const StockFacts& facts);
/// Size of the volume that a vault of the stock is made for; one of another size takes it as well.
[[nodiscard]] Bytes stock_volume(const PoolRecord& pool);
/// A vault of the stock goes for good.
[[nodiscard]] Plan plan_unstock(const Common& common, const Vault& vault);
/// How many vaults are to be kept made ahead.
[[nodiscard]] Plan plan_stock_size(const Common& common, std::uint32_t count);

struct PublishItem {
  Volume volume;
  Vault vault;
  Uuid uuid;
};
struct PublishFacts {
  Common common;
  std::vector<PublishItem> items;
  std::vector<std::string> tags;
  std::string message;
};
[[nodiscard]] Plan plan_publish(const PublishFacts& facts);

/// revert and refresh: the volume starts again from `to`.
struct ResetFacts {
  Common common;
  std::string operation;
  Volume volume;
  Vault vault;
  Version to;
  bool was_active = false;
};
[[nodiscard]] Plan plan_reset(const ResetFacts& facts);
/// True when plan_restart would start the whole vault over.
[[nodiscard]] bool resets_vault(const Volume& volume, const Vault& vault, const Version& to);

struct RemoveFacts {
  Common common;
  Volume volume;
  std::vector<Version> versions;        ///< all of the volume's, or just the one to go
  std::map<std::string, Vault> vaults;  ///< of the volume and these versions
  bool only_versions = false;
  /// With a whole volume: its shared-key clones. They hold their blocks themselves and live on as base volumes, so that
  /// a new volume of the old name is never taken for what they came from.
  std::vector<Volume> orphans = {};
};
[[nodiscard]] Plan plan_remove(const RemoveFacts& facts);

struct RenameFacts {
  Common common;
  Volume volume;
  std::string to;
  std::optional<Vault> vault;  ///< the vault that is called like the volume, renamed with it
  bool vault_name_free = true;
  std::vector<Version> own_versions;
  std::vector<Volume> other_volumes;  ///< all that mention the volume or that vault
  std::vector<Version> other_versions;
};
[[nodiscard]] Plan plan_rename(const RenameFacts& facts);

struct TagFacts {
  Common common;
  Volume volume;
  std::string tag;
  std::optional<std::uint64_t> number;  ///< nullopt: untag
};
[[nodiscard]] Plan plan_tag(const TagFacts& facts);

struct ResizeFacts {
  Common common;
  Volume volume;
  Vault vault;
  Bytes size;
};
[[nodiscard]] Plan plan_resize(const ResizeFacts& facts);

/// Other key sources in the record of a vault, and slots of its header that go.
struct KeyFacts {
  Common common;
  std::string operation;
  Vault vault;  ///< as it will be
  std::vector<KeyCleanup> gone;
};
[[nodiscard]] Plan plan_key(const KeyFacts& facts);

/// A new volume key in three operations: a second half with its own header; the half becomes the vault, and the header
/// of the one it leaves is destroyed; the half that goes is given back. Copying and overwriting lie between these.
struct RekeyFacts {
  Common common;
  std::string operation;
  Vault vault;                    ///< as it is
  Uuid uuid, header;              ///< begin: fresh
  KeySource key;                  ///< begin: what opens it from then on
  std::vector<KeySource> others;  ///< begin: further sources that open it, three at most
};
[[nodiscard]] Plan plan_rekey_begin(const RekeyFacts& facts);
[[nodiscard]] Plan plan_rekey_switch(const RekeyFacts& facts);
/// Of the half that is overwritten, or with which a rekey is given up.
[[nodiscard]] Plan plan_rekey_end(const RekeyFacts& facts);
/// What is done from where the vault stands now to the end, for people.
[[nodiscard]] std::vector<std::string> rekey_texts(RekeyFacts facts);
/// The half of Vault::rekey as a vault of its own.
[[nodiscard]] Vault rekey_target(const Vault& vault);

/// Geometry of a vault for its first volume of that size, as create, clone and a vault that starts over use it.
void set_geometry(Vault& vault, Bytes size, Bytes outer_block);

}  // namespace tclone::plan
