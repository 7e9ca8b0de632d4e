// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/views.h"

#include <algorithm>
#include <set>

#include "dm/names.h"
#include "engine/lookup.h"
#include "engine/pool_stack.h"
#include "engine/volume_stack.h"
#include "fs/filesystem.h"
#include "policies/sizing.h"
#include "state/whereabouts.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
namespace names = dm::names;
constexpr const char* kWaiting = "waiting for the pool";

Usage data_usage(const dm::PoolStatus& s, Bytes block) { return {block * s.used_data, block * s.total_data}; }
Usage metadata_usage(const dm::PoolStatus& s) { return {kKiB * 4 * s.used_metadata, kKiB * 4 * s.total_metadata}; }

Result<PoolSummary> summary_of(Env& env, const std::string& name) {
  PoolSummary out;
  out.name = name;
  const auto where = read_whereabouts(env.paths.etc, name);
  if (where) {
    out.uuid = where->uuid;
    out.paths = where->paths;
  } else {
    out.trouble = where.error().text();
  }
  const auto info = TC_TRY(env.dm.info(names::outer_pool(name)));
  out.active = info.has_value() && info->live_table;
  return out;
}

/// Below a full pool the commits of vaults wait for space (their dm-crypt pages are held by the writes that do), and so would
/// a look inside. Asked once a command: the answer decides only how much is looked at, and how patiently.
Result<bool> may_look_inside(Session& s) {
  if (!s.outer_space) {
    const auto status = TC_TRY(s.env.dm.pool_status(s.outer_pool()));
    const Bytes free = s.record.block * (status.total_data - status.used_data);
    const bool plenty = free > std::max(kGiB, s.record.block * (status.total_data / 10));
    s.outer_space = status.mode == dm::PoolMode::out_of_data_space ? Session::Space::none
                    : plenty                                       ? Session::Space::plenty
                                                                   : Session::Space::little;
  }
  return *s.outer_space != Session::Space::none;
}

/// A pool with little space may run full between that look and one inside.
dm::DeviceMapper::Limit limit(const Session& s) {
  if (s.outer_space == Session::Space::plenty) return {};
  return 2000ms;
}

/// Whether that has happened; nothing further is then asked.
bool waits(Session& s, const Error& error) {
  if (error.code != Code::busy) return false;
  s.outer_space = Session::Space::none;
  return true;
}

class TreeBuilder {
 public:
  explicit TreeBuilder(const Records& all) : all_(all) {}

  std::vector<TreeNode> build() {
    std::vector<TreeNode> roots;
    for (const Volume& v : all_.volumes) {
      if (!v.origin || !exists(*v.origin)) roots.push_back(volume_node(v));
    }
    return roots;
  }

 private:
  bool exists(const VersionRef& ref) const {
    return std::any_of(all_.versions.begin(), all_.versions.end(),
                       [&](const Version& v) { return v.uuid == ref.uuid; });
  }

  TreeNode volume_node(const Volume& v) {
    TreeNode node;
    node.text = v.name;
    node.own_key = v.own_key;
    // A hand-made cycle must not hang a listing; doctor names it.
    if (!seen_.insert(v.name).second) return node;
    for (const std::uint64_t number : v.versions) node.below.push_back(version_node(v, number));
    return node;
  }

  TreeNode version_node(const Volume& of, std::uint64_t number) {
    TreeNode node;
    node.text = of.name + "@" + std::to_string(number);
    node.version = true;
    for (const auto& [tag, n] : of.tags) {
      if (n == number) node.tags.push_back(tag);
    }
    const auto version = std::find_if(all_.versions.begin(), all_.versions.end(),
                                      [&](const Version& v) { return v.volume == of.name && v.number == number; });
    if (version == all_.versions.end()) return node;
    for (const Volume& v : all_.volumes) {
      if (v.origin && v.origin->uuid == version->uuid) node.below.push_back(volume_node(v));
    }
    return node;
  }

  const Records& all_;
  std::set<std::string> seen_;
};

}  // namespace

std::string health_text(const dm::PoolStatus& s) {
  if (s.mode == dm::PoolMode::fail) return "failed";
  if (s.needs_check) return "needs check";
  if (s.mode == dm::PoolMode::ro) return "read-only";
  if (s.mode == dm::PoolMode::out_of_metadata) return "out of metadata";
  if (s.mode == dm::PoolMode::out_of_data_space) return "out of data space";
  return "ok";
}

Result<VaultView> view_vault(Session& s, const Vault& vault) {
  VaultView out;
  out.record = vault;
  out.health = "closed";
  const std::string pool = names::vault_pool(s.pool, vault.outer);
  const auto info = TC_TRY(s.env.dm.info(pool));
  if (!info || !info->live_table) return out;
  if (!TC_TRY(may_look_inside(s))) {
    out.open = true;
    out.health = kWaiting;
    return out;
  }
  const auto status = s.env.dm.pool_status(pool, limit(s));
  // A vault may be closed by another command while it is being looked at.
  if (!status && !waits(s, status.error())) return out;
  out.open = true;
  out.health = kWaiting;
  if (!status) return out;
  out.health = health_text(*status);
  out.data = data_usage(*status, vault.block);
  out.metadata = metadata_usage(*status);
  if (const auto thin = s.env.dm.thin_status(names::vault_thin(s.pool, vault.outer)); thin && !thin->failed) {
    out.allocated = to_bytes(thin->mapped);
  }
  return out;
}

Result<VolumeView> view_volume(Session& s, const Volume& volume, const Vault& vault) {
  VolumeView out;
  out.record = volume;
  out.key = vault.key;
  out.encrypted = vault.encrypted;
  const std::string name = device_of(s, volume);
  out.device = s.env.dm.path(name);
  const auto info = TC_TRY(s.env.dm.info(name));
  if (!info || !info->live_table) return out;
  out.active = true;
  out.mounts = TC_TRY(fs::mount_points(info->major, info->minor));
  if (!TC_TRY(may_look_inside(s))) return out;
  const auto thin = s.env.dm.thin_status(name, limit(s));
  if (!thin) static_cast<void>(waits(s, thin.error()));
  if (thin && !thin->failed) {
    out.mapped = to_bytes(thin->mapped);
    // Alone in its vault, it shares its blocks with nobody.
    if (vault.volumes == 1 && vault.versions == 0) out.exclusive = out.mapped;
  }
  return out;
}

Result<VersionView> view_version(Session& s, const Volume& volume, const Version& version) {
  VersionView out;
  out.record = version;
  for (const auto& [tag, number] : volume.tags) {
    if (number == version.number) out.tags.push_back(tag);
  }
  const std::string name = device_of(s, version.ref());
  out.device = s.env.dm.path(name);
  out.active = TC_TRY(s.env.dm.info(name)).has_value();
  return out;
}

Result<std::vector<PoolSummary>> pool_list(Env& env) {
  std::vector<PoolSummary> out;
  for (const std::string& name : TC_TRY(known_pools(env.paths.etc))) out.push_back(TC_TRY(summary_of(env, name)));
  return out;
}

namespace {

Result<std::vector<VolumeView>> view_volumes(Session& s) {
  std::map<std::string, Vault> vaults;
  std::vector<VolumeView> out;
  for (const std::string& name : TC_TRY(s.store.volume_names())) {
    const auto volume = s.store.volume(name);
    if (!volume && volume.error().code == Code::not_found) continue;  // removed since it was listed
    const Volume v = TC_TRY(volume);
    if (!vaults.contains(v.vault)) vaults[v.vault] = TC_TRY(s.store.vault(v.vault));
    out.push_back(TC_TRY(view_volume(s, v, vaults[v.vault])));
  }
  return out;
}

}  // namespace

Result<PoolView> pool_status(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<PoolView> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    TC_TRY(read_whereabouts(env.paths.etc, name));
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
    out.health = health_text(status);
    out.reserve = policies::reserve(out.data.total);
    out.free = out.data.total - out.data.used;
    out.below_reserve = out.free < out.reserve;
    const auto journal = s.store.journal();
    if (journal && *journal) out.unfinished = (*journal)->operation;
    for (const std::string& vault : TC_TRY(s.store.vault_names())) {
      out.vaults.push_back(TC_TRY(view_vault(s, TC_TRY(s.store.vault(vault)))));
    }
    out.volumes = TC_TRY(view_volumes(s));
    return out;
  };
  return attempted(run(), "pool status " + asked);
}

Result<std::vector<VolumeView>> list(Env& env, const std::string& pool) {
  const auto run = [&]() -> Result<std::vector<VolumeView>> {
    Session s = TC_TRY(Session::look(env, pool));
    return view_volumes(s);
  };
  return attempted(run(), "list");
}

Result<std::vector<TreeNode>> tree(Env& env, const std::string& pool) {
  const auto run = [&]() -> Result<std::vector<TreeNode>> {
    Session s = TC_TRY(Session::look(env, pool));
    const Records all = TC_TRY(read_everything(s));
    return TreeBuilder(all).build();
  };
  return attempted(run(), "tree");
}

Result<std::vector<VersionView>> history(Env& env, const Named& r) {
  const auto run = [&]() -> Result<std::vector<VersionView>> {
    TC_CHECK(policies::check_volume_name(r.name));
    Session s = TC_TRY(Session::look(env, r.pool));
    const Volume volume = TC_TRY(find_volume(s, r.name));
    const Records all = TC_TRY(read_everything(s));
    std::vector<VersionView> out;
    for (auto number = volume.versions.rbegin(); number != volume.versions.rend(); ++number) {
      out.push_back(TC_TRY(view_version(s, volume, TC_TRY(s.store.version(r.name, *number)))));
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
    const policies::Target target = TC_TRY(policies::parse_target(r.name));
    Session s = TC_TRY(Session::look(env, r.pool));
    Shown out;
    const Volume volume = TC_TRY(find_volume(s, target.volume));
    if (target.has_version()) {
      const Version version = TC_TRY(find_version(s, target));
      out.version = TC_TRY(view_version(s, volume, version));
      out.vault = TC_TRY(view_vault(s, TC_TRY(s.store.vault(version.vault))));
      for (const Volume& v : TC_TRY(read_everything(s)).volumes) {
        if (v.origin && v.origin->uuid == version.uuid) out.version->clones.push_back(v.name);
      }
      return out;
    }
    const Vault vault = TC_TRY(s.store.vault(volume.vault));
    out.volume = TC_TRY(view_volume(s, volume, vault));
    out.vault = TC_TRY(view_vault(s, vault));
    return out;
  };
  return attempted(run(), "show " + r.name);
}

}  // namespace tclone::engine
