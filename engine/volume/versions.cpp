// SPDX-License-Identifier: GPL-2.0-or-later
// publish, revert, refresh, tag, untag: what makes versions and goes back to them.
#include <algorithm>

#include "base/nearest.h"
#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/operation.h"
#include "engine/protocol/write_out.h"
#include "engine/stack/vault_stack.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

Result<Outcome> publish_in(Session& s, Work& w, const Publish& r, const std::string& what) {
  plan::PublishFacts facts;
  facts.common = common_facts(s);
  facts.tags = r.tags;
  facts.message = r.message;
  for (const std::string& name : r.names) {
    const Volume volume = TC_TRY(find_volume(s, name));
    TC_TRY(info_of(s, volume));
    facts.items.push_back({volume, TC_TRY(s.store.vault(volume.vault)), Uuid::random()});
  }
  TC_CHECK(s.check_space(s.record.block * r.names.size(), what));
  plan::Plan plan = plan::plan_publish(facts);
  std::vector<VersionRef> made;
  for (const std::string& name : r.names) {
    for (const Version& v : plan.change.versions) {
      if (v.volume == name) made.push_back(v.ref());
    }
  }
  Outcome out = TC_TRY(run_plan(s, w, std::move(plan)));
  out.name = r.names.front();
  out.versions = std::move(made);
  return out;
}

/// The present version of a reference whose volume may have been renamed... the record follows renames, so the name
/// is right or the version is gone.
Result<Version> version_of(const Session& s, const VersionRef& ref) {
  auto v = s.store.version(ref.volume, ref.number);
  if ((!v && v.error().code == Code::not_found) || (v && v->uuid != ref.uuid)) {
    return fail(Code::not_found, ref.text(), "the version it was cloned from was removed",
                "choose another one with --to");
  }
  return v;
}

Result<Outcome> restart(Session& s, Work& w, const Volume& volume, const Version& to, const std::string& verb) {
  plan::ResetFacts facts;
  facts.common = common_facts(s);
  facts.operation = verb + " " + volume.name + " to " + to.ref().text();
  facts.volume = volume;
  facts.vault = TC_TRY(s.store.vault(volume.vault));
  facts.to = to;
  TC_CHECK(refuse_while_copied(facts.vault));
  TC_CHECK(refuse_if_held(s, volume));
  const std::string device = device_of(s, volume);
  facts.was_active = TC_TRY(s.env.dm.info(device)).has_value();
  TC_CHECK(s.check_space(s.record.block, facts.operation));
  Outcome out = TC_TRY(run_plan(s, w, plan::plan_reset(facts)));
  out.name = volume.name;
  if (facts.was_active) out.device = s.env.dm.path(device);
  return out;
}

Result<Version> revert_target(const Session& s, const Volume& volume, const std::string& to) {
  if (!to.empty())
    return find_version(s,
                        TC_TRY(names::parse_target(to.find('@') == std::string::npos ? volume.name + "@" + to : to)));
  if (volume.origin) return version_of(s, *volume.origin);
  if (volume.versions.empty()) {
    return fail(Code::not_found, volume.name, "it was never published and is no clone: there is nothing to go back to",
                "`tclone publish " + volume.name + "` makes a version");
  }
  return s.store.version(volume.name, volume.versions.back());
}

Result<Outcome> revert_in(Session& s, Work& w, const Reset& r) {
  const Volume volume = TC_TRY(find_volume(s, r.name));
  const Version to = TC_TRY(revert_target(s, volume, r.to));
  const bool own = to.volume == volume.name;
  const bool origin = volume.origin && volume.origin->uuid == to.uuid;
  if (!own && !origin) {
    return fail(Code::usage, to.ref().text(), "neither a version of " + volume.name + " nor the one it was cloned from",
                "`tclone refresh` moves a clone to another version of its origin");
  }
  return restart(s, w, volume, to, "revert");
}

Result<Outcome> refresh_in(Session& s, Work& w, const Reset& r) {
  const Volume volume = TC_TRY(find_volume(s, r.name));
  if (!volume.origin) {
    return fail(Code::usage, volume.name, "it is not a clone, so it follows nothing", "`tclone revert` takes it back");
  }
  const std::string& source = volume.origin->volume;
  const std::string selector = r.to.empty() ? volume.follows : r.to;
  names::Target target = TC_TRY(names::parse_selector(source, selector.empty() ? "latest" : selector));
  if (selector.find('@') != std::string::npos) target = TC_TRY(names::parse_target(selector));
  if (!s.store.has_volume(source)) {
    return fail(Code::not_found, source, "the volume it was cloned from was removed", "`tclone revert` takes it back");
  }
  const Version to = TC_TRY(find_version(s, target));
  if (r.if_newer && to.uuid == volume.origin->uuid) {
    Outcome out;
    out.operation = "refresh " + volume.name + " to " + to.ref().text();
    out.name = volume.name;
    out.changed = false;
    if (TC_TRY(s.env.dm.info(device_of(s, volume)))) out.device = s.env.dm.path(device_of(s, volume));
    return out;
  }
  return restart(s, w, volume, to, "refresh");
}

}  // namespace

Result<Outcome> publish(Env& env, const Publish& r) {
  std::string what = "publish";
  for (const std::string& name : r.names) what += " " + name;
  const auto run = [&]() -> Result<Outcome> {
    if (r.names.empty()) return fail(Code::usage, "publish", "names no volume");
    for (auto it = r.names.begin(); it != r.names.end(); ++it) {
      TC_CHECK(names::check_volume_name(*it));
      if (std::find(r.names.begin(), it, *it) != it) return fail(Code::usage, *it, "is named twice");
    }
    for (const std::string& tag : r.tags) TC_CHECK(names::check_tag(tag));
    TC_CHECK(names::check_message(r.message));
    std::vector<StepTime> written;
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool, [&](Session& seen) { written = write_out(seen, r.names); }));
    Outcome out = TC_TRY(publish_in(s, w, r, what));
    out.steps.insert(out.steps.begin(), written.begin(), written.end());
    return out;
  };
  return attempted(with_secrets(env.asked, run), what);
}

Result<Outcome> revert(Env& env, const Reset& r) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(r.name));
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    return revert_in(s, w, r);
  };
  return attempted(with_secrets(env.asked, run), "revert " + r.name);
}

Result<Outcome> refresh(Env& env, const Reset& r) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(r.name));
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    return refresh_in(s, w, r);
  };
  return attempted(with_secrets(env.asked, run), "refresh " + r.name);
}

Result<Outcome> tag(Env& env, const std::string& pool, const std::string& target, const std::string& tag_name) {
  const auto run = [&]() -> Result<Outcome> {
    const names::Target t = TC_TRY(names::parse_target(target));
    TC_CHECK(names::check_tag(tag_name));
    Work w;
    Session s = TC_TRY(begin_change(env, w, pool));
    const Version version = TC_TRY(find_version(s, t, true));
    plan::TagFacts facts{common_facts(s), TC_TRY(s.store.volume(version.volume)), tag_name, version.number};
    const auto present = facts.volume.tags.find(tag_name);
    Outcome out;
    if (present != facts.volume.tags.end() && present->second == version.number) {
      out.operation = plan::plan_tag(facts).operation;
      out.changed = false;
    } else {
      out = TC_TRY(run_plan(s, w, plan::plan_tag(facts)));
    }
    out.name = version.volume;
    out.versions = {version.ref()};
    return out;
  };
  return attempted(run(), "tag " + target + " " + tag_name);
}

Result<Outcome> untag(Env& env, const std::string& pool, const std::string& volume, const std::string& tag_name) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_tag(tag_name));
    Work w;
    Session s = TC_TRY(begin_change(env, w, pool));
    plan::TagFacts facts{common_facts(s), TC_TRY(find_volume(s, volume)), tag_name, std::nullopt};
    if (!facts.volume.tags.contains(tag_name)) {
      return fail(Code::not_found, volume + "@" + tag_name, "there is no such tag",
                  did_you_mean(tag_name, tags_of(facts.volume), "`tclone log " + volume + "` shows them"));
    }
    Outcome out = TC_TRY(run_plan(s, w, plan::plan_tag(facts)));
    out.name = volume;
    return out;
  };
  return attempted(run(), "untag " + volume + "@" + tag_name);
}

}  // namespace tclone::engine
