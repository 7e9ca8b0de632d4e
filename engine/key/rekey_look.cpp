// SPDX-License-Identifier: GPL-2.0-or-later
// What a rekey looks at before it does anything.
#include "dm/metadata_snapshot.h"
#include "engine/core/lookup.h"
#include "engine/key/rekey.h"
#include "engine/stack/pins.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

Result<bool> is_up(Session& s, const std::string& name) {
  return TC_TRY(s.env.dm.info(device_names::prefix(s.pool) + name)).has_value();
}

/// What must be deactivated by name for a version to go: itself where it is pinned, and volumes that stand on it, on
/// versions that do, and so on. `seen` ends it where records have bases in a circle.
Status who_keeps(Session& s, const Records& all, const Version& version, std::set<std::string>& names,
                 std::set<Uuid>& seen) {
  if (!seen.insert(version.uuid).second) return {};
  if (is_pinned(s, version.ref())) names.insert(version.ref().text());
  for (const Volume& volume : all.volumes) {
    if (volume.basis && volume.basis->uuid == version.uuid && TC_TRY(is_up(s, volume.name))) names.insert(volume.name);
  }
  for (const Version& above : all.versions) {
    if (above.basis && above.basis->uuid == version.uuid && TC_TRY(is_up(s, above.ref().text()))) {
      TC_CHECK(who_keeps(s, all, above, names, seen));
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Stretch>> mapped_behind_header(Session& s, ThinId outer) {
  MetadataSnapshot held = TC_TRY(MetadataSnapshot::take(s.env.dm, s.outer_pool()));
  const auto runs = TC_TRY(s.env.programs.mapped(s.env.dm.path(device_names::metadata(s.pool)), outer,
                                                 s.env.paths.run + "/" + s.pool + ".mapped"));
  TC_CHECK(held.release());
  std::vector<Stretch> out;
  for (const thin_tools::Run& run : runs) {
    const Stretch whole{s.record.block * run.first, s.record.block * (run.first + run.count)};
    if (whole.end > policies::kHeader) out.push_back({std::max(whole.start, policies::kHeader), whole.end});
  }
  return out;
}

Status refuse_active(Session& s, Work& w, const Vault& v) {
  if (!TC_TRY(vault_is_open(s, w, v))) return {};
  const Records all = TC_TRY(read_everything(s));
  std::string active;
  std::set<std::string> deactivate;
  std::set<Uuid> seen;
  for (const Volume& volume : all.volumes) {
    if (volume.vault != v.name || !TC_TRY(is_up(s, volume.name))) continue;
    active += (active.empty() ? "" : ", ") + volume.name;
    deactivate.insert(volume.name);
  }
  for (const Version& version : all.versions) {
    if (version.vault != v.name || !TC_TRY(is_up(s, version.ref().text()))) continue;
    active += (active.empty() ? "" : ", ") + version.ref().text();
    TC_CHECK(who_keeps(s, all, version, deactivate, seen));
  }
  if (active.empty()) return close_vault_if_unused(s, w, v);
  std::string command = "tclone deactivate";
  for (const std::string& name : deactivate) command += " " + name;
  return fail(Code::busy, "vault " + v.name, "it is open, active in it: " + active, "run `" + command + "` first");
}

}  // namespace tclone::engine
