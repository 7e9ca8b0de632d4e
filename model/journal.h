// SPDX-License-Identifier: GPL-2.0-or-later
// One operation under way, and what it may leave behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/pool.h"
#include "model/vault.h"
#include "model/volume.h"

namespace tclone {

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
struct OuterRef {
  ThinId outer;
  Uuid vault;
  std::string vault_name;
  bool encrypted = true;
  bool operator==(const OuterRef&) const = default;
};
/// An inner thin and the device-mapper device it may be active as ("" if never activated).
struct InnerRef {
  std::string vault;  ///< name of the vault's record
  ThinId outer;       ///< the vault's outer thin, which names its layers
  ThinId thin;
  std::string device;
  bool operator==(const InnerRef&) const = default;
};
/// A device-mapper device that changes its name with a rename.
struct DeviceRename {
  std::string from, to;
  bool operator==(const DeviceRename&) const = default;
};

/// A key slot that goes.
struct KeyCleanup {
  std::string vault;  ///< name of the vault's record
  ThinId outer;
  std::uint32_t slot = 0;
  bool last = false;      ///< although it is the last one
  bool key_file = false;  ///< the key file that tclone made goes as well
  bool operator==(const KeyCleanup&) const = default;
};

/// What may exist although the operation did not reach its commit point: recovery before it undoes these.
struct ToUndo {
  std::vector<OuterRef> outer;  ///< layers down, header overwritten, thin deleted, key file removed
  std::vector<InnerRef> inner;  ///< device removed, thin deleted now or as pending of its vault
  bool operator==(const ToUndo&) const = default;
};
/// What is owed once the operation is committed: recovery after it does these (again).
struct Cleanup {
  std::vector<OuterRef> outer;        ///< vaults to destroy: as in ToUndo
  std::vector<InnerRef> inner;        ///< inner thins to delete, now or as pending
  std::vector<OuterRef> shred;        ///< headers and key files to destroy of halves that stay to be overwritten
  std::vector<OuterRef> reset;        ///< vaults to start over: layers down, everything behind the header discarded
  std::vector<DeviceRename> renames;  ///< active devices to rename
  std::vector<KeyCleanup> keys;       ///< key slots to destroy
  std::vector<std::string> reload;    ///< volumes whose active device gets its new size
  bool operator==(const Cleanup&) const = default;
};

/// journal.toml: one operation under way. Durable before the kernel is touched (DESIGN, operation protocol).
struct Journal {
  std::string operation;           ///< "clone db@3 to web1", as in messages
  std::uint64_t from = 0, to = 0;  ///< kernel transaction ids: the commit is set_transaction_id from to
  std::int64_t time = 0;
  std::vector<std::string> steps;  ///< texts of the plan, for people
  RecordChange after;
  ToUndo to_undo;
  Cleanup cleanup;
  bool operator==(const Journal&) const = default;
};

}  // namespace tclone
