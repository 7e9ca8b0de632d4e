// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/look/views.h"

#include <algorithm>
#include <utility>

#include "dm/targets.h"
#include "engine/core/lookup.h"
#include "engine/stack/pool_stack.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
constexpr const char* kWaiting = "waiting for the pool";

Usage data_usage(const dm::PoolStatus& s, Bytes block) { return {block * s.used_data, block * s.total_data}; }
Usage metadata_usage(const dm::PoolStatus& s) { return {kKiB * 4 * s.used_metadata, kKiB * 4 * s.total_metadata}; }

Result<PoolSummary> summary_of(Env& env, const std::string& name) {
  PoolSummary out;
  out.name = name;
  const auto where = read_pool_location(env.paths.etc, name);
  if (where) {
    out.uuid = where->uuid;
    out.paths = where->paths;
  } else {
    out.trouble = where.error().text();
  }
  const auto info = TC_TRY(env.dm.info(device_names::outer_pool(name)));
  out.active = info.has_value() && info->live_table;
  return out;
}

/// Below a full pool the commits of vaults wait for space (their dm-crypt pages are held by the writes that do), and so would
/// a look inside. Secrets once a command: the answer decides only how much is looked at, and how patiently.
Result<bool> may_look_inside(Session& s, DeviceIndex& device_index) {
  if (!device_index.outer_space) {
    const auto status = TC_TRY(s.env.dm.pool_status(s.outer_pool()));
    const Bytes free = s.record.block * (status.total_data - status.used_data);
    const bool plenty = free > std::max(kGiB, s.record.block * (status.total_data / 10));
    device_index.outer_space = status.mode == dm::PoolMode::out_of_data_space ? DeviceIndex::Space::none
                               : plenty                                       ? DeviceIndex::Space::plenty
                                                                              : DeviceIndex::Space::little;
  }
  return *device_index.outer_space != DeviceIndex::Space::none;
}

/// A pool with little space may run full between that look and one inside.
dm::DeviceMapper::Limit limit(const DeviceIndex& device_index) {
  if (device_index.outer_space == DeviceIndex::Space::plenty) return {};
  return 2000ms;
}

/// Whether that has happened; nothing further is then asked.
bool waits(DeviceIndex& device_index, const Error& error) {
  if (error.code != Code::busy) return false;
  device_index.outer_space = DeviceIndex::Space::none;
  return true;
}

}  // namespace

Result<VaultView> view_vault(Session& s, DeviceIndex& device_index, const Vault& vault) {
  VaultView out;
  out.record = vault;
  out.health = vault.being_copied() ? "rekey" : "closed";
  const std::string pool = device_names::vault_pool(s.pool, vault.outer);
  if (!TC_TRY(device_index.live(pool))) return out;
  if (!TC_TRY(may_look_inside(s, device_index))) {
    out.open = true;
    out.health = kWaiting;
    return out;
  }
  const auto status = s.env.dm.pool_status(pool, limit(device_index));
  // A vault may be closed by another command while it is being looked at.
  if (!status && !waits(device_index, status.error())) return out;
  out.open = true;
  out.health = kWaiting;
  if (!status) return out;
  out.health = dm::health_text(*status);
  out.data = data_usage(*status, vault.block);
  out.metadata = metadata_usage(*status);
  if (const auto thin = s.env.dm.thin_status(device_names::vault_thin(s.pool, vault.outer)); thin && !thin->failed) {
    out.allocated = to_bytes(thin->mapped);
  }
  return out;
}

Result<VolumeView> view_volume(Session& s, DeviceIndex& device_index, Volume volume, const Vault& vault) {
  const std::string name = device_of(s, volume);
  VolumeView out;
  out.record = std::move(volume);
  out.key = vault.key;
  out.encrypted = vault.encrypted;
  out.device = s.env.dm.path(name);
  const auto info = TC_TRY(device_index.live(name));
  if (!info) return out;
  out.active = true;
  out.mounts = TC_TRY(device_index.mounts_of(*info));
  if (!TC_TRY(may_look_inside(s, device_index))) return out;
  const auto thin = s.env.dm.thin_status(name, limit(device_index));
  if (!thin) static_cast<void>(waits(device_index, thin.error()));
  if (thin && !thin->failed) {
    out.mapped = to_bytes(thin->mapped);
    // Alone in its vault, it shares its blocks with nobody.
    if (vault.volumes == 1 && vault.versions == 0) out.exclusive = out.mapped;
  }
  return out;
}

VersionView view_version(const Session& s, const DeviceIndex& device_index, const Volume& volume, Version version) {
  VersionView out;
  for (const auto& [tag, number] : volume.tags) {
    if (number == version.number) out.tags.push_back(tag);
  }
  const std::string name = device_of(s, version.ref());
  out.device = s.env.dm.path(name);
  out.active = device_index.has(name);
  out.record = std::move(version);
  return out;
}

Result<std::vector<PoolSummary>> pool_list(Env& env) {
  std::vector<PoolSummary> out;
  for (const std::string& name : TC_TRY(known_pools(env.paths.etc))) out.push_back(TC_TRY(summary_of(env, name)));
  return out;
}

namespace {

/// The volumes of a pool, with the vaults they are in: those of the index, or else of their files.
class Volumes {
 public:
  Volumes(Session& s, DeviceIndex& device_index) : s_(s), device_index_(device_index) {}

  Result<std::vector<VolumeView>> view(std::optional<Records> all) {
    if (!all) return view_files();
    for (Vault& vault : std::exchange(all->vaults, {}))
      vaults_.emplace_hint(vaults_.end(), vault.name, std::move(vault));
    out_.reserve(all->volumes.size());
    for (Volume& volume : all->volumes) TC_CHECK(add(std::move(volume)));
    return std::move(out_);
  }

 private:
  Result<std::vector<VolumeView>> view_files() {
    for (const std::string& name : TC_TRY(s_.store.volume_names())) {
      auto volume = s_.store.volume(name);
      if (!volume && volume.error().code == Code::not_found) continue;  // removed since it was listed
      TC_CHECK(add(TC_TRY(std::move(volume))));
    }
    return std::move(out_);
  }

  Status add(Volume volume) {
    auto vault = vaults_.find(volume.vault);
    if (vault == vaults_.end()) {
      auto found = s_.store.vault(volume.vault);
      // Its vault goes after it: both were removed since it was read.
      if (!found && found.error().code == Code::not_found && !s_.store.has_volume(volume.name)) return {};
      vault = vaults_.emplace(volume.vault, TC_TRY(std::move(found))).first;
    }
    out_.push_back(TC_TRY(view_volume(s_, device_index_, std::move(volume), vault->second)));
    return {};
  }

  Session& s_;
  DeviceIndex& device_index_;
  std::map<std::string, Vault> vaults_;
  std::vector<VolumeView> out_;
};

Result<std::vector<VaultView>> view_vaults(Session& s, DeviceIndex& device_index, const std::optional<Records>& all) {
  std::vector<VaultView> out;
  if (all) {
    for (const Vault& vault : all->vaults) out.push_back(TC_TRY(view_vault(s, device_index, vault)));
    return out;
  }
  for (const std::string& name : TC_TRY(s.store.vault_names())) {
    auto vault = s.store.vault(name);
    if (!vault && vault.error().code == Code::not_found) continue;  // removed since it was listed
    out.push_back(TC_TRY(view_vault(s, device_index, TC_TRY(std::move(vault)))));
  }
  return out;
}

/// A journal is what a crash left only when nobody is at work. Where there is none, which is nearly always, nobody's lock is
/// looked at, so that no command with a short deadline meets this one.
void look_at_journal(const Session& s, PoolView& out) {
  const auto first = s.store.journal();
  if (!first || !*first) return;
  const auto at_rest = PoolLock::look(lock_path(s.env, s.pool));
  if (!at_rest && at_rest.error().code == Code::busy) {
    out.under_way = (*first)->operation;
    return;
  }
  const auto left = s.store.journal();
  if (left && *left) out.unfinished = (*left)->operation;
}

}  // namespace

Result<PoolView> pool_status(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<PoolView> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    TC_TRY(read_pool_location(env.paths.etc, name));
    PoolView out;
    out.summary = TC_TRY(summary_of(env, name));
    out.health = "not active";
    if (!out.summary.active) return out;
    Session s = TC_TRY(Session::look(env, name));
    out.record = s.record;
    out.block = s.record.block;
    const auto status = TC_TRY(env.dm.pool_status(s.outer_pool()));
    out.data = data_usage(status, s.record.block);
    out.metadata = metadata_usage(status);
    out.health = dm::health_text(status);
    const OuterRoom space = outer_room(s, status);
    out.reserve = space.reserve;
    out.free = space.free;
    out.below_reserve = out.free < out.reserve;
    look_at_journal(s, out);
    DeviceIndex device_index = TC_TRY(DeviceIndex::at(env.dm, s.pool));
    std::optional<Records> all = indexed(s, Wanted::vaults_and_volumes);
    out.vaults = TC_TRY(view_vaults(s, device_index, all));
    out.volumes = TC_TRY(Volumes(s, device_index).view(std::move(all)));
    return out;
  };
  return attempted(run(), "pool status " + asked);
}

Result<std::vector<VolumeView>> list(Env& env, const std::string& pool) {
  const auto run = [&]() -> Result<std::vector<VolumeView>> {
    Session s = TC_TRY(Session::look(env, pool));
    DeviceIndex device_index = TC_TRY(DeviceIndex::at(env.dm, s.pool));
    return Volumes(s, device_index).view(indexed(s, Wanted::vaults_and_volumes));
  };
  return attempted(run(), "list");
}

Result<std::vector<VersionView>> history(Env& env, const Named& r) {
  const auto run = [&]() -> Result<std::vector<VersionView>> {
    TC_CHECK(names::check_volume_name(r.name));
    Session s = TC_TRY(Session::look(env, r.pool));
    const Volume volume = TC_TRY(find_volume(s, r.name));
    const Records all = TC_TRY(look_at_everything(s));
    const DeviceIndex device_index = TC_TRY(DeviceIndex::at(env.dm, s.pool));
    std::vector<VersionView> out;
    for (auto number = volume.versions.rbegin(); number != volume.versions.rend(); ++number) {
      auto version = s.store.version(r.name, *number);
      if (!version && version.error().code == Code::not_found && !lists_version(s, r.name, *number)) continue;
      out.push_back(view_version(s, device_index, volume, TC_TRY(std::move(version))));
      for (const Volume& v : all.volumes) {
        if (v.origin && v.origin->uuid == out.back().record.uuid) out.back().clones.push_back(v.name);
      }
    }
    return out;
  };
  return attempted(run(), "log " + r.name);
}

Result<Shown> show(Env& env, const Named& r) {
  const auto run = [&]() -> Result<Shown> {
    const names::Target target = TC_TRY(names::parse_target(r.name));
    Session s = TC_TRY(Session::look(env, r.pool));
    DeviceIndex device_index = TC_TRY(DeviceIndex::at(env.dm, s.pool));
    Shown out;
    const Volume volume = TC_TRY(find_volume(s, target.volume));
    if (target.has_version()) {
      out.version = view_version(s, device_index, volume, TC_TRY(find_version(s, target)));
      const Version& version = out.version->record;
      out.vault = TC_TRY(view_vault(s, device_index, TC_TRY(s.store.vault(version.vault))));
      for (const Volume& v : TC_TRY(look_at_everything(s)).volumes) {
        if (v.origin && v.origin->uuid == version.uuid) out.version->clones.push_back(v.name);
      }
      return out;
    }
    const Vault vault = TC_TRY(s.store.vault(volume.vault));
    out.volume = TC_TRY(view_volume(s, device_index, volume, vault));
    out.vault = TC_TRY(view_vault(s, device_index, vault));
    return out;
  };
  return attempted(run(), "show " + r.name);
}

}  // namespace tclone::engine
