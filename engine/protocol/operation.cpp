// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/protocol/operation.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/fault.h"
#include "base/log.h"
#include "engine/protocol/perform.h"
#include "engine/protocol/recovery.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/suspended.h"
#include "engine/stack/unused.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/volume_stack.h"

namespace tclone::engine {
namespace {

using Clock = std::chrono::steady_clock;

class Runner {
 public:
  Runner(Session& s, Work& w, plan::Plan plan) : s_(s), w_(w), plan_(std::move(plan)) {
    outcome_.operation = plan_.operation;
  }

  Result<Outcome> run() {
    if (s_.env.dry_run) {
      for (const std::string& text : plan_.texts()) outcome_.steps.push_back({text, 0});
      return outcome_;
    }
    w_.planned_versions = plan_.change.versions;
    mark_.emplace(TC_TRY(WorkMark::set(s_)));
    if (auto flows = nothing_suspended(); !flows) return give_up(flows.error());
    if (auto keys = require_keys(); !keys) return give_up(keys.error());
    for (const plan::Action& a : plan_.prepare) {
      if (auto done = step(a); !done) return give_up(done.error());
    }
    if (auto taken = take_present(); !taken) return give_up(taken.error());
    if (auto written = write_journal(); !written) {
      const auto there = s_.store.journal();
      if (there && !*there) return give_up(written.error());  // nothing was claimed yet
      return roll_back(written.error());
    }
    for (const plan::Action& a : plan_.before) {
      if (s_.env.stop()) return roll_back(Error{Code::failed, {}, {}, "interrupted", kNothingChanged, 0});
      if (auto done = step(a); !done) return roll_back(done.error());
    }
    if (s_.env.stop()) return roll_back(Error{Code::failed, {}, {}, "interrupted", kNothingChanged, 0});
    return commit_and_finish();
  }

 private:
  /// Also what is only taken down after the commit: by then it is too late to refuse.
  Status nothing_suspended() {
    for (const Vault& v : plan_.change.vaults) TC_CHECK(refuse_suspended(s_, w_, v.outer));
    for (const std::string& name : plan_.change.gone_vaults) {
      if (const auto v = s_.store.vault(name)) TC_CHECK(refuse_suspended(s_, w_, v->outer));
    }
    return {};
  }

  /// From here on it is not begun anew, so what has to be waited for must be there.
  Status require_keys() {
    for (const auto* part : {&plan_.prepare, &plan_.before}) {
      for (const plan::Action& a : *part) {
        if (const auto* open = std::get_if<plan::OpenVault>(&a)) {
          TC_CHECK(require_key(s_, w_, TC_TRY(s_.store.vault(open->vault))));
        } else if (const auto* header = std::get_if<plan::MakeHeader>(&a)) {
          TC_CHECK(require_key_to_set(s_, w_, header->vault, header->vault.key));
        } else if (const auto* slot = std::get_if<plan::AddKey>(&a)) {
          TC_CHECK(require_key_to_set(s_, w_, slot->vault, slot->key.source));
        } else if (const auto* volume = std::get_if<plan::ActivateVolume>(&a)) {
          TC_CHECK(require_keys_below(s_, w_, volume->volume));
        }
      }
    }
    w_.may_begin_anew = false;
    return {};
  }

  Status step(const plan::Action& a) {
    const std::string text = text_of(a);
    log::debug(text);
    Status done = [&]() -> Status {
      TCLONE_FAULT_POINT("step");
      return perform(s_, w_, a);
    }();
    note_time(text);
    return done;
  }

  /// What lies between two steps counts as the later one's.
  void note_time(const std::string& text) {
    const auto now = Clock::now();
    const std::chrono::duration<double, std::milli> took = now - last_;
    outcome_.steps.push_back({text, took.count()});
    last_ = now;
  }

  /// Preparing may have raised a vault's capacity or paid what was pending: the records-to-be follow.
  Status take_present() {
    // By its name, or by the one that it had until now.
    const auto recorded = [&](const Vault& v) -> std::optional<Vault> {
      std::vector<std::string> called = plan_.change.gone_vaults;
      called.push_back(v.name);
      for (const std::string& name : called) {
        if (auto present = s_.store.vault(name); present && present->outer == v.outer) return std::move(*present);
      }
      return std::nullopt;
    };
    // What starts a vault over decides all of it. Otherwise a format that was pending has been done by now, and to write
    // it down again would lose what is in the vault.
    const auto resets_vault = [&](const Vault& v) {
      const auto& over = plan_.cleanup.reset;
      return std::any_of(over.begin(), over.end(), [&](const OuterRef& due) { return due.outer == v.outer; });
    };
    for (Vault& v : plan_.change.vaults) {
      const auto present = recorded(v);
      if (!present || resets_vault(v)) continue;
      v.capacity = present->capacity;
      v.metadata = present->metadata;
      v.provisioned = present->provisioned;
      v.pending = present->pending;
    }
    return {};
  }

  Status write_journal() {
    Journal journal;
    journal.operation = plan_.operation;
    journal.from = plan_.commit.from;
    journal.to = plan_.commit.to;
    journal.time = s_.env.now();
    journal.steps = plan_.texts();
    journal.after = plan_.change;
    journal.to_undo = plan_.to_undo;
    journal.cleanup = plan_.cleanup;
    TC_CHECK(s_.store.write_journal(journal));
    note_time("write the journal");
    return {};
  }

  tl::unexpected<Error> describe(Error e) const {
    if (e.attempted.empty()) e.attempted = plan_.operation;
    return tl::unexpected(std::move(e));
  }

  /// The next command goes on with it, as after a kill: it also closes what is open and brings back what was active.
  tl::unexpected<Error> leave_to_next(Error e) {
    mark_->leave();
    return describe(std::move(e));
  }

  /// Nothing was journalled yet: only what preparing opened has to be closed.
  tl::unexpected<Error> give_up(Error e) {
    reactivate_taken_down();
    if (auto closed = close_unused(s_, w_); !closed) log::warn(closed.error().text());
    return describe(std::move(e));
  }

  tl::unexpected<Error> roll_back(Error e) {
    // mkfs and libcryptsetup see an I/O error where the pool had no block to give.
    const auto outer = s_.env.dm.pool_status(s_.outer_pool());
    if (outer && e.code == Code::failed && outer->mode == dm::PoolMode::out_of_data_space) {
      e.code = Code::no_space;
      e.why += "; the pool is full";
      e.next = "remove volumes or versions, trim filesystems (fstrim), or `tclone pool grow`";
    }
    auto undone = undo(s_, w_, plan_.to_undo);
    if (undone) undone = s_.store.clear_journal();
    if (!undone) {
      Error second = undone.error();
      second.next.clear();
      e.why += "; undoing it failed as well: " + second.text();
      e.next = "the next command tries again to undo it; if it cannot, run `tclone doctor`";
      e.code = Code::damaged;
      return leave_to_next(std::move(e));
    }
    return give_up(std::move(e));
  }

  /// What an operation took down before it failed is put back as it was.
  void reactivate_taken_down() {
    for (const std::string& name : w_.taken_down) {
      if (auto up = perform(s_, w_, plan::Reactivate{name}); !up) log::warn(up.error().text());
    }
  }

  Result<Outcome> commit_and_finish() {
    const auto committed = [&]() -> Result<bool> {
      TCLONE_FAULT_POINT("commit");
      auto done = commit(s_, plan_.commit);
      note_time(text_of(plan_.commit));
      return done;
    }();
    if (!committed) {
      // Known not to have happened when the kernel still has the old id; then it can be undone at once.
      const auto status = s_.env.dm.pool_status(s_.outer_pool());
      if (status && status->transaction == plan_.commit.from) return roll_back(committed.error());
      return leave_to_next(committed.error());
    }
    if (!*committed) {
      return roll_back(
          Error{Code::damaged, {}, "pool " + s_.pool, "the kernel refused the commit", "run `tclone doctor`", 0});
    }
    if (auto paid = finish(); !paid) {
      Error e = paid.error();
      e.attempted = plan_.operation + " (done, but its cleaning up was not finished)";
      if (e.next.empty()) e.next = "the next command goes on with it";
      return leave_to_next(std::move(e));
    }
    for (const plan::Action& a : plan_.best_effort) {
      if (auto done = step(a); !done) {
        mark_->leave();  // the next command closes what is left open
        outcome_.warnings.push_back(plan_.operation + " is done, but could not " + text_of(a) + ": " +
                                    done.error().text());
      }
    }
    return outcome_;
  }

  Status finish() {
    TCLONE_FAULT_POINT("committed");
    TC_CHECK(s_.store.apply(plan_.change, Store::Durable::by_journal));
    if (plan_.change.pool) s_.record = *plan_.change.pool;
    note_time("write the records");
    TCLONE_FAULT_POINT("recorded");
    for (const plan::Action& a : plan_.after) TC_CHECK(step(a));
    TCLONE_FAULT_POINT("cleaned_up");
    return s_.store.clear_journal();
  }

  Session& s_;
  Work& w_;
  plan::Plan plan_;
  std::optional<WorkMark> mark_;
  Outcome outcome_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace

Result<Outcome> run_plan(Session& s, Work& w, plan::Plan plan) { return Runner(s, w, std::move(plan)).run(); }

plan::Common common_facts(const Session& s) { return {s.pool, s.record, s.record.block, s.env.now()}; }

}  // namespace tclone::engine
