// SPDX-License-Identifier: GPL-2.0-or-later
// What a plan is made of: actions as values, each with a text. engine/protocol/perform.cpp is the act to each text, so that
// --dry-run, the journal, the log and the tests all speak of the same thing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"
#include "model/filesystem.h"
#include "model/journal.h"
#include "model/key.h"
#include "model/vault.h"
#include "model/volume.h"

namespace tclone::plan {

// -- before anything is journalled: harmless by itself, and needed before a snapshot
struct MakeRoom {
  std::string vault;
  Bytes writable;
};  ///< capacity rule with this sum of writable sizes
// -- reversible, before the commit
struct CreateOuter {
  OuterRef vault;
};
struct MakeHeader {
  Vault vault;
};  ///< key, key file, LUKS2 header
/// Another key in the header just made, in the slot that is expected.
struct AddKey {
  Vault vault;
  SlotSource key;
};
struct OpenNew {
  Vault vault;
};  ///< layers up, inner pool formatted
struct OpenVault {
  std::string vault;
};  ///< of the store
struct CreateThin {
  std::string vault;
  ThinId outer, thin;
};
struct Snap {
  std::string vault;
  ThinId outer, origin, thin;
  std::string device;  ///< the origin's device, suspended when it is active
  std::string what;    ///< "db@4"
};
struct Snapshot {
  std::vector<Snap> snaps;
};  ///< one consistent point
struct ActivateVolume {
  Volume volume;
  Vault vault;
};
struct DeactivateVolume {
  std::string volume;
};
struct DeactivateVersion {
  std::string volume;
  std::uint64_t number = 0;
};
struct MakeFilesystem {
  std::string volume;
  FsKind fs = FsKind::none;
};
struct CopyImage {
  std::string volume, image;
};
// -- the commit point
struct Commit {
  std::uint64_t from = 0, to = 0;
};
// -- owed after it
struct DeleteThin {
  InnerRef thin;
};
struct DestroyVault {
  OuterRef vault;
};
struct ShredHeader {
  OuterRef vault;
};  ///< header and key file; the thin stays
struct ResetVault {
  OuterRef vault;
};
struct RemoveKey {
  KeyCleanup key;
};
struct RenameDevice {
  DeviceRename rename;
};
struct ReloadDevice {
  std::string volume;
};
// -- best effort after it; a failure here is told, but the operation stands
struct Reactivate {
  std::string volume;
};  ///< only when it was active before
struct GrowFilesystem {
  std::string volume;
};
struct CloseUnused {};  ///< vaults and versions nobody stands on any more

using Action = std::variant<MakeRoom, CreateOuter, MakeHeader, AddKey, ShredHeader, OpenNew, OpenVault, CreateThin,
                            Snapshot, ActivateVolume, DeactivateVolume, DeactivateVersion, MakeFilesystem, CopyImage,
                            Commit, DeleteThin, DestroyVault, ResetVault, RemoveKey, RenameDevice, ReloadDevice,
                            Reactivate, GrowFilesystem, CloseUnused>;

/// One line in the imperative: "snapshot db (thin 0 of vault db) as thin 4".
[[nodiscard]] std::string text_of(const Action& action);

/// Exactly the actions that pay these cleanup, in the order they must be paid. Recovery performs the same ones.
[[nodiscard]] std::vector<Action> actions_for(const Cleanup& cleanup);

}  // namespace tclone::plan
