// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/key/rekey.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/fault.h"
#include "base/log.h"
#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/operation.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/vault_header.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

/// Longer than another command that waits for the lock sleeps (state/lock.cpp).
constexpr auto kPause = 70ms;

class Rekeying {
 public:
  Rekeying(Env& env, const RekeyRequest& r) : env_(env), r_(r) {
    out_.operation = "rekey " + r.name;
    out_.name = r.name;
  }

  Result<Outcome> run() {
    std::optional<Rekey::Stage> stage;
    const auto start = [&](Session& s, Work& w) -> Status {
      const Vault v = TC_TRY(encrypted_vault(s, r_.name));
      if (r_.cancel) return cancel(s, w, v);
      if (env_.dry_run) return tell(s, w, v);
      TC_CHECK(v.rekey ? go_on(s, w, v) : begin(s, w, v));
      stage = v.rekey ? v.rekey->stage : Rekey::Stage::copy;
      return {};
    };
    TC_CHECK(with_secrets(env_.asked, [&] { return turn(start); }));
    if (!stage) return std::move(out_);
    if (*stage == Rekey::Stage::copy) TC_CHECK(copy_and_switch());
    TC_CHECK(erase_and_end());
    return std::move(out_);
  }

 private:
  /// One hold of the pool's lock. The volume keys of both halves live on from one to the next.
  template <class Act>
  Status turn(Act act) {
    Work w;
    Session s = TC_TRY(begin_change(env_, w, r_.pool));
    w.fresh_keys = std::move(keys_);
    Status done = act(s, w);
    keys_ = std::move(w.fresh_keys);
    return done;
  }

  Result<Vault> present(const Session& s, Rekey::Stage stage) const {
    Vault v = TC_TRY(encrypted_vault(s, r_.name));
    if (v.rekey && v.rekey->stage == stage && v.rekey->outer == other_) return v;
    return fail(Code::exists, "vault " + v.name, "another command has finished or given up this rekey meanwhile");
  }

  plan::RekeyFacts facts(const Session& s, const Vault& v) const {
    plan::RekeyFacts f;
    f.common = common_facts(s);
    f.operation = out_.operation;
    f.vault = v;
    return f;
  }

  Status operate(Session& s, Work& w, plan::Plan plan) {
    auto done = run_plan(s, w, std::move(plan));
    if (!done) {
      // True of this operation, and not of those before it.
      if (begun_ && done.error().next == kNothingChanged)
        done.error().next = "`tclone rekey " + r_.name + "` goes on where it was";
      return tl::unexpected(std::move(done.error()));
    }
    std::move(done->steps.begin(), done->steps.end(), std::back_inserter(out_.steps));
    std::move(done->warnings.begin(), done->warnings.end(), std::back_inserter(out_.warnings));
    return {};
  }

  // ---- begin, go on, cancel -----------------------------------------------------------------------------------------

  Status begin(Session& s, Work& w, const Vault& v) {
    TC_CHECK(refuse_active(s, w, v));
    TC_CHECK(env_.programs.require());  // before anybody is asked for a key
    HalfKeys keys;
    {
      const WorkMark mark = TC_TRY(WorkMark::set(s));
      const auto gather = [&](const std::string& device) -> Status {
        keys = TC_TRY(gather_keys(s, w, v, r_, device));
        return {};
      };
      TC_CHECK(with_header(s, w, v, gather));
      mapped_ = TC_TRY(mapped_behind_header(s, v.outer));
    }
    TC_CHECK(s.check_space(total_of(mapped_, {}) + policies::kHeader + s.record.block, out_.operation));
    plan::RekeyFacts f = facts(s, v);
    f.uuid = Uuid::random();
    f.header = Uuid::random();
    f.key = keys.key;
    f.others = keys.others;
    plan::Plan plan = plan::plan_rekey_begin(f);
    other_ = plan.to_undo.outer.front().outer;
    TC_CHECK(operate(s, w, std::move(plan)));
    begun_ = true;
    for (const std::string& lost : keys.lost) out_.warnings.push_back("no longer opens vault " + v.name + ": " + lost);
    TCLONE_FAULT_POINT("rekey.begun");
    return {};
  }

  Status go_on(Session& s, Work& w, const Vault& v) {
    if (r_.key) {
      return fail(Code::exists, "vault " + v.name, "a rekey is under way, and its keys are decided",
                  "omit --key to resume it");
    }
    TC_CHECK(env_.programs.require());
    other_ = v.rekey->outer;
    begun_ = true;
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    mapped_ = TC_TRY(mapped_behind_header(s, v.being_copied() ? v.outer : other_));
    if (!v.being_copied()) return {};
    log::info("vault " + v.name + ": " + format_size(total_of(mapped_, v.rekey->done)) + " are left to be copied");
    return unlock_halves(s, w, v, r_);
  }

  Status cancel(Session& s, Work& w, const Vault& v) {
    if (!v.rekey) return fail(Code::not_found, "vault " + v.name, "no rekey of it is under way");
    if (!v.being_copied()) {
      return fail(Code::exists, "vault " + v.name,
                  "it has its new key already; what is left is to overwrite the old half",
                  "`tclone rekey " + r_.name + "` goes on with that");
    }
    out_.operation = "give up the rekey of " + r_.name;
    return operate(s, w, plan::plan_rekey_end(facts(s, v)));
  }

  /// Of a dry run.
  Status tell(Session& s, Work& w, const Vault& v) {
    if (!v.rekey) TC_CHECK(refuse_active(s, w, v));
    plan::RekeyFacts f = facts(s, v);
    f.uuid = Uuid::random();
    f.header = Uuid::random();
    f.key = r_.key ? *r_.key : v.key;
    for (const std::string& text : plan::rekey_texts(f)) out_.steps.push_back({text, 0});
    return {};
  }

  // ---- in turns -----------------------------------------------------------------------------------------------------

  Status copy_and_switch() {
    for (bool whole = false;;) {
      const auto copy = [&](Session& s, Work& w) -> Status {
        whole = TC_TRY(copy_some(s, w, TC_TRY(present(s, Rekey::Stage::copy)), r_, mapped_));
        return {};
      };
      TC_CHECK(turn(copy));
      if (env_.stop()) {
        return fail(Code::failed, "vault of " + r_.name, "interrupted",
                    "`tclone rekey " + r_.name + "` goes on where it was, and with --cancel gives it up");
      }
      if (whole) break;
      std::this_thread::sleep_for(kPause);
    }
    const auto change_over = [&](Session& s, Work& w) -> Status {
      const Vault v = TC_TRY(present(s, Rekey::Stage::copy));
      TC_CHECK(check_copy(s, w, v, r_.name));
      TCLONE_FAULT_POINT("rekey.checked");
      TC_CHECK(operate(s, w, plan::plan_rekey_switch(facts(s, v))));
      other_ = v.outer;
      TCLONE_FAULT_POINT("rekey.switched");
      return {};
    };
    TC_CHECK(turn(change_over));
    keys_.clear();
    out_.warnings.push_back("header backups made before open nothing any more: `tclone key backup " + r_.name +
                            " FILE` makes a new one");
    return {};
  }

  Status erase_and_end() {
    Bytes at = policies::kHeader;
    for (bool whole = false;;) {
      const auto overwrite = [&](Session& s, Work& w) -> Status {
        TC_TRY(present(s, Rekey::Stage::erase));
        whole = TC_TRY(erase_some(s, w, other_, r_, mapped_, at));
        return {};
      };
      TC_CHECK(turn(overwrite));
      if (whole) break;
      if (env_.stop()) {
        return fail(Code::failed, "vault of " + r_.name, "interrupted; it has its new key, and may be used",
                    "`tclone rekey " + r_.name + "` goes on overwriting what was written under the old one");
      }
      std::this_thread::sleep_for(kPause);
    }
    return turn([&](Session& s, Work& w) -> Status {
      return operate(s, w, plan::plan_rekey_end(facts(s, TC_TRY(present(s, Rekey::Stage::erase)))));
    });
  }

  Env& env_;
  const RekeyRequest& r_;
  Outcome out_;
  bool begun_ = false;                    ///< there is something to go on with
  std::map<std::uint32_t, Secret> keys_;  ///< volume keys, by outer thin
  ThinId other_;                          ///< the half that is not the vault
  std::vector<Stretch> mapped_;           ///< of the half that is copied from, which is the one that is overwritten
};

}  // namespace

Result<Outcome> rekey(Env& env, const RekeyRequest& r) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(r.name));
    return Rekeying(env, r).run();
  };
  return attempted(run(), (r.cancel ? "give up the rekey of " : "rekey ") + r.name);
}

}  // namespace tclone::engine
