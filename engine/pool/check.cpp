// SPDX-License-Identifier: GPL-2.0-or-later
// pool check. pool repair is in pool_repair.cpp, with --vault in vault_repair.cpp.
#include <array>
#include <cerrno>
#include <map>

#include "base/log.h"
#include "dm/metadata_snapshot.h"
#include "dm/targets.h"
#include "dm/thin_tools.h"
#include "engine/api/api.h"
#include "engine/core/lookup.h"
#include "engine/look/views.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/pool_stack.h"
#include "engine/stack/vault_layers.h"
#include "model/device_names.h"
#include "os/block_io.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
using Findings = std::vector<Finding>;

struct Layer {
  std::string pool, metadata;  ///< device names
  std::string what;            ///< "the outer pool", "vault web1"
  std::string mend;            ///< how its metadata are repaired
};

/// Checks one live thin-pool and compares its ids with those the records name.
Status check_layer(Env& env, const Layer& layer, const std::map<std::uint32_t, std::string>& wanted, Findings& out) {
  const std::string path = env.dm.path(layer.metadata);
  const auto status = TC_TRY(env.dm.pool_status(layer.pool));
  if (dm::health_text(status) != "ok" && dm::health_text(status) != "out of data space") {
    out.push_back({layer.what + " is not well: " + dm::health_text(status), "it is read-only or fails", layer.mend});
    return {};
  }
  const MetadataSnapshot held = TC_TRY(MetadataSnapshot::take(env.dm, layer.pool));
  const std::string trouble = TC_TRY(thin_tools::check(path, true));
  if (!trouble.empty()) {
    out.push_back({"thin_check finds damage in the metadata of " + layer.what + ": " + trouble,
                   "more of it may be lost with every write", layer.mend});
    return {};
  }
  auto present = TC_TRY(thin_tools::ids(path, true));
  for (const auto& [id, name] : wanted) {
    if (present.erase(id) == 0) {
      out.push_back({name + " is recorded, but its thin " + std::to_string(id) + " is not in " + layer.what,
                     "its data is gone from this pool",
                     "bring it back from a copy, then remove the record with `tclone rm`"});
    }
  }
  for (const std::uint32_t id : present) {
    out.push_back({"thin " + std::to_string(id) + " of " + layer.what + " is in no record",
                   "it takes space and nothing uses it",
                   "make sure that nobody needs it, then `dmsetup message " + layer.pool + " 0 \"delete " +
                       std::to_string(id) + "\"`",
                   false});
  }
  return {};
}

Status check_header(Session& s, Work& w, const Vault& v, Findings& out) {
  if (!v.encrypted) return {};
  const bool open = TC_TRY(vault_is_open(s, w, v));
  if (!open) {
    const auto there = activate_outer_thin(s, w, v.outer);
    if (there && !*there) return {};  // named by the comparison of thin ids
    if (!there) {
      out.push_back({"vault " + v.name + " cannot be looked at: " + there.error().text(), "it cannot be opened",
                     "the kernel's log (`dmesg`) says why"});
      return {};
    }
  }
  const auto facts = s.env.luks.inspect(s.env.dm.path(device_names::vault_thin(s.pool, v.outer)));
  if (!open) TC_CHECK(s.env.dm.remove(device_names::vault_thin(s.pool, v.outer), 3000ms));
  if (!facts) {
    out.push_back({"the LUKS2 header of vault " + v.name + " cannot be read: " + facts.error().text(),
                   "the vault cannot be opened once it is closed",
                   "`tclone key restore` a saved one, or bring its device back"});
  } else if (*facts != v.header) {
    out.push_back({"the LUKS2 header of vault " + v.name + " is not what its record says",
                   "the vault is refused, because somebody may have changed it",
                   "find out who changed it; `tclone key restore` brings a saved one back"});
  }
  return {};
}

Status check_vaults(Session& s, Work& w, const Records& all, Findings& out) {
  for (const Vault& v : all.vaults) {
    TC_CHECK(check_header(s, w, v, out));
    const auto open = vault_is_open(s, w, v);
    if (!open || !*open) continue;  // one that is another's has been found among the records
    std::map<std::uint32_t, std::string> wanted;
    for (const Volume& volume : all.volumes) {
      if (volume.vault == v.name) wanted[volume.thin.n] = "volume " + volume.name;
    }
    for (const Version& version : all.versions) {
      if (version.vault == v.name) wanted[version.thin.n] = "version " + version.ref().text();
    }
    const Layer layer{
        device_names::vault_pool(s.pool, v.outer), device_names::vault_metadata(s.pool, v.outer), "vault " + v.name,
        "deactivate its volumes and versions, then `tclone pool repair " + s.pool + " --vault " + v.name + "`"};
    // What is wrong with one vault must not hide what is wrong with another.
    if (auto done = check_layer(s.env, layer, wanted, out); !done) {
      out.push_back(
          {layer.what + " cannot be checked: " + done.error().text(), "its metadata may be damaged", layer.mend});
    }
  }
  return {};
}

/// Whether the area that a repair would write to answers, a read in every megabyte of it.
void check_spare(const Pool& pool, Findings& out) {
  const Backing& b = pool.backings[pool.label.spare.device];
  const auto answered = os::sample(b.device, pool.label.spare.start, pool.label.spare.length, kMiB);
  if (answered) return;
  out.push_back({"the spare metadata area on " + b.path + " cannot be read: " + answered.error().text(),
                 "damaged outer metadata could not be repaired into it",
                 "copy what you need away, and replace the device"});
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
      TC_CHECK(refuse_claimed(pool));
      check_spare(pool, out);
      const std::string trouble = TC_TRY(check_outer_offline(env, name, pool));
      if (!trouble.empty()) {
        out.push_back({"thin_check finds damage in the metadata of the outer pool: " + trouble,
                       "the pool may not be activated or may become read-only", "`tclone pool repair " + name + "`"});
      }
      return out;
    }
    Work w;
    Session s = TC_TRY(begin_change(env, w, name));
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    const LoadedRecords all = TC_TRY(load_records(s.store));
    for (const auto& f : all.damaged) {
      out.push_back(
          {f.file + ": " + f.why, "commands on it are refused", "correct the file, or bring it back from a copy"});
    }
    for (const auto& f : check_lineage(all.records)) {
      out.push_back(
          {f.file + ": " + f.why, "commands on it may be refused", "bring the record back from a copy of the pool"});
    }
    std::map<std::uint32_t, std::string> wanted;
    for (const Vault& v : all.records.vaults) {
      wanted[v.outer.n] = "vault " + v.name;
      if (v.rekey) wanted[v.rekey->outer.n] = "the other half of vault " + v.name + ", which gets a new key";
    }
    const Layer outer{s.outer_pool(), device_names::metadata(name), "the outer pool",
                      "`tclone pool deactivate " + name + "`, `tclone pool repair " + name +
                          "`, `tclone pool activate " + name + "`"};
    TC_CHECK(check_layer(env, outer, wanted, out));
    check_spare(TC_TRY(remembered_pool(env, name)), out);
    TC_CHECK(check_vaults(s, w, all.records, out));
    return out;
  };
  return attempted(run(), "pool check " + asked);
}

}  // namespace tclone::engine
