// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/protocol/recovery.h"

#include <algorithm>
#include <map>

#include "base/fault.h"
#include "base/log.h"
#include "dm/suspended.h"
#include "dm/targets.h"
#include "engine/api/api.h"
#include "engine/core/consistency.h"
#include "engine/core/lookup.h"
#include "engine/protocol/perform.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/unused.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

/// A killed command may have left devices suspended when its guard was killed with it, and layers without a user.
Status tidy_devices(Session& s, Work& w) {
  for (const dm::Named& d : TC_TRY(s.env.dm.list(device_names::prefix(s.pool)))) {
    const auto info = TC_TRY(s.env.dm.info(d.name));
    if (!info) continue;
    // A table that was loaded is made live as well: it is larger at most, and its record was raised before.
    if (info->live_table && (info->suspended || info->inactive_table)) TC_CHECK(s.env.dm.resume(d.name));
    // Created but never made live: nothing can be on it.
    if (!info->live_table) TC_CHECK(s.env.dm.remove(d.name, 1000ms));
  }
  // A check that was killed holds the metadata snapshot of a pool, of which there is only one.
  for (const dm::Named& d : TC_TRY(s.env.dm.list(device_names::prefix(s.pool)))) {
    if (d.name != s.outer_pool() && !d.name.ends_with(".pool")) continue;
    const auto status = s.env.dm.pool_status(d.name);
    if (status && status->held_root) TC_CHECK(s.env.dm.message(d.name, "release_metadata_snap"));
  }
  return mark_all_unused(s, w);
}

tl::unexpected<Error> refuse_broken(const Session& s, const dm::PoolStatus& status) {
  return fail(Code::damaged, "pool " + s.pool, "its metadata is read-only (" + dm::health_text(status) + ")",
              "find out what happened to its device (`dmesg`), then `tclone pool deactivate " + s.pool +
                  "`, `tclone pool repair " + s.pool + "` and activate it again");
}

/// Ids that were claimed are not given out again although the operation was undone: a deletion of one that is still
/// pending, or comes late, must never hit a newcomer.
Status retire_ids(Session& s, const ToUndo& to_undo) {
  PoolRecord pool = TC_TRY(s.store.pool());
  std::map<std::string, Vault> vaults;
  for (const OuterRef& c : to_undo.outer) pool.next_outer = std::max(pool.next_outer, c.outer.n + 1);
  for (const InnerRef& c : to_undo.inner) {
    auto present = s.store.vault(c.vault);
    if (!present && present.error().code == Code::not_found) continue;  // of a vault that never came to be
    Vault& vault = vaults.try_emplace(c.vault, TC_TRY(std::move(present))).first->second;
    if (vault.outer == c.outer) vault.next_thin = std::max(vault.next_thin, c.thin.n + 1);
  }
  RecordChange change;
  if (!to_undo.outer.empty()) change.pool = pool;
  for (auto& [name, vault] : vaults) change.vaults.push_back(std::move(vault));
  if (!change.pool && change.vaults.empty()) return {};
  TC_CHECK(s.store.apply(change));
  s.record = pool;
  return {};
}

/// The kernel is at one of the journal's two transactions.
Result<Recovered> recover_journal(Session& s, Work& w, const Journal& journal, std::uint64_t kernel) {
  Recovered out{true, journal.operation, false};
  if (kernel == journal.to) {
    log::info("finishing what was interrupted: " + journal.operation);
    TC_CHECK(s.store.apply(journal.after));
    TCLONE_FAULT_POINT("recover.records");
    s.record = TC_TRY(s.store.pool());
    TC_CHECK(clean_up(s, w, journal.cleanup));
    out.finished = true;
  } else {
    log::info("undoing what was interrupted: " + journal.operation);
    TC_CHECK(undo(s, w, journal.to_undo));
  }
  TCLONE_FAULT_POINT("recover.cleared");
  TC_CHECK(s.store.clear_journal());
  return out;
}

/// Whoever runs the next command may have nothing to do with these volumes: it must neither be asked for their keys nor
/// wait for a token.
Status refuse_to_ask(Session& s, Work& w, const Volume& volume) {
  std::vector<Vault> needed = TC_TRY(vaults_below(s, w, volume));
  needed.push_back(TC_TRY(s.store.vault(volume.vault)));
  for (const Vault& v : needed) {
    if (v.key.kind == "file" || !v.encrypted || TC_TRY(vault_is_open(s, w, v))) continue;
    return fail(Code::key, "vault " + v.name, "it is closed, and its key is not a file",
                "`tclone activate " + volume.name + "`");
  }
  return {};
}

/// Best effort: whoever used them gets them back.
void bring_back(Session& s, Work& w, const std::vector<std::string>& volumes) {
  for (const std::string& name : volumes) {
    const auto v = s.store.volume(name);
    if (!v) continue;  // it is the one that was removed
    const auto up = [&]() -> Status {
      TC_CHECK(refuse_to_ask(s, w, *v));
      return perform(s, w, plan::Reactivate{name});
    }();
    if (!up)
      log::warn("volume " + name +
                " was active before a command that did not end as it should, and is not now: " + up.error().text());
  }
}

}  // namespace

Status undo(Session& s, Work& w, const ToUndo& to_undo) {
  const auto in_new_vault = [&](const InnerRef& c) {
    return std::any_of(to_undo.outer.begin(), to_undo.outer.end(),
                       [&](const OuterRef& o) { return o.outer == c.outer; });
  };
  for (auto it = to_undo.inner.rbegin(); it != to_undo.inner.rend(); ++it) {
    if (in_new_vault(*it)) {
      // The whole vault goes; only the device on top has to be out of the way.
      if (!it->device.empty()) TC_CHECK(s.env.dm.remove(it->device, 3000ms));
    } else {
      TC_CHECK(delete_thin(s, w, *it));
    }
    TCLONE_FAULT_POINT("undo.inner");
  }
  for (auto it = to_undo.outer.rbegin(); it != to_undo.outer.rend(); ++it) {
    TC_CHECK(destroy_vault(s, w, *it));
    TCLONE_FAULT_POINT("undo.outer");
  }
  return retire_ids(s, to_undo);
}

Status clean_up(Session& s, Work& w, const Cleanup& cleanup) {
  for (const plan::Action& action : plan::actions_for(cleanup)) {
    TC_CHECK(perform(s, w, action));
    TCLONE_FAULT_POINT("due");
  }
  return {};
}

Result<Recovered> recover_session(Session& s, Tidy tidy) {
  Work w;
  const bool killed = tidy == Tidy::always || WorkMark::left_behind(s);
  if (!killed) {
    TC_CHECK(dm::refuse_suspended(s.env.dm, s.pool,
                                  {s.outer_pool(), device_names::data(s.pool), device_names::metadata(s.pool)}));
  }
  const auto status = TC_TRY(s.env.dm.pool_status(s.outer_pool()));
  const auto journal = TC_TRY(s.store.journal());
  if (journal && TC_TRY(s.store.replay())) s.record = TC_TRY(s.store.pool());
  const std::vector<std::string> were_active = killed ? WorkMark::noted(s) : std::vector<std::string>{};
  // A failed pool says transaction 0, and one that takes no changes can neither finish nor undo anything.
  if (status.mode == dm::PoolMode::fail || (!status.writable() && (journal || killed))) return refuse_broken(s, status);
  TC_CHECK(check_consistency(s, journal, status.transaction));
  if (!journal && !killed) return Recovered{};
  WorkMark mark = TC_TRY(WorkMark::set(s));
  const auto describe = [&](Error e) {
    mark.leave();  // devices may not be tidy yet: the next command goes on with it
    if (e.attempted.empty()) e.attempted = "recover pool " + s.pool;
    return tl::unexpected(std::move(e));
  };
  if (auto tidied = tidy_devices(s, w); !tidied) return describe(tidied.error());
  Recovered out;
  if (journal) {
    auto done = recover_journal(s, w, *journal, status.transaction);
    if (!done) return describe(done.error());
    out = *done;
  }
  // Closed first: a vault that was half-way through being opened is then opened anew, with what it has pending.
  if (auto closed = close_unused(s, w); !closed) return describe(closed.error());
  bring_back(s, w, were_active);
  if (auto closed = close_unused(s, w); !closed) return describe(closed.error());
  return out;
}

namespace {

/// By somebody else, or by a command whose mark is gone: whoever asks for recovery wants no device to stay like that.
Result<std::vector<StepTime>> resume_all(Env& env, const std::string& pool) {
  std::vector<StepTime> out;
  for (const dm::Named& d : TC_TRY(env.dm.list(device_names::prefix(pool)))) {
    const auto info = TC_TRY(env.dm.info(d.name));
    if (!info || !info->live_table || !info->suspended) continue;
    if (!env.dry_run) TC_CHECK(env.dm.resume(d.name));
    out.push_back({"resume device " + d.name, 0});
  }
  return out;
}

}  // namespace

Result<Outcome> recover(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    TC_TRY(read_pool_location(env.paths.etc, name));  // before a lock file is made for what there is not
    std::optional<PoolLock> lock;
    if (!env.dry_run) lock.emplace(TC_TRY(lock_pool(env, name)));
    Outcome out;
    out.operation = "recover " + name;
    out.name = name;
    // Before anything is read: the state area may be what is suspended.
    out.steps = TC_TRY(resume_all(env, name));
    if (env.dry_run && !dm::refuse_suspended(env.dm, name, {device_names::state(name)})) return out;
    Session s = TC_TRY(Session::look(env, name));
    if (lock) s.lock.emplace(std::move(*lock));
    const auto journal = TC_TRY(s.store.journal());
    if (journal) out.steps.push_back({journal->operation, 0});
    out.changed = !out.steps.empty() || WorkMark::left_behind(s);
    if (env.dry_run) return out;
    const Recovered done = TC_TRY(recover_session(s));
    if (done.anything) out.operation += std::string(": ") + (done.finished ? "finished " : "undid ") + done.operation;
    return out;
  };
  return attempted(run(), "recover " + asked);
}

}  // namespace tclone::engine
