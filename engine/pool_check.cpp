// SPDX-License-Identifier: GPL-2.0-or-later
// pool check and pool repair.
#include <array>
#include <cerrno>
#include <map>

#include "base/log.h"
#include "dm/names.h"
#include "dm/targets.h"
#include "engine/api.h"
#include "engine/lookup.h"
#include "engine/metadata_snapshot.h"
#include "engine/pool_stack.h"
#include "engine/recovery.h"
#include "engine/thin_tools.h"
#include "engine/vault_stack.h"
#include "engine/views.h"
#include "fs/block_io.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
namespace names = dm::names;
using Findings = std::vector<Finding>;

struct Layer {
  std::string pool, metadata;  ///< device names
  std::string what;            ///< "the outer pool", "vault web1"
};

/// Checks one live thin-pool and compares its ids with those the records name.
Status check_layer(Env& env, const Layer& layer, const std::map<std::uint32_t, std::string>& wanted, Findings& out) {
  const std::string path = env.dm.path(layer.metadata);
  const auto status = TC_TRY(env.dm.pool_status(layer.pool));
  if (health_text(status) != "ok" && health_text(status) != "out of data space") {
    out.push_back({layer.what + " is not well: " + health_text(status), "it is read-only or fails",
                   "`tclone pool deactivate`, then `tclone pool repair`"});
    return {};
  }
  const MetadataSnapshot held = TC_TRY(MetadataSnapshot::take(env.dm, layer.pool));
  const std::string trouble = TC_TRY(thin_tools::check(path, true));
  if (!trouble.empty()) {
    out.push_back({"thin_check finds damage in the metadata of " + layer.what + ": " + trouble, "more of it may be lost with every write",
                   "`tclone pool deactivate`, then `tclone pool repair`"});
    return {};
  }
  auto present = TC_TRY(thin_tools::ids(path, true));
  for (const auto& [id, name] : wanted) {
    if (present.erase(id) == 0) {
      out.push_back({name + " is recorded, but its thin " + std::to_string(id) + " is not in " + layer.what,
                     "its data is gone from this pool", "bring it back from a copy, then remove the record with `tclone rm`"});
    }
  }
  for (const std::uint32_t id : present) {
    out.push_back({"thin " + std::to_string(id) + " of " + layer.what + " is in no record", "it takes space and nothing uses it",
                   "make sure that nobody needs it, then `dmsetup message " + layer.pool + " 0 \"delete " + std::to_string(id) + "\"`", false});
  }
  return {};
}

Status check_header(Session& s, const Vault& v, Findings& out) {
  if (!v.encrypted) return {};
  const bool open = TC_TRY(vault_is_open(s, v));
  if (!open && !TC_TRY(activate_outer_thin(s, v.outer))) return {};  // named by the comparison of thin ids
  const auto facts = s.env.luks.inspect(s.env.dm.path(names::vault_thin(s.pool, v.outer)));
  if (!open) TC_CHECK(s.env.dm.remove(names::vault_thin(s.pool, v.outer), 3000ms));
  if (!facts) {
    out.push_back({"the LUKS2 header of vault " + v.name + " cannot be read: " + facts.error().text(), "the vault cannot be opened once it is closed",
                   "bring the header back from a copy of it"});
  } else if (*facts != v.header) {
    out.push_back({"the LUKS2 header of vault " + v.name + " is not what its record says", "the vault is refused, because somebody may have changed it",
                   "bring the header back from a copy of it"});
  }
  return {};
}

Status check_vaults(Session& s, const Records& all, Findings& out) {
  for (const Vault& v : all.vaults) {
    TC_CHECK(check_header(s, v, out));
    if (!TC_TRY(vault_is_open(s, v))) continue;
    std::map<std::uint32_t, std::string> wanted;
    for (const Volume& volume : all.volumes) {
      if (volume.vault == v.name) wanted[volume.thin.n] = "volume " + volume.name;
    }
    for (const Version& version : all.versions) {
      if (version.vault == v.name) wanted[version.thin.n] = "version " + version.ref().text();
    }
    TC_CHECK(check_layer(s.env, {names::vault_pool(s.pool, v.outer), names::vault_metadata(s.pool, v.outer), "vault " + v.name}, wanted, out));
  }
  return {};
}

/// thin_check on the metadata of a pool that is not active; the layer is put up for it and taken down.
Result<std::string> check_offline(Env& env, const std::string& layer, const Pool& pool, const Extent& area) {
  const dm::Piece piece{pool.backings[area.device].dev, to_sectors(area.start), to_sectors(area.length)};
  TC_CHECK(env.dm.create({layer, names::uuid(pool.label.pool, "check"), dm::linear(std::array{piece}), true, dm::Udev::hidden}));
  auto found = thin_tools::check(env.dm.path(layer), false);
  TC_CHECK(env.dm.remove(layer, 5000ms));
  return found;
}

Status clear_flag(Env& env, const std::string& name, const Pool& pool) {
  const Extent& area = pool.label.metadata;
  const dm::Piece piece{pool.backings[area.device].dev, to_sectors(area.start), to_sectors(area.length)};
  TC_CHECK(env.dm.create({names::metadata(name), names::uuid(pool.label.pool, "meta"), dm::linear(std::array{piece}), false, dm::Udev::hidden}));
  auto cleared = thin_tools::clear_needs_check(env.dm.path(names::metadata(name)));
  TC_CHECK(env.dm.remove(names::metadata(name), 5000ms));
  return cleared;
}

Status repair_to_spare(Env& env, const std::string& name, Pool& pool) {
  const auto area = [&](const Extent& e) {
    return dm::linear(std::array{dm::Piece{pool.backings[e.device].dev, to_sectors(e.start), to_sectors(e.length)}});
  };
  TC_CHECK(fs::zero(pool.backings[pool.label.spare.device].device, pool.label.spare.start, kKiB * 4));
  TC_CHECK(env.dm.create({names::metadata(name), names::uuid(pool.label.pool, "meta"), area(pool.label.metadata), true, dm::Udev::hidden}));
  auto spare = env.dm.create({names::spare(name), names::uuid(pool.label.pool, "spare"), area(pool.label.spare), false, dm::Udev::hidden});
  auto repaired = spare ? thin_tools::repair(env.dm.path(names::metadata(name)), env.dm.path(names::spare(name))) : spare;
  if (repaired) {
    const auto trouble = thin_tools::check(env.dm.path(names::spare(name)), false);
    if (!trouble || !trouble->empty()) {
      repaired = fail(Code::damaged, "pool " + name, "what thin_repair wrote is not sound either", "the old metadata was not touched");
    }
  }
  TC_CHECK(env.dm.remove(names::spare(name), 5000ms));
  TC_CHECK(env.dm.remove(names::metadata(name), 5000ms));
  TC_CHECK(repaired);
  // The commit point: the label names the repaired area; what was damaged stays as the spare.
  std::swap(pool.label.metadata, pool.label.spare);
  return write_labels(pool);
}

Result<bool> spare_is_used(const Pool& pool) {
  return !TC_TRY(fs::reads_as_zeros(pool.backings[pool.label.spare.device].device, pool.label.spare.start, kKiB * 4));
}

}  // namespace

Result<std::vector<Finding>> pool_check(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<Findings> {
    TC_CHECK(thin_tools::require());
    const std::string name = TC_TRY(resolve_pool(env, asked));
    Findings out;
    if (!TC_TRY(is_active(env, name))) {
      const PoolLock lock = TC_TRY(lock_pool(env, name));
      const Pool pool = TC_TRY(remembered_pool(env, name));
      TC_CHECK(bring_down(env, name));
      const std::string trouble = TC_TRY(check_offline(env, names::metadata(name), pool, pool.label.metadata));
      if (!trouble.empty()) {
        out.push_back({"thin_check finds damage in the metadata of the outer pool: " + trouble, "the pool may not be activated or may become read-only",
                       "`tclone pool repair " + name + "`"});
      }
      return out;
    }
    Session s = TC_TRY(Session::change(env, name));
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    const LoadedRecords all = TC_TRY(load_records(s.store));
    for (const auto& f : all.damaged) {
      out.push_back({f.file + ": " + f.why, "commands on it are refused", "correct the file, or bring it back from a copy"});
    }
    for (const auto& f : check_lineage(all.records)) {
      out.push_back({f.file + ": " + f.why, "commands on it may be refused", "bring the record back from a copy of the pool"});
    }
    std::map<std::uint32_t, std::string> wanted;
    for (const Vault& v : all.records.vaults) {
      wanted[v.outer.n] = "vault " + v.name;
      if (v.rekey) wanted[v.rekey->outer.n] = "the other half of vault " + v.name + ", which gets a new key";
    }
    TC_CHECK(check_layer(env, {s.outer_pool(), names::metadata(name), "the outer pool"}, wanted, out));
    TC_CHECK(check_vaults(s, all.records, out));
    return out;
  };
  return attempted(run(), "pool check " + asked);
}

Result<Outcome> pool_repair(Env& env, const std::string& asked, bool force) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(thin_tools::require());
    const std::string name = TC_TRY(resolve_pool(env, asked));
    Outcome out;
    out.operation = "pool repair " + name;
    out.name = name;
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    if (TC_TRY(is_active(env, name))) {
      return fail(Code::busy, "pool " + name, "it is active", "run `tclone pool deactivate " + name + "` first");
    }
    Pool pool = TC_TRY(remembered_pool(env, name));
    TC_CHECK(bring_down(env, name));
    if (TC_TRY(check_offline(env, names::metadata(name), pool, pool.label.metadata)).empty()) {
      // Sound, but the kernel may have set its flag after an I/O error: only then is there something to do.
      out.changed = false;
      if (!env.dry_run) TC_CHECK(clear_flag(env, name, pool));
      return out;
    }
    if (!force && TC_TRY(spare_is_used(pool))) {
      return fail(Code::exists, "pool " + name, "the spare area holds the metadata of an earlier repair, and would be overwritten",
                  "copy the pool if that may still be needed, then use --force");
    }
    out.steps.push_back({"repair the outer metadata into the spare area", 0});
    out.steps.push_back({"make the spare area the metadata area", 0});
    if (!env.dry_run) TC_CHECK(repair_to_spare(env, name, pool));
    return out;
  };
  return attempted(run(), "pool repair " + asked);
}

}  // namespace tclone::engine
