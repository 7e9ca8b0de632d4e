// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "plan/plan.h"
#include "policies/sizing.h"

namespace tclone::plan {
namespace {

/// Device names are dm/'s business, but claims name devices. This is the same rule as model/device_names.cpp; the engine's tests
/// hold the two against each other.
std::string device(const std::string& pool, const std::string& what) { return "tclone-" + pool + "-" + what; }

/// Each vault opened once, before anything looks into it; then room made once a vault, for the largest sum asked.
std::vector<Action> tidy(const std::vector<Action>& prepare) {
  std::vector<std::string> opened;
  std::vector<MakeRoom> rooms;
  for (const Action& a : prepare) {
    if (const auto* open = std::get_if<OpenVault>(&a)) {
      if (std::find(opened.begin(), opened.end(), open->vault) == opened.end()) opened.push_back(open->vault);
    } else if (const auto* room = std::get_if<MakeRoom>(&a)) {
      const auto same =
          std::find_if(rooms.begin(), rooms.end(), [&](const MakeRoom& r) { return r.vault == room->vault; });
      if (same == rooms.end()) {
        rooms.push_back(*room);
      } else {
        same->writable = std::max(same->writable, room->writable);
      }
    }
  }
  std::vector<Action> out;
  for (const std::string& v : opened) out.emplace_back(OpenVault{v});
  for (const MakeRoom& r : rooms) out.emplace_back(r);
  return out;
}

}  // namespace

std::vector<std::string> Plan::texts() const {
  std::vector<std::string> out;
  for (const auto* part : {&prepare, &before}) {
    for (const Action& a : *part) out.push_back(text_of(a));
  }
  out.push_back(text_of(commit));
  for (const auto* part : {&after, &best_effort}) {
    for (const Action& a : *part) out.push_back(text_of(a));
  }
  return out;
}

Draft::Draft(std::string pool_called, std::string operation, const PoolRecord& current, std::int64_t at)
    : pool_name(std::move(pool_called)), pool(current), now(at) {
  plan.operation = std::move(operation);
  plan.commit = {current.transaction, current.transaction + 1};
  pool.transaction = plan.commit.to;
}

Vault& Draft::vault(const Vault& current) { return vaults.try_emplace(current.name, current).first->second; }
Volume& Draft::volume(const Volume& current) { return volumes.try_emplace(current.name, current).first->second; }

void set_geometry(Vault& vault, Bytes size, Bytes outer_block) {
  vault.block = policies::inner_block(size);
  vault.capacity = policies::first_capacity(vault.block, size);
  const Bytes formatted =
      policies::formatted_metadata(vault.block, vault.capacity, policies::inner_metadata(vault.block, vault.capacity));
  const policies::MetadataSize metadata =
      policies::metadata_size(outer_block, vault.block, vault.capacity, formatted, size);
  vault.metadata = metadata.device;
  vault.provisioned = metadata.provisioned;
}

Vault& Draft::add_vault(const NewVault& wanted, Bytes outer_block) {
  Vault v;
  v.name = wanted.name;
  v.uuid = wanted.uuid;
  v.outer = ThinId{pool.next_outer++};
  v.encrypted = wanted.encrypted;
  v.key = wanted.encrypted ? wanted.key : KeySource{"none", ""};
  if (wanted.encrypted) v.header = {wanted.header, "aes", "xts-plain64", 512, pool.sector_size, policies::kHeader};
  set_geometry(v, wanted.size, outer_block);
  const OuterRef target{v.outer, v.uuid, v.name, v.encrypted};
  plan.to_undo.outer.push_back(target);
  plan.before.emplace_back(CreateOuter{target});
  if (v.encrypted) plan.before.emplace_back(MakeHeader{v});
  plan.before.emplace_back(OpenNew{v});
  return vaults.emplace(v.name, v).first->second;
}

ThinId Draft::claim_thin(Vault& v, const std::string& as) {
  const ThinId id{v.next_thin++};
  const auto present = recorded_as.find(v.name);
  plan.to_undo.inner.push_back({present == recorded_as.end() ? v.name : present->second, v.outer, id, as});
  return id;
}

Vault& Draft::take_from_stock(const Vault& stock, const std::string& name) {
  Vault v = stock;
  v.name = name;
  v.stock = false;
  recorded_as[name] = stock.name;
  plan.change.gone_vaults.push_back(stock.name);
  return vaults.emplace(name, v).first->second;
}

Version Draft::add_version(const Volume& current, const Vault& in, const Uuid& uuid,
                           const std::vector<std::string>& tags, const std::string& message) {
  Vault& v = vault(in);
  Volume& vol = volume(current);
  Version made;
  made.volume = vol.name;
  made.number = vol.next_version++;
  made.uuid = uuid;
  made.vault = v.name;
  made.size = vol.size;
  made.fs = vol.fs;
  made.basis = vol.basis;
  made.time = now;
  made.message = message;
  made.thin = claim_thin(v, device(pool_name, made.ref().text()));
  vol.versions.push_back(made.number);
  vol.tags["latest"] = made.number;
  for (const std::string& tag : tags) vol.tags[tag] = made.number;
  ++v.versions;
  plan.prepare.emplace_back(MakeRoom{v.name, v.writable});
  snaps.push_back({v.name, v.outer, vol.thin, made.thin, device(pool_name, vol.name), made.ref().text()});
  versions[made.ref().text()] = made;
  return made;
}

void Draft::take_snapshots() {
  if (snaps.empty()) return;
  for (const Snap& s : snaps) plan.prepare.emplace_back(OpenVault{s.vault});
  plan.before.emplace_back(Snapshot{snaps});
  snaps.clear();
}

void Draft::add_volume(const Volume& made) {
  volumes[made.name] = made;
  plan.before.emplace_back(ActivateVolume{made, vaults.at(made.vault)});
}

void Draft::drop_version(const Volume& of, const Vault& in, const Version& gone) {
  Vault& v = vault(in);
  Volume& vol = volume(of);
  --v.versions;
  std::erase(vol.versions, gone.number);
  std::erase_if(vol.tags, [&](const auto& tag) { return tag.second == gone.number; });
  if (!vol.versions.empty()) vol.tags["latest"] = vol.versions.back();
  plan.before.emplace_back(DeactivateVersion{gone.volume, gone.number});
  plan.change.gone_versions.emplace_back(gone.volume, gone.number);
  plan.cleanup.inner.push_back({v.name, v.outer, gone.thin, device(pool_name, gone.ref().text())});
}

void Draft::drop_volume(const Volume& gone, const Vault& in, const std::vector<Version>& own) {
  Vault& v = vault(in);
  for (const Version& version : own) {
    if (version.vault == v.name) drop_version(gone, v, version);
  }
  --v.volumes;
  v.writable = v.writable - gone.size;
  plan.before.emplace_back(DeactivateVolume{gone.name});
  plan.change.gone_volumes.push_back(gone.name);
  plan.cleanup.inner.push_back({v.name, v.outer, gone.thin, device(pool_name, gone.name)});
  volumes.erase(gone.name);
}

Plan Draft::finish() {
  // A vault in which nothing is left goes as a whole: its thins need not be deleted one by one.
  for (auto it = vaults.begin(); it != vaults.end();) {
    const Vault& v = it->second;
    if (v.volumes == 0 && v.versions == 0 && !v.stock) {
      std::erase_if(plan.cleanup.inner, [&](const InnerRef& c) { return c.vault == v.name; });
      plan.cleanup.outer.push_back({v.outer, v.uuid, v.name, v.encrypted});
      if (v.rekey) plan.cleanup.outer.push_back({v.rekey->outer, v.rekey->uuid, v.name, true});
      plan.change.gone_vaults.push_back(v.name);
      it = vaults.erase(it);
    } else {
      ++it;
    }
  }
  plan.prepare = tidy(plan.prepare);
  plan.change.pool = pool;
  for (const auto& [name, v] : vaults) plan.change.vaults.push_back(v);
  for (const auto& [name, v] : volumes) plan.change.volumes.push_back(v);
  for (const auto& [name, v] : versions) plan.change.versions.push_back(v);
  plan.after = actions_for(plan.cleanup);
  plan.best_effort.emplace_back(CloseUnused{});
  return plan;
}

}  // namespace tclone::plan
