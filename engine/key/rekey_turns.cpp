// SPDX-License-Identifier: GPL-2.0-or-later
// The long work of a rekey, a turn at a time.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/fault.h"
#include "engine/key/rekey.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_stack.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "plan/plan.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

// One turn under the pool's lock: whichever comes first.
constexpr Bytes kTurn = kMiB * 256;
constexpr auto kTurnTime = 1000ms;
/// A multiple of every outer block size: what is overwritten is discarded in whole blocks.
constexpr Bytes kPiece = kMiB * 16;

/// A build with fail points can be told to end a turn with each piece, so that a small vault takes several, on whatever machine.
Bytes turn_size() {
#ifdef TCLONE_FAULTS
  if (std::getenv("TCLONE_FAULT_SHORT_TURNS") != nullptr) return Bytes{1};
#endif
  return kTurn;
}

/// Calls `act` with pieces of what is mapped from `at` on, and moves `at` on behind each, until the turn is over.
Status in_pieces(Env& env, const std::string& what, const std::vector<Stretch>& mapped, Bytes& at,
                 const std::function<Status(Bytes start, Bytes length)>& act) {
  const auto until = std::chrono::steady_clock::now() + kTurnTime;
  const Bytes total = total_of(mapped, {});
  const Bytes most = turn_size();
  Bytes done{};
  for (const Stretch& one : mapped) {
    for (at = std::max(at, std::min(one.start, one.end)); at < one.end;) {
      if (env.stop() || done >= most || std::chrono::steady_clock::now() > until) return {};
      const Bytes length = std::min(one.end, round_down(at, kPiece) + kPiece) - at;
      TC_CHECK(act(at, length));
      at = at + length;
      done = done + length;
      env.progress(what, total - total_of(mapped, at), total);
    }
  }
  return {};
}

}  // namespace

Bytes total_of(const std::vector<Stretch>& stretches, Bytes from) {
  Bytes total{};
  for (const Stretch& one : stretches) {
    if (one.end > from) total = total + (one.end - std::max(one.start, from));
  }
  return total;
}

Result<bool> copy_some(Session& s, Work& w, Vault v, const RekeyRequest& r, const std::vector<Stretch>& mapped) {
  const Vault half = plan::rekey_target(v);
  const std::string from = s.env.dm.path(device_names::vault_crypt(s.pool, v.outer));
  const std::string to = s.env.dm.path(device_names::vault_crypt(s.pool, half.outer));
  Bytes at = std::max(v.rekey->done, policies::kHeader);
  const WorkMark mark = TC_TRY(WorkMark::set(s));
  TC_CHECK(s.check_space(std::min(total_of(mapped, at), kTurn), "rekey " + r.name));
  const auto piece = [&](Bytes start, Bytes length) -> Status {
    TC_CHECK(os::copy_exact(from, to, start - policies::kHeader, length, r.compare));
    TCLONE_FAULT_POINT("rekey.piece");
    return {};
  };
  const auto copied = [&]() -> Status {
    TC_CHECK(open_below(s, w, v));
    TC_CHECK(open_below(s, w, half));
    TC_CHECK(in_pieces(s.env, "rekey " + r.name + ": copy", mapped, at, piece));
    return os::flush(to);
  }();
  TC_CHECK(close_vault(s, w, half.outer));
  TC_CHECK(close_vault(s, w, v.outer));
  TC_CHECK(copied);
  v.rekey->done = at;
  RecordChange change;
  change.vaults.push_back(v);
  TC_CHECK(s.store.apply(change));
  TCLONE_FAULT_POINT("rekey.copied");
  return total_of(mapped, at).n == 0;
}

Status check_copy(Session& s, Work& w, const Vault& v, const std::string& volume) {
  if (v.pending.format) return {};  // nothing in it is meant to be read
  const Vault half = plan::rekey_target(v);
  const WorkMark mark = TC_TRY(WorkMark::set(s));
  TC_CHECK(open_below(s, w, half));
  const auto trouble = s.env.programs.check(s.env.dm.path(device_names::vault_metadata(s.pool, half.outer)), false);
  TC_CHECK(close_vault(s, w, half.outer));
  if (!trouble) return tl::unexpected(trouble.error());
  if (trouble->empty()) return {};
  return fail(Code::damaged, "vault " + v.name, "thin_check finds damage in the metadata that was copied: " + *trouble,
              "the vault is as it was: `tclone rekey " + volume + " --cancel`, then `tclone pool check`");
}

Result<bool> erase_some(Session& s, Work& w, ThinId outer, const RekeyRequest& r, const std::vector<Stretch>& mapped,
                        Bytes& at) {
  const WorkMark mark = TC_TRY(WorkMark::set(s));
  if (!TC_TRY(activate_outer_thin(s, w, outer))) return true;
  const std::string thin = device_names::vault_thin(s.pool, outer);
  const std::string device = s.env.dm.path(thin);
  const auto piece = [&](Bytes start, Bytes length) -> Status {
    TC_CHECK(os::erase(device, start, length));
    TCLONE_FAULT_POINT("rekey.overwritten");
    return os::discard(device, start, length);
  };
  const auto erased = in_pieces(s.env, "rekey " + r.name + ": overwrite the old half", mapped, at, piece);
  TC_CHECK(s.env.dm.remove(thin, 3000ms));
  TC_CHECK(erased);
  TCLONE_FAULT_POINT("rekey.erased");
  return total_of(mapped, at).n == 0;
}

}  // namespace tclone::engine
