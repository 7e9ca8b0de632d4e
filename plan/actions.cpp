// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan/actions.h"

namespace tclone::plan {
namespace {

std::string id(ThinId thin) { return std::to_string(thin.n); }

struct Text {
  std::string operator()(const MakeRoom& a) const {
    return "make sure vault " + a.vault + " can hold " + format_size(a.writable) + " of writable volumes";
  }
  std::string operator()(const CreateOuter& a) const {
    return "create outer thin " + id(a.vault.outer) + " for vault " + a.vault.vault_name;
  }
  std::string operator()(const MakeHeader& a) const {
    return "make the key and the LUKS2 header of vault " + a.vault.name;
  }
  std::string operator()(const AddKey& a) const {
    return "add a key slot to vault " + a.vault.name + " for the secret from " + a.key.source.kind;
  }
  std::string operator()(const OpenNew& a) const {
    return "open vault " + a.vault.name + " and format its inner pool (" + format_size(a.vault.capacity) +
           " in blocks of " + format_size(a.vault.block) + ")";
  }
  std::string operator()(const OpenVault& a) const { return "open vault " + a.vault; }
  std::string operator()(const CreateThin& a) const { return "create thin " + id(a.thin) + " in vault " + a.vault; }
  std::string operator()(const Snapshot& a) const {
    std::string out = "snapshot at one point:";
    for (const Snap& s : a.snaps) {
      out += " thin " + id(s.origin) + " of vault " + s.vault + " as thin " + id(s.thin) + " (" + s.what + ")";
      if (&s != &a.snaps.back()) out += ",";
    }
    return out;
  }
  std::string operator()(const ActivateVolume& a) const { return "activate volume " + a.volume.name; }
  std::string operator()(const DeactivateVolume& a) const { return "deactivate volume " + a.volume; }
  std::string operator()(const DeactivateVersion& a) const {
    return "deactivate version " + a.volume + "@" + std::to_string(a.number);
  }
  std::string operator()(const MakeFilesystem& a) const {
    return std::string("make an ") + to_text(a.fs) + " filesystem on volume " + a.volume;
  }
  std::string operator()(const CopyImage& a) const { return "copy " + a.image + " to volume " + a.volume; }
  std::string operator()(const Commit& a) const {
    return "commit transaction " + std::to_string(a.to) + " (now " + std::to_string(a.from) + ")";
  }
  std::string operator()(const DeleteThin& a) const {
    return "delete thin " + id(a.thin.thin) + " of vault " + a.thin.vault;
  }
  std::string operator()(const DestroyVault& a) const {
    return "destroy vault " + a.vault.vault_name + (a.vault.encrypted ? " with its header and key" : "") +
           ", give back outer thin " + id(a.vault.outer);
  }
  std::string operator()(const ShredHeader& a) const {
    return "destroy the header and key of outer thin " + id(a.vault.outer) + ", which vault " + a.vault.vault_name +
           " has left";
  }
  std::string operator()(const ResetVault& a) const {
    return "discard what vault " + a.vault.vault_name + " holds behind its header";
  }
  std::string operator()(const RemoveKey& a) const {
    return "destroy key slot " + std::to_string(a.key.slot) + " of vault " + a.key.vault +
           (a.key.key_file ? " and its key file" : "");
  }
  std::string operator()(const RenameDevice& a) const {
    return "rename device " + a.rename.from + " to " + a.rename.to;
  }
  std::string operator()(const ReloadDevice& a) const {
    return "give the device of volume " + a.volume + " its new size";
  }
  std::string operator()(const Reactivate& a) const { return "activate volume " + a.volume + " if it was active"; }
  std::string operator()(const GrowFilesystem& a) const { return "grow the filesystem on volume " + a.volume; }
  std::string operator()(const CloseUnused&) const { return "close vaults and versions that nothing uses any more"; }
};

}  // namespace

std::string text_of(const Action& action) { return std::visit(Text{}, action); }

std::vector<Action> actions_for(const Cleanup& cleanup) {
  std::vector<Action> out;
  for (const DeviceRename& r : cleanup.renames) out.emplace_back(RenameDevice{r});
  for (const std::string& v : cleanup.reload) out.emplace_back(ReloadDevice{v});
  for (const KeyCleanup& k : cleanup.keys) out.emplace_back(RemoveKey{k});
  for (const InnerRef& c : cleanup.inner) out.emplace_back(DeleteThin{c});
  for (const OuterRef& c : cleanup.shred) out.emplace_back(ShredHeader{c});
  for (const OuterRef& c : cleanup.reset) out.emplace_back(ResetVault{c});
  for (const OuterRef& c : cleanup.outer) out.emplace_back(DestroyVault{c});
  return out;
}

}  // namespace tclone::plan
