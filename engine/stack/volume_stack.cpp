// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/volume_stack.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fault.h"
#include "dm/by_uuid.h"
#include "dm/targets.h"
#include "engine/stack/pins.h"
#include "engine/stack/suspended.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_stack.h"
#include "model/device_names.h"
#include "model/names.h"
#include "os/probe.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 3000ms;
constexpr int kDeepest = 64;  // lineage deeper than this is taken for a cycle

std::string uuid_of(const Volume& volume) { return device_names::uuid(volume.uuid, "volume"); }
std::string uuid_of(const VersionRef& version) { return device_names::uuid(version.uuid, "version"); }

Status refuse_held(Session& s, const std::optional<dm::Info>& info, const std::string& what) {
  if (!info || info->open_count == 0) return {};
  const auto held = s.env.holders(info->major, info->minor);
  // An open without a holder to be found is most often udev or blkid looking at it: they are gone in a moment, and
  // remove() waits for them.
  if (held.empty()) return {};
  return fail(Code::busy, what, os::in_use_text(held), "unmount it (`tclone umount`) or end that process", EBUSY);
}

/// What a thin of the vault is made on.
Result<std::string> inner_pool_dev(Session& s, Work& w, const Vault& v) {
  const auto info = TC_TRY(s.env.dm.info(device_names::vault_pool(s.pool, v.outer)));
  if (!info) return fail(Code::damaged, "vault " + v.name, "its inner pool is not there", "run `tclone recover`");
  TC_CHECK(refuse_while_it_waits(s, w, v));
  return info->dev();
}

/// Error damaged, naming the record, when the inner pool does not have the thin that it says.
Status create_thin_device(Session& s, const dm::Spec& spec, const std::string& record, ThinId thin) {
  auto made = s.env.dm.create(spec);
  if (made || made.error().sys != ENODATA) return made;
  return fail(Code::damaged, s.store.folder() + "/" + record + ".toml",
              "it says thin = " + std::to_string(thin.n) + ", which its vault does not have",
              "correct the file, or bring it back from a copy; `tclone pool check` looks at all of them");
}

Result<std::string> activate_version_at(Session& s, Work& w, const VersionRef& ref, int depth);

Result<std::optional<std::string>> basis_dev(Session& s, Work& w, const std::optional<VersionRef>& basis, int depth) {
  if (!basis) return std::optional<std::string>{};
  return std::optional<std::string>{TC_TRY(activate_version_at(s, w, *basis, depth + 1))};
}

/// True when the device is up with exactly this thin; a device with another one is a contradiction.
Result<bool> is_up(Session& s, const std::string& name, const std::optional<dm::Info>& info, ThinId thin,
                   const std::string& what) {
  if (!info) return false;
  if (info->live_table) {
    const dm::Table table = TC_TRY(s.env.dm.table(name));
    if (table.size() == 1 && TC_TRY(dm::thin_id_of(table.front())) == thin) {
      if (info->suspended) TC_CHECK(s.env.dm.resume(name));
      return true;
    }
  }
  // Left by a command that was killed between two steps, or made by hand.
  if (info->open_count > 0) {
    return fail(Code::damaged, what, "its device " + name + " is in use but is not what the records say",
                "find out who made it (`dmsetup table " + name + "`), remove it and try again");
  }
  TC_CHECK(s.env.dm.remove(name, kPatience));
  return false;
}

Result<Version> version_of(const Session& s, const Work& w, const VersionRef& ref) {
  auto recorded = s.store.version(ref.volume, ref.number);
  if (recorded || recorded.error().code != Code::not_found) return recorded;
  const auto planned = std::find_if(w.planned_versions.begin(), w.planned_versions.end(),
                                    [&](const Version& v) { return v.uuid == ref.uuid && v.number == ref.number; });
  if (planned != w.planned_versions.end()) return *planned;
  return recorded;
}

Result<std::string> activate_version_at(Session& s, Work& w, const VersionRef& ref, int depth) {
  if (depth > kDeepest) return fail(Code::damaged, ref.text(), "its lineage is a cycle", "run `tclone doctor`");
  const Version v = TC_TRY(version_of(s, w, ref));
  if (v.uuid != ref.uuid) {
    return fail(Code::damaged, ref.text(), "the version of that name is another one than was cloned",
                "run `tclone doctor`");
  }
  if (const auto of = s.store.volume(ref.volume); of && of->vault == v.vault && of->thin == v.thin) {
    return fail(
        Code::damaged, s.store.folder() + "/versions/" + ref.text() + ".toml",
        "its thin " + std::to_string(v.thin.n) + " is that of volume " + ref.volume + " itself, which is written to",
        "correct the file, or bring it back from a copy");
  }
  const std::string name = device_of(s, ref);
  w.unused_versions.insert(ref.text());
  TC_CHECK(refuse_suspended(s, w, TC_TRY(s.store.vault(v.vault)).outer));
  if (!TC_TRY(is_up(s, name, TC_TRY(info_of(s, ref)), v.thin, "version " + ref.text()))) {
    const auto basis = TC_TRY(basis_dev(s, w, v.basis, depth));
    TC_CHECK(open_vault(s, w, v.vault));
    const Vault vault = TC_TRY(s.store.vault(v.vault));
    const std::string pool = TC_TRY(inner_pool_dev(s, w, vault));
    const dm::Spec spec{name, uuid_of(ref), dm::thin(pool, v.thin, to_sectors(v.size), basis), true,
                        dm::Udev::low_priority};
    TC_CHECK(create_thin_device(s, spec, "versions/" + ref.text(), v.thin));
  }
  const auto info = TC_TRY(s.env.dm.info(name));
  if (!info) return fail(Code::damaged, name, "the device went away while it was being activated", "try again");
  return info->dev();
}

}  // namespace

std::string device_of(const Session& s, const Volume& volume) { return device_names::volume(s.pool, volume.name); }
std::string device_of(const Session& s, const VersionRef& v) {
  return device_names::version(s.pool, v.volume, v.number);
}

Result<std::optional<dm::Info>> info_of(Session& s, const Volume& volume) {
  return dm::own_info(s.env.dm, device_of(s, volume), uuid_of(volume));
}
Result<std::optional<dm::Info>> info_of(Session& s, const VersionRef& version) {
  return dm::own_info(s.env.dm, device_of(s, version), uuid_of(version));
}

std::string view_of(const Session& s, const VersionRef& v) { return device_names::view(device_of(s, v)); }

Status activate_volume(Session& s, Work& w, const Volume& volume, const Vault& vault) {
  const std::string name = device_of(s, volume);
  TC_CHECK(refuse_suspended(s, w, vault.outer));
  if (TC_TRY(is_up(s, name, TC_TRY(info_of(s, volume)), volume.thin, "volume " + volume.name))) return {};
  const auto basis = TC_TRY(basis_dev(s, w, volume.basis, 0));
  if (!TC_TRY(vault_is_open(s, w, vault))) TC_CHECK(open_vault(s, w, vault.name));
  w.unused_vaults.insert(vault.name);
  const std::string pool = TC_TRY(inner_pool_dev(s, w, vault));
  const dm::Spec spec{name, uuid_of(volume), dm::thin(pool, volume.thin, to_sectors(volume.size), basis), false,
                      volume.origin ? dm::Udev::low_priority : dm::Udev::visible};
  return create_thin_device(s, spec, "volumes/" + volume.name, volume.thin);
}

Status refuse_while_it_waits(Session& s, Work& w, const Vault& v) {
  const auto outer = TC_TRY(s.env.dm.pool_status(s.outer_pool()));
  if (outer.mode != dm::PoolMode::out_of_data_space) return {};
  if (!w.waiting.contains(v.outer.n)) {
    const auto inner = s.env.dm.pool_status(device_names::vault_pool(s.pool, v.outer), 2000ms);
    if (inner || inner.error().code != Code::busy) return {};
    w.waiting.insert(v.outer.n);
  }
  return fail(Code::no_space, "vault " + v.name, "the pool is full, and what was written to this vault waits for space",
              "`tclone pool grow`, or remove volumes of other vaults (`tclone rm`)");
}

Result<std::vector<Vault>> vaults_below(Session& s, Work& w, const Volume& volume) {
  std::vector<Vault> out;
  std::optional<VersionRef> basis = volume.basis;
  for (int depth = 0; basis && depth <= kDeepest; ++depth) {
    const auto v = version_of(s, w, *basis);
    if (!v || TC_TRY(s.env.dm.info(device_of(s, *basis)))) break;  // what is wrong is found when it is activated
    if (auto below = s.store.vault(v->vault)) out.push_back(std::move(*below));
    basis = v->basis;
  }
  return out;
}

Status require_keys_below(Session& s, Work& w, const Volume& volume) {
  for (const Vault& below : TC_TRY(vaults_below(s, w, volume))) TC_CHECK(require_key(s, w, below));
  return {};
}

Result<std::string> activate_version(Session& s, Work& w, const VersionRef& version) {
  return activate_version_at(s, w, version, 0);
}

Status activate_view(Session& s, Work& w, const VersionRef& version) {
  const std::string below = TC_TRY(activate_version(s, w, version));
  const std::string name = view_of(s, version);
  if (const auto info = TC_TRY(s.env.dm.info(name)); info && info->live_table) {
    return info->suspended ? s.env.dm.resume(name) : Status{};
  }
  const Version v = TC_TRY(s.store.version(version.volume, version.number));
  const std::array piece{dm::Piece{below, Sectors{0}, to_sectors(v.size)}};
  return s.env.dm.create({name, device_names::uuid(v.uuid, "view"), dm::linear(piece), true, dm::Udev::low_priority});
}

Status close_view_if_unused(Session& s, const VersionRef& ref) {
  const std::string view = view_of(s, ref);
  const auto info = TC_TRY(s.env.dm.info(view));
  if (!info || info->open_count > 0 || s.env.dry_run) return {};
  return s.env.dm.remove(view, kPatience);
}

Status refuse_if_held(Session& s, const Volume& volume) {
  return refuse_held(s, TC_TRY(info_of(s, volume)), "volume " + volume.name);
}

Status refuse_if_mounted(Session& s, const VersionRef& version) {
  TC_CHECK(refuse_held(s, TC_TRY(s.env.dm.info(view_of(s, version))), "version " + version.text()));
  return close_view_if_unused(s, version);
}

Status refuse_if_held(Session& s, const VersionRef& version) {
  TC_CHECK(refuse_if_mounted(s, version));
  return refuse_held(s, TC_TRY(info_of(s, version)), "version " + version.text());
}

Status deactivate_volume(Session& s, Work& w, const Volume& volume) {
  TC_CHECK(refuse_if_held(s, volume));
  if (const auto vault = s.store.vault(volume.vault)) TC_CHECK(refuse_suspended(s, w, vault->outer));
  TC_CHECK(s.env.dm.remove(device_of(s, volume), kPatience));
  w.unused_vaults.insert(volume.vault);
  if (volume.basis) w.unused_versions.insert(volume.basis->text());
  TCLONE_FAULT_POINT("volume.down");
  return {};
}

Status deactivate_version(Session& s, Work& w, const Version& version) {
  const std::string device = device_of(s, version.ref());
  TC_CHECK(refuse_if_held(s, version.ref()));
  TC_CHECK(s.env.dm.remove(device, kPatience));
  unpin(s, version.ref());
  w.unused_vaults.insert(version.vault);
  if (version.basis) w.unused_versions.insert(version.basis->text());
  return {};
}

}  // namespace tclone::engine
