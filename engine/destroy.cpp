// SPDX-License-Identifier: GPL-2.0-or-later
// What takes a vault's outer thin, or what lies behind its header, away. Needs no key.
#include <cerrno>

#include "base/fault.h"
#include "dm/names.h"
#include "dm/targets.h"
#include "engine/perform.h"
#include "engine/vault_stack.h"
#include "fs/block_io.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
namespace names = dm::names;
constexpr auto kPatience = 3000ms;

}  // namespace

Status shred_header(Session& s, const OuterClaim& claim) {
  s.fresh_keys.erase(claim.outer.n);
  if (TC_TRY(activate_outer_thin(s, claim.outer))) {
    const std::string thin = names::vault_thin(s.pool, claim.outer);
    const Status destroyed = s.env.luks.destroy(s.env.dm.path(thin));
    TC_CHECK(s.env.dm.remove(thin, kPatience));
    TC_CHECK(destroyed);
  }
  TCLONE_FAULT_POINT("vault.shredded");
  return crypt::remove_key_file(key_folder(s.env), claim.vault);
}

Status destroy_vault(Session& s, const OuterClaim& claim) {
  s.fresh_keys.erase(claim.outer.n);
  if (TC_TRY(activate_outer_thin(s, claim.outer))) {
    const std::string thin = names::vault_thin(s.pool, claim.outer);
    Status destroyed;
    if (claim.encrypted) destroyed = s.env.luks.destroy(s.env.dm.path(thin));
    TC_CHECK(s.env.dm.remove(thin, kPatience));
    TC_CHECK(destroyed);
    TCLONE_FAULT_POINT("vault.shredded");
    auto deleted = s.env.dm.message(s.outer_pool(), dm::delete_thin(claim.outer));
    if (!deleted && deleted.error().sys != ENODATA) return deleted;
  }
  TCLONE_FAULT_POINT("vault.deleted");
  if (claim.encrypted) TC_CHECK(crypt::remove_key_file(key_folder(s.env), claim.vault));
  return {};
}

Status restart_vault(Session& s, const OuterClaim& claim) {
  if (!TC_TRY(activate_outer_thin(s, claim.outer))) {
    return fail(Code::damaged, "vault " + claim.vault_name, "its outer thin is gone", "run `tclone doctor`");
  }
  const std::string thin = names::vault_thin(s.pool, claim.outer);
  // A thin's status names its highest mapped sector: nothing beyond it needs discarding, however large it is.
  const auto status = s.env.dm.thin_status(thin);
  Status discarded;
  if (!status) {
    discarded = tl::unexpected(status.error());
  } else if (status->highest) {
    const Bytes end = round_up(to_bytes(*status->highest + Sectors{1}), s.record.block);
    if (end > policies::kHeader) {
      discarded = fs::discard(s.env.dm.path(thin), policies::kHeader, end - policies::kHeader);
    }
  }
  TC_CHECK(s.env.dm.remove(thin, kPatience));
  return discarded;
}

}  // namespace tclone::engine
