// SPDX-License-Identifier: GPL-2.0-or-later
// key add and key rm: unlocking secrets of a vault. The header is changed in an order in which a crash locks
// nobody out: a slot is there before the record names its source, and the record names another before a slot goes.
#include <algorithm>

#include "base/fault.h"
#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/operation.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_stack.h"

namespace tclone::engine {
namespace {

bool by_hand(const KeySource& source) { return source.kind == "stdin" || source.kind == "prompt"; }

/// The secret that is to be added. A key file of a command that was interrupted is used again.
Result<Secret> new_secret(const Session& s, const Work& w, const Vault& v, const KeySource& source, bool& made_file) {
  if (!source.generated()) return secret_of(s, w, v, source, crypt::Purpose::create);
  auto fresh = crypt::make_key_file(key_folder(s.env), v.uuid);
  made_file = fresh.has_value();
  if (fresh || fresh.error().code != Code::exists) return fresh;
  return secret_of(s, w, v, source, crypt::Purpose::unlock);
}

struct Added {
  std::uint32_t slot = 0;
  bool new_slot = false;
  bool new_file = false;
};

Result<Added> add_slot(Session& s, Work& w, const Vault& v, const KeyAdd& r, const std::string& device) {
  Added out;
  if (r.key.kind == kTokenKind) {
    out.slot = TC_TRY(slot_of(s, w, v, r.key, device));
    return out;
  }
  const KeySource& unlock = r.unlock ? *r.unlock : v.key;
  if (unlock.kind == kTokenKind) {
    return fail(Code::usage, "vault " + v.name, "a token cannot unlock it for a new key",
                "say with --unlock what else does");
  }
  if (unlock.kind == "stdin" && r.key.kind == "stdin") {
    return fail(Code::usage, "stdin", "the old and the new key cannot both come from it",
                "use another source for one of them");
  }
  const Secret existing = TC_TRY(secret_of(s, w, v, unlock, crypt::Purpose::unlock));
  TC_TRY(s.env.luks.test(device, v.header, existing));
  const Secret added = TC_TRY(new_secret(s, w, v, r.key, out.new_file));
  TCLONE_FAULT_POINT("keyadd.secret");
  if (const auto there = s.env.luks.test(device, v.header, added)) {
    out.slot = static_cast<std::uint32_t>(*there);
    return out;
  }
  auto slot = s.env.luks.add_key(device, v.header, existing, added, crypt::cost_of(r.key, added.size()));
  if (!slot) {
    if (out.new_file) static_cast<void>(crypt::remove_key_file(key_folder(s.env), v.uuid));
    return tl::unexpected(slot.error());
  }
  out.slot = static_cast<std::uint32_t>(*slot);
  out.new_slot = true;
  return out;
}

Outcome planned(const std::string& operation, const std::string& name, std::vector<std::string> steps) {
  Outcome out;
  out.operation = operation;
  out.name = name;
  for (std::string& text : steps) out.steps.push_back({std::move(text), 0});
  return out;
}

Result<Outcome> record(Session& s, Work& w, const std::string& operation, const std::string& name, const Vault& v,
                       std::vector<KeyCleanup> gone) {
  Outcome out = TC_TRY(run_plan(s, w, plan::plan_key({common_facts(s), operation, v, std::move(gone)})));
  out.name = name;
  return out;
}

Result<Outcome> add_in(Session& s, Work& w, const KeyAdd& r, const std::string& what) {
  Vault v = TC_TRY(encrypted_vault(s, r.name));
  TC_CHECK(refuse_while_copied(v));
  const std::string source = crypt::to_text(r.key);
  if (s.env.dry_run) {
    return planned(what, r.name,
                   {"add a key slot to vault " + v.name + " for the secret from " + r.key.kind,
                    "record that it opens vault " + v.name});
  }
  Added added;
  {
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    const auto act = [&](const std::string& device) -> Status {
      TC_CHECK(check_header(s, v, device));
      added = TC_TRY(add_slot(s, w, v, r, device));
      TCLONE_FAULT_POINT("keyslot.added");
      return {};
    };
    TC_CHECK(with_header(s, w, v, act));
  }
  auto slots = known_slots(v);
  const SlotSource entry{added.slot, r.key};
  if (std::find(slots.begin(), slots.end(), entry) != slots.end()) {
    Outcome out = planned(what, r.name, {});
    out.changed = false;
    return out;
  }
  std::erase_if(slots, [&](const SlotSource& k) { return k.source == r.key; });
  slots.push_back(entry);
  v.slots = std::move(slots);
  auto done = record(s, w, what, r.name, v, {});
  if (!done && done.error().code != Code::damaged && added.new_slot) {
    static_cast<void>(remove_key(s, w, {v.name, v.outer, added.slot, false, added.new_file}));
  }
  return done;
}

// ---- rm -----------------------------------------------------------------------------------------------------------

/// By what the secret opens where it can be had without asking; else, as when it is somebody else's, by the record.
Result<std::uint32_t> slot_to_remove(const Session& s, const Work& w, const Vault& v, const KeyRemove& r,
                                     const std::string& device) {
  if (r.slot) return *r.slot;
  const auto known = known_slots(v);
  const auto listed = std::find_if(known.begin(), known.end(), [&](const SlotSource& k) { return k.source == *r.key; });
  if (listed != known.end() && (by_hand(*r.key) || r.key->kind == "exec")) return listed->slot;
  auto found = slot_of(s, w, v, *r.key, device, listed == known.end() ? Pin::ask : Pin::never);
  if (!found && s.env.asked.wanted()) return found;
  if (!found && found.error().code == Code::key && listed != known.end()) return listed->slot;
  return found;
}

/// The record after the slot has gone: its sources, and the one that activate asks.
Status forget(const Session& s, const Work& w, Vault& v, const KeyRemove& r, std::uint32_t gone,
              const std::vector<std::uint32_t>& left, const std::string& device) {
  v.slots = known_slots(v);
  const bool in_use = std::any_of(v.slots.begin(), v.slots.end(),
                                  [&](const SlotSource& k) { return k.slot == gone && k.source == v.key; });
  std::erase_if(v.slots, [&](const SlotSource& k) { return k.slot == gone; });
  if (r.use) {
    const auto listed =
        std::find_if(v.slots.begin(), v.slots.end(), [&](const SlotSource& k) { return k.source == *r.use; });
    if (listed == v.slots.end()) {
      const std::uint32_t slot = TC_TRY(slot_of(s, w, v, *r.use, device));
      if (slot == gone) return fail(Code::usage, r.use->kind, "that source opens the slot that is to go");
      v.slots.push_back({slot, *r.use});
    }
    v.key = *r.use;
    return {};
  }
  if (!in_use || left.empty()) return {};
  const auto next = std::find_if(v.slots.rbegin(), v.slots.rend(), [&](const SlotSource& k) {
    return std::find(left.begin(), left.end(), k.slot) != left.end();
  });
  if (next == v.slots.rend()) {
    return fail(Code::usage, "vault " + v.name, "the remaining key slots were not created by tclone",
                "say with --use which source opens it from now on");
  }
  v.key = next->source;
  return {};
}

/// What this host can read is tried before it becomes the only way in.
Status try_new_source(const Session& s, const Work& w, const Vault& v, std::uint32_t gone, const std::string& device) {
  if (by_hand(v.key) || v.key.kind == "exec" || v.key.kind == kTokenKind) return {};
  const auto secret = secret_of(s, w, v, v.key, crypt::Purpose::unlock);
  if (!secret) return {};  // somebody else's: handing over
  const auto slot = s.env.luks.test(device, v.header, *secret);
  if (!slot) {
    return fail(Code::key, "vault " + v.name,
                "the source that is left, " + crypt::to_text(v.key) + ", does not open it",
                "correct it, or say with --use which source does");
  }
  if (static_cast<std::uint32_t>(*slot) != gone) return {};
  return fail(Code::usage, "vault " + v.name, crypt::to_text(v.key) + " opens the slot that is to go");
}

struct Removal {
  Vault after;
  KeyCleanup due;
};

Status decide_removal(Session& s, Work& w, const Vault& v, const KeyRemove& r, const std::string& device,
                      Removal& out) {
  TC_CHECK(check_header(s, v, device));
  const std::uint32_t gone = TC_TRY(slot_to_remove(s, w, v, r, device));
  std::vector<std::uint32_t> left;
  bool there = false;
  for (const crypt::Keyslot& k : TC_TRY(s.env.luks.keyslots(device))) {
    const auto number = static_cast<std::uint32_t>(k.number);
    if (number == gone) {
      there = true;
    } else if (!k.unbound) {
      left.push_back(number);
    }
  }
  const auto known = known_slots(v);
  const bool listed = std::any_of(known.begin(), known.end(), [&](const SlotSource& k) { return k.slot == gone; });
  if (!there && !listed) {
    return fail(Code::not_found, "vault " + v.name, "there is no key slot " + std::to_string(gone),
                "`tclone key list " + r.name + "` shows them");
  }
  if (left.empty() && !r.last) {
    return fail(Code::exists, "vault " + v.name,
                "key slot " + std::to_string(gone) + " is the last one: without it what the vault holds is lost",
                "add another key first, or say --yes if that is what you want");
  }
  out.due.key_file = std::any_of(known.begin(), known.end(),
                                 [&](const SlotSource& k) { return k.slot == gone && k.source.generated(); }) ||
                     (r.key && r.key->generated());
  out.due.vault = v.name;
  out.due.outer = v.outer;
  out.due.slot = gone;
  out.due.last = left.empty();
  out.after = v;
  TC_CHECK(forget(s, w, out.after, r, gone, left, device));
  return left.empty() || out.after.key == v.key ? Status{} : try_new_source(s, w, out.after, gone, device);
}

Result<Outcome> remove_in(Session& s, Work& w, const KeyRemove& r, const std::string& what) {
  const Vault v = TC_TRY(encrypted_vault(s, r.name));
  TC_CHECK(refuse_while_copied(v));
  if (r.slot.has_value() == r.key.has_value()) {
    return fail(Code::usage, r.name, "say either the number of a slot or --key",
                "`tclone key list " + r.name + "` shows both");
  }
  Removal removal;
  const auto decide = [&](const std::string& device) { return decide_removal(s, w, v, r, device, removal); };
  if (s.env.dry_run) {
    // A closed vault's header would have to be activated to be looked at.
    if (TC_TRY(vault_is_open(s, w, v))) TC_CHECK(with_header(s, w, v, decide));
    return planned(what, r.name,
                   {"record what opens vault " + v.name + " from then on", "destroy the key slot of vault " + v.name});
  }
  {
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    TC_CHECK(with_header(s, w, v, decide));
  }
  Outcome out = TC_TRY(record(s, w, what, r.name, removal.after, {removal.due}));
  if (removal.due.last) out.warnings.push_back("nothing opens vault " + v.name + " any more once it is closed");
  return out;
}

}  // namespace

Result<Outcome> key_add(Env& env, const KeyAdd& r) {
  const std::string what = "key add " + r.name;
  const auto run = [&]() -> Result<Outcome> {
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    return add_in(s, w, r, what);
  };
  return attempted(with_secrets(env.asked, run), what);
}

Result<Outcome> key_remove(Env& env, const KeyRemove& r) {
  const std::string what = "key rm " + r.name;
  const auto run = [&]() -> Result<Outcome> {
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    return remove_in(s, w, r, what);
  };
  return attempted(with_secrets(env.asked, run), what);
}

}  // namespace tclone::engine
