// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/vault_layers.h"

#include <cerrno>

#include "base/fault.h"
#include "dm/by_uuid.h"
#include "dm/targets.h"
#include "engine/stack/suspended.h"
#include "engine/stack/vault_tables.h"
#include "model/device_names.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 5000ms;

/// What has the inner pool's name, which may be what a killed repair left; damaged when somebody has renamed the inner pool.
Result<std::optional<dm::Info>> top_of(Session& s, const Vault& v) {
  const std::string pool = device_names::vault_pool(s.pool, v.outer);
  auto info = TC_TRY(s.env.dm.info(pool));
  if (info) return info;
  if (const auto found = TC_TRY(s.env.dm.find_uuid(device_names::uuid(v.uuid, "pool")))) {
    return dm::renamed_by_hand(*found, pool);
  }
  return info;
}

}  // namespace

Result<bool> vault_is_open(Session& s, Work& w, const Vault& v) {
  const std::string pool = device_names::vault_pool(s.pool, v.outer);
  const auto info = TC_TRY(top_of(s, v));
  if (!info || !info->live_table) return false;
  // Layers are named by the outer thin. What another vault has opened must not be taken for this one's.
  if (info->uuid != device_names::uuid(v.uuid, "pool")) {
    return fail(Code::damaged, s.store.folder() + "/vaults/" + v.name + ".toml",
                "it says outer = " + std::to_string(v.outer.n) + ", but device " + pool + " is another vault's",
                "run `tclone doctor`");
  }
  if (s.lock) TC_CHECK(refuse_suspended(s, w, v.outer));
  return true;
}

Result<bool> close_above_crypt(Session& s, Work& w, ThinId outer) {
  const auto crypt = TC_TRY(s.env.dm.info(device_names::vault_crypt(s.pool, outer)));
  if (!crypt || !crypt->live_table || crypt->suspended) return false;
  for (const std::string& name : {device_names::vault_pool(s.pool, outer), device_names::vault_data(s.pool, outer),
                                  device_names::vault_metadata(s.pool, outer)}) {
    TC_CHECK(s.env.dm.remove(name, kPatience));
  }
  w.unlocked.insert(outer.n);
  return true;
}

Status close_vault(Session& s, Work& w, ThinId outer) {
  TC_CHECK(refuse_suspended(s, w, outer));  // the inner pool commits when it is taken down
  w.unlocked.erase(outer.n);
  for (const std::string& name : device_names::vault_layers(s.pool, outer)) TC_CHECK(s.env.dm.remove(name, kPatience));
  return {};
}

Status close_vault_if_unused(Session& s, Work& w, const Vault& v) {
  const auto info = TC_TRY(top_of(s, v));
  // What a rekey that was killed has left of its other half: nobody but a rekey ever has it open.
  if (v.rekey) TC_CHECK(close_vault(s, w, v.rekey->outer));
  if (info && info->open_count > 0) return {};
  TCLONE_FAULT_POINT("vault.idle");
  return close_vault(s, w, v.outer);
}

Result<dm::PoolStatus> healthy_inner_pool(Session& s, const Vault& v) {
  const auto status = TC_TRY(s.env.dm.pool_status(device_names::vault_pool(s.pool, v.outer)));
  if (!status.writable()) {
    return fail(
        Code::damaged, "vault " + v.name,
        status.needs_check ? "its inner pool asks for a check of its metadata" : "its inner pool is not writable",
        "deactivate what is active in it, then run `tclone pool repair " + s.pool + " --vault " + v.name + "`");
  }
  return status;
}

Result<bool> activate_outer_thin(Session& s, Work& w, ThinId outer) {
  const std::string name = device_names::vault_thin(s.pool, outer);
  TC_CHECK(close_vault(s, w, outer));
  const dm::Table table = dm::thin(TC_TRY(dev_of(s, s.outer_pool())), outer, to_sectors(policies::kOuterThin));
  auto made = s.env.dm.create(
      {name, device_names::uuid(s.record.uuid, "outer-" + std::to_string(outer.n)), table, false, dm::Udev::hidden});
  if (made) return true;
  if (made.error().sys == ENODATA) return false;  // thin_ctr: no such device id
  return tl::unexpected(made.error());
}

}  // namespace tclone::engine
