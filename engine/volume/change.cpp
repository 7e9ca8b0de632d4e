// SPDX-License-Identifier: GPL-2.0-or-later
// rm, rename, resize.
#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/operation.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

Status refuse_if_stood_on(const Records& all, const Version& version) {
  // The volume's own other versions may stand on the same basis, never on this one.
  const std::vector<std::string> clones = standing_on(all, version.uuid);
  if (clones.empty()) return {};
  std::string names;
  for (const std::string& name : clones) names += (names.empty() ? "" : ", ") + name;
  return fail(Code::exists, version.ref().text(), "own-key clones stand on it: " + names,
              "remove them first, or refresh them to another version");
}

/// Where a record is lost it is not known what stands on what is to go.
Status refuse_contradictions(const Session& s, const Records& all) {
  const auto wrong = check_lineage(all);
  if (wrong.empty()) return {};
  return fail(Code::damaged, s.store.folder() + "/" + wrong.front().file, wrong.front().why,
              "bring the lost record back from a copy of the pool, or correct the one that is wrong (`tclone doctor` "
              "names all); until then nothing is removed that something may stand on");
}

Result<plan::RemoveFacts> facts_to_remove(Session& s, Work& w, const names::Target& target) {
  plan::RemoveFacts facts;
  facts.common = common_facts(s);
  facts.volume = TC_TRY(find_volume(s, target.volume));
  facts.only_versions = target.has_version();
  if (facts.only_versions) {
    facts.versions = {TC_TRY(find_version(s, target))};
  } else {
    TC_CHECK(refuse_if_held(s, facts.volume));
    for (const std::uint64_t n : facts.volume.versions)
      facts.versions.push_back(TC_TRY(s.store.version(target.volume, n)));
  }
  // Also without a version of its own left: clones of removed versions still name it as their origin.
  if (!facts.versions.empty() || facts.volume.next_version > 1) {
    const Records all = TC_TRY(read_everything(s));
    TC_CHECK(refuse_contradictions(s, all));
    for (const Version& v : facts.versions) {
      TC_CHECK(refuse_if_stood_on(all, v));
      TC_CHECK(refuse_if_held(s, v.ref()));
      if (!facts.vaults.contains(v.vault)) facts.vaults[v.vault] = TC_TRY(s.store.vault(v.vault));
    }
    for (const Volume& v : all.volumes) {
      if (!facts.only_versions && v.name != target.volume && v.origin && v.origin->volume == target.volume) {
        facts.orphans.push_back(v);
      }
    }
  }
  facts.vaults[facts.volume.vault] = TC_TRY(s.store.vault(facts.volume.vault));
  // A vault that cannot be closed is to be known before the removal is owed.
  for (const auto& [name, vault] : facts.vaults) {
    if (TC_TRY(vault_is_open(s, w, vault))) TC_CHECK(refuse_while_it_waits(s, w, vault));
  }
  return facts;
}

Result<plan::RenameFacts> facts_to_rename(Session& s, const std::string& from, const std::string& to) {
  plan::RenameFacts facts;
  facts.common = common_facts(s);
  facts.volume = TC_TRY(find_volume(s, from));
  TC_TRY(info_of(s, facts.volume));
  facts.to = to;
  const Records all = TC_TRY(read_everything(s));
  for (const Vault& v : all.vaults) {
    // Not when it is somebody else's by now: the volume it was called after is gone.
    if (v.name == from && v.name == facts.volume.vault) facts.vault = v;
    if (v.name == to) facts.vault_name_free = false;
  }
  const bool with_vault = facts.vault && facts.vault_name_free;
  const auto mentions = [&](const auto& record) {
    return (record.basis && record.basis->volume == from) || (with_vault && record.vault == from);
  };
  for (const Volume& v : all.volumes) {
    if (v.name != from && (mentions(v) || (v.origin && v.origin->volume == from))) facts.other_volumes.push_back(v);
  }
  for (const Version& v : all.versions) {
    if (v.volume == from) {
      facts.own_versions.push_back(v);
    } else if (mentions(v)) {
      facts.other_versions.push_back(v);
    }
  }
  return facts;
}

}  // namespace

Result<Outcome> remove(Env& env, const Named& r) {
  const auto run = [&]() -> Result<Outcome> {
    const names::Target target = TC_TRY(names::parse_target(r.name));
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    Outcome out = TC_TRY(run_plan(s, w, plan::plan_remove(TC_TRY(facts_to_remove(s, w, target)))));
    out.name = r.name;
    return out;
  };
  return attempted(run(), "rm " + r.name);
}

Result<Outcome> rename(Env& env, const Named& from, const std::string& to) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(from.name));
    TC_CHECK(names::check_volume_name(to));
    Work w;
    Session s = TC_TRY(begin_change(env, w, from.pool));
    TC_TRY(find_volume(s, from.name));
    TC_CHECK(refuse_existing(s, to));
    Outcome out = TC_TRY(run_plan(s, w, plan::plan_rename(TC_TRY(facts_to_rename(s, from.name, to)))));
    out.name = to;
    if (TC_TRY(env.dm.info(device_names::volume(s.pool, to))))
      out.device = env.dm.path(device_names::volume(s.pool, to));
    return out;
  };
  return attempted(run(), "rename " + from.name + " to " + to);
}

Result<Outcome> resize(Env& env, const Named& r, Bytes size) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(r.name));
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    plan::ResizeFacts facts;
    facts.common = common_facts(s);
    facts.volume = TC_TRY(find_volume(s, r.name));
    TC_TRY(info_of(s, facts.volume));
    facts.size = TC_TRY(policies::volume_size(size));
    Outcome out;
    out.name = r.name;
    if (facts.size < facts.volume.size) {
      return fail(Code::usage, r.name,
                  "it has " + format_size(facts.volume.size) + " and volumes are not shrunk: that would cut off data",
                  "create a smaller volume and copy");
    }
    // With a filesystem it is done all the same: an earlier resize may have been killed before that had grown.
    if (facts.size == facts.volume.size && facts.volume.fs == FsKind::none) {
      out.operation = "resize " + r.name;
      out.changed = false;
      return out;
    }
    facts.vault = TC_TRY(s.store.vault(facts.volume.vault));
    TC_CHECK(s.check_space(s.record.block, "resize " + r.name));
    out = TC_TRY(run_plan(s, w, plan::plan_resize(facts)));
    out.name = r.name;
    return out;
  };
  return attempted(with_secrets(env.asked, run), "resize " + r.name);
}

}  // namespace tclone::engine
