// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/vault_stack.h"

#include "base/fault.h"
#include "base/log.h"
#include "dm/targets.h"
#include "engine/stack/pool_stack.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_tables.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

Status create_layer(Session& s, const Vault& v, const std::string& name, const char* layer, const dm::Table& table) {
  return s.env.dm.create({name, device_names::uuid(v.uuid, layer), table, false, dm::Udev::hidden});
}

Status unlock(Session& s, Work& w, const Vault& v) {
  const std::string device = s.env.dm.path(device_names::vault_thin(s.pool, v.outer));
  const std::string name = device_names::vault_crypt(s.pool, v.outer);
  if (const auto key = w.fresh_keys.find(v.outer.n); key != w.fresh_keys.end()) {
    return s.env.luks.open_with_volume_key(device, name, v.header, key->second);
  }
  if (v.key.kind == kTokenKind) {
    const auto key = TC_TRY(token_key(s, w, v, device));
    if (!key) return s.env.luks.open_with_token(device, name, v.header, pin_of(s, w, v));
    TC_CHECK(s.env.luks.open_with_volume_key(device, name, v.header, key->volume_key));
    s.env.asked.opened(v.uuid);
    return {};
  }
  const Secret secret = TC_TRY(secret_of(s, w, v, v.key, crypt::Purpose::unlock));
  return s.env.luks.open(device, name, v.header, secret);
}

/// What the inner pool stands on.
Status bring_up_below(Session& s, Work& w, const Vault& v) {
  if (w.unlocked.erase(v.outer.n) == 0) {
    const std::string outer = TC_TRY(dev_of(s, s.outer_pool()));
    auto thin = create_layer(s, v, device_names::vault_thin(s.pool, v.outer), "thin",
                             dm::thin(outer, v.outer, to_sectors(policies::kOuterThin)));
    if (!thin && thin.error().sys == ENODATA) {
      return fail(Code::damaged, "vault " + v.name,
                  "the outer pool does not know its thin " + std::to_string(v.outer.n),
                  "run `tclone pool check " + s.pool + "`");
    }
    TC_CHECK(std::move(thin));
    if (v.encrypted) TC_CHECK(unlock(s, w, v));
  }
  const Payload p = TC_TRY(payload(s, v));
  TC_CHECK(create_layer(s, v, device_names::vault_metadata(s.pool, v.outer), "meta", metadata_table(p, v, v.repairs)));
  return create_layer(s, v, device_names::vault_data(s.pool, v.outer), "data", data_table(p, v));
}

/// All layers, the inner pool formatted from nothing when `format`.
Status bring_up(Session& s, Work& w, const Vault& v, bool format) {
  TC_CHECK(bring_up_below(s, w, v));
  if (format) {
    // The kernel flushes what stands on these blocks when it has formatted the inner pool (dm_tm_commit).
    const std::string thin = s.env.dm.path(device_names::vault_thin(s.pool, v.outer));
    const auto head_at = [&](Bytes at) { return os::touch(thin, at, kKiB * 4, s.record.block, os::Sync::later); };
    // What was never written decrypts to noise, and dm-thin formats only an all-zero superblock
    // (dm-thin-metadata.c, superblock_all_zeroes).
    TC_CHECK(os::zero(s.env.dm.path(device_names::vault_metadata(s.pool, v.outer)), {}, kKiB * 4, os::Sync::later));
    TC_CHECK(os::touch(thin, metadata_at(v), v.provisioned, s.record.block, os::Sync::later, s.piece_to_touch()));
    // Where flushes arrive, see data_table.
    if (!v.encrypted) TC_CHECK(head_at({}));
    // And those of metadata that a repair has moved: as far from the thin's start as they are from the header.
    if (v.encrypted && v.repairs % 2 != 0) TC_CHECK(head_at(policies::metadata_start(v.repairs)));
  } else if (TC_TRY(os::reads_as_zeros(s.env.dm.path(device_names::vault_metadata(s.pool, v.outer)), {}, kKiB * 4))) {
    return fail(Code::damaged, "vault " + v.name,
                "the superblock of its inner metadata is gone, and the kernel would format it anew",
                "run `tclone pool repair " + s.pool + " --vault " + v.name + "`");
  }
  TC_CHECK(
      explain_metadata(create_layer(s, v, device_names::vault_pool(s.pool, v.outer), "pool", TC_TRY(pool_table(s, v))),
                       "vault " + v.name, "run `tclone pool repair " + s.pool + " --vault " + v.name + "`"));
  TC_TRY(healthy_inner_pool(s, v));
  return {};
}

Status pay_pending(Session& s, Vault v) {
  const std::string pool = device_names::vault_pool(s.pool, v.outer);
  for (const ThinId id : v.pending.create_thins) {
    if (auto done = s.env.dm.message(pool, dm::create_thin(id)); !done && done.error().sys != EEXIST) return done;
  }
  for (const ThinId id : v.pending.delete_thins) {
    if (auto done = s.env.dm.message(pool, dm::delete_thin(id)); !done && done.error().sys != ENODATA) return done;
  }
  TC_TRY(healthy_inner_pool(s, v));
  v.pending = {};
  RecordChange change;
  change.vaults.push_back(v);
  return s.store.apply(change);
}

Status open_layers(Session& s, Work& w, const Vault& v, bool format) {
  w.unused_vaults.insert(v.name);
  auto up = bring_up(s, w, v, format);
  if (up) return up;
  if (auto down = close_vault(s, w, v.outer); !down) log::warn(down.error().text());
  return up;
}

}  // namespace

Status open_new_vault(Session& s, Work& w, const Vault& v) { return open_layers(s, w, v, true); }

Status open_vault(Session& s, Work& w, const std::string& name) {
  const Vault v = TC_TRY(s.store.vault(name));
  if (TC_TRY(vault_is_open(s, w, v))) return {};
  TC_CHECK(refuse_while_copied(v));
  TC_CHECK(require_key(s, w, v));
  if (!w.unlocked.contains(v.outer.n)) TC_CHECK(close_vault(s, w, v.outer));
  auto up = open_layers(s, w, v, v.pending.format);
  if (!up) {
    if (up.error().attempted.empty()) up.error().attempted = "open vault " + name;
    return up;
  }
  if (v.pending.empty()) return {};
  auto paid = pay_pending(s, v);
  // A vault whose pending work failed must not be used as it is.
  if (!paid) static_cast<void>(close_vault(s, w, v.outer));
  return paid;
}

Status open_below(Session& s, Work& w, const Vault& v) {
  TC_CHECK(close_vault(s, w, v.outer));
  auto up = bring_up_below(s, w, v);
  if (up) return up;
  if (auto down = close_vault(s, w, v.outer); !down) log::warn(down.error().text());
  return up;
}

Status refuse_while_copied(const Vault& v) {
  if (!v.being_copied()) return {};
  return fail(Code::exists, "vault " + v.name, "it is getting a new volume key, and what changes now would be lost",
              "`tclone rekey` of a volume in it goes on with that, and with --cancel gives it up");
}

Result<std::string> open_for_repair(Session& s, Work& w, const Vault& v) {
  auto up = [&]() -> Result<std::string> {
    TC_CHECK(close_vault(s, w, v.outer));
    if (v.metadata > policies::kMetadataHalf) {
      return fail(Code::usage, "vault " + v.name,
                  "its metadata of " + format_size(v.metadata) + " leave no room to repair them in",
                  "copy the pool, then use thin_repair by hand");
    }
    TC_CHECK(bring_up_below(s, w, v));
    const std::string name = device_names::vault_pool(s.pool, v.outer);
    TC_CHECK(create_layer(s, v, name, "other-meta", metadata_table(TC_TRY(payload(s, v)), v, v.repairs + 1)));
    return name;
  }();
  if (!up) {
    if (auto down = close_vault(s, w, v.outer); !down) log::warn(down.error().text());
  }
  return up;
}

}  // namespace tclone::engine
