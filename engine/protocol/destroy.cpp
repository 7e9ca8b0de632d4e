// SPDX-License-Identifier: GPL-2.0-or-later
// What takes a vault's outer thin, or what lies behind its header, away. Needs no key.
#include <cerrno>

#include "base/fault.h"
#include "base/log.h"
#include "dm/targets.h"
#include "engine/protocol/perform.h"
#include "engine/stack/vault_layers.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 3000ms;

}  // namespace

Status explain_busy_thin(Session& s, const Status& deleted, const std::string& pool, ThinId thin) {
  const auto on = TC_TRY(s.env.dm.info(pool));
  if (deleted.error().sys != EBUSY || !on) return deleted;
  for (const dm::Named& device : TC_TRY(s.env.dm.list(""))) {
    const auto table = s.env.dm.table(device.name);
    if (!table || table->size() != 1 || table->front().type != "thin") continue;
    if (!table->front().params.starts_with(on->dev() + " ") ||
        dm::thin_id_of(table->front()).value_or(ThinId{}) != thin)
      continue;
    return fail(Code::busy, "device " + device.name,
                "it shows thin " + std::to_string(thin.n) + " of " + pool + ", which is to go",
                "`dmsetup remove " + device.name + "`, then run the next command, which goes on with it", EBUSY);
  }
  return deleted;
}

Status shred_header(Session& s, Work& w, const OuterRef& target) {
  w.fresh_keys.erase(target.outer.n);
  if (TC_TRY(activate_outer_thin(s, w, target.outer))) {
    const std::string thin = device_names::vault_thin(s.pool, target.outer);
    const Status destroyed = s.env.luks.destroy(s.env.dm.path(thin));
    TC_CHECK(s.env.dm.remove(thin, kPatience));
    TC_CHECK(destroyed);
  }
  TCLONE_FAULT_POINT("vault.shredded");
  return crypt::remove_key_file(key_folder(s.env), target.vault);
}

Status destroy_vault(Session& s, Work& w, const OuterRef& target) {
  w.fresh_keys.erase(target.outer.n);
  if (TC_TRY(activate_outer_thin(s, w, target.outer))) {
    const std::string thin = device_names::vault_thin(s.pool, target.outer);
    Status destroyed;
    if (target.encrypted) destroyed = s.env.luks.destroy(s.env.dm.path(thin));
    TC_CHECK(s.env.dm.remove(thin, kPatience));
    TCLONE_FAULT_POINT("vault.shredded");
    // Bad sectors under one header must not hold up the pool. The thin stays: its blocks would be the next ones to be
    // given out, and a header that may still be readable must not come to lie in a free block.
    if (!destroyed && destroyed.error().sys == EIO && TC_TRY(s.env.dm.pool_status(s.outer_pool())).writable()) {
      destroyed.error().next.clear();
      log::warn("the key slots of vault " + target.vault_name + " could not be destroyed: " + destroyed.error().text() +
                "; outer thin " + std::to_string(target.outer.n) +
                " keeps its place, and `tclone pool check` shows it");
    } else {
      TC_CHECK(destroyed);
      auto deleted = s.env.dm.message(s.outer_pool(), dm::delete_thin(target.outer));
      if (!deleted && deleted.error().sys != ENODATA)
        return explain_busy_thin(s, deleted, s.outer_pool(), target.outer);
    }
  }
  TCLONE_FAULT_POINT("vault.deleted");
  if (target.encrypted) TC_CHECK(crypt::remove_key_file(key_folder(s.env), target.vault));
  return {};
}

Status reset_vault(Session& s, Work& w, const OuterRef& target) {
  const std::string thin = device_names::vault_thin(s.pool, target.outer);
  // Discarding goes through the device that nothing stands on: kernels of 5.10 and 5.11 refuse it below a holder
  // (truncate_bdev_range, block_dev.c).
  std::string device = thin;
  Bytes start = policies::kHeader;
  const bool unlocked = target.encrypted && TC_TRY(close_above_crypt(s, w, target.outer));
  if (unlocked) {
    w.unused_vaults.insert(target.vault_name);
    device = device_names::vault_crypt(s.pool, target.outer);
    start = {};
  } else if (!TC_TRY(activate_outer_thin(s, w, target.outer))) {
    return fail(Code::damaged, "vault " + target.vault_name, "its outer thin is gone", "run `tclone doctor`");
  }
  // A thin's status names its highest mapped sector: nothing beyond it needs discarding, however large it is.
  const auto status = s.env.dm.thin_status(thin);
  Status discarded;
  if (!status) {
    discarded = tl::unexpected(status.error());
  } else if (status->highest) {
    const Bytes end = round_up(to_bytes(*status->highest + Sectors{1}), s.record.block);
    if (end > policies::kHeader) discarded = os::discard(s.env.dm.path(device), start, end - policies::kHeader);
  }
  if (!unlocked) TC_CHECK(s.env.dm.remove(thin, kPatience));
  return discarded;
}

}  // namespace tclone::engine
