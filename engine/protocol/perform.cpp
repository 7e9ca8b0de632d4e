// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/protocol/perform.h"

#include <array>
#include <cerrno>

#include "base/fault.h"
#include "base/log.h"
#include "dm/targets.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/pins.h"
#include "engine/stack/unused.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_stack.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "os/filesystem.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 3000ms;
// Snapshot messages take fractions of a millisecond; whoever needs longer is hung, and writers must not wait for it.
constexpr auto kSuspendLimit = 10s;

Status message(Session& s, const std::string& pool, const std::string& text, int fine) {
  auto done = s.env.dm.message(pool, text);
  if (!done && done.error().sys != fine) return done;
  return {};
}

/// Between suspend and resume: nothing but the messages. No log, no store, no allocation that can be avoided.
Status snapshot_suspended(Session& s, const std::vector<plan::Snap>& snaps, const std::vector<std::string>& pools,
                          const std::vector<std::string>& texts, const std::vector<std::string>& active) {
  auto& dm = s.env.dm;
  std::unique_ptr<dm::DeviceMapper::Guard> guard;
  if (!active.empty()) guard = TC_TRY(dm.guard(active, kSuspendLimit));
  Status status;
  std::size_t suspended = 0;
  while (status && suspended < active.size()) {
    status = dm.suspend(active[suspended], dm::Suspend::freeze);
    ++suspended;  // resumed even when suspend failed half-way
  }
#ifdef TCLONE_FAULTS
  if (status) status = fault::point("suspended");
#endif
  for (std::size_t i = 0; status && i < snaps.size(); ++i) status = dm.message(pools[i], texts[i]);
  for (std::size_t i = suspended; i > 0; --i) {
    if (auto resumed = dm.resume(active[i - 1]); !resumed && status) status = std::move(resumed);
  }
  if (status && guard && guard->fired()) {
    return fail(Code::busy, snaps.front().what, "the snapshot took longer than writers may be held up", "try again");
  }
  return status;
}

struct Performer {
  Session& s;
  Work& w;

  /// For a slot of a header that this operation makes.
  Result<Secret> secret_to_set(const Vault& v, const KeySource& source) const {
    if (source.generated()) return crypt::make_key_file(key_folder(s.env), v.uuid);
    if (const auto had = w.given.find({source.kind, source.reference}); had != w.given.end()) {
      return Secret::copy_of(had->second.bytes());
    }
    return secret_of(s, w, v, source, crypt::Purpose::create);
  }

  Status operator()(const plan::AddKey& a) const {
    const auto first = w.given.find({a.vault.key.kind, a.vault.key.reference});
    const Secret existing =
        TC_TRY(first != w.given.end() ? Secret::copy_of(first->second.bytes())
                                      : secret_of(s, w, a.vault, a.vault.key, crypt::Purpose::unlock));
    const Secret added = TC_TRY(secret_to_set(a.vault, a.key.source));
    return with_header(s, w, a.vault, [&](const std::string& device) -> Status {
      const int slot = TC_TRY(
          s.env.luks.add_key(device, a.vault.header, existing, added, crypt::cost_of(a.key.source, added.size())));
      if (slot == static_cast<int>(a.key.slot)) return {};
      return fail(Code::damaged, "vault " + a.vault.name, "its fresh header has another key slot free than the first",
                  "try again");
    });
  }

  Status operator()(const plan::ShredHeader& a) const { return shred_header(s, w, a.vault); }

  Status operator()(const plan::MakeRoom& a) const { return make_room(s, a.vault, a.writable); }

  Status operator()(const plan::CreateOuter& a) const {
    return s.env.dm.message(s.outer_pool(), dm::create_thin(a.vault.outer));
  }

  Status operator()(const plan::MakeHeader& a) const {
    const Vault& v = a.vault;
    const Secret secret = TC_TRY(secret_to_set(v, v.key));
    TCLONE_FAULT_POINT("key.made");
    if (!TC_TRY(activate_outer_thin(s, w, v.outer))) {
      return fail(Code::damaged, "outer thin " + std::to_string(v.outer.n), "it is gone right after it was created",
                  "run `tclone doctor`");
    }
    crypt::FormatRequest request;
    request.device = s.env.dm.path(device_names::vault_thin(s.pool, v.outer));
    request.label = "tclone:" + v.name;
    request.uuid = v.header.uuid;
    request.sector_size = v.header.sector_size;
    request.cost = crypt::cost_of(v.key, secret.size());
    auto made = s.env.luks.format(request, secret);
    TC_CHECK(s.env.dm.remove(device_names::vault_thin(s.pool, v.outer), kPatience));
    if (!made) return tl::unexpected(made.error());
    if (made->facts != v.header) {
      return fail(Code::damaged, "vault " + v.name, "its header is not what was asked for", "run `tclone doctor`");
    }
    w.fresh_keys.insert_or_assign(v.outer.n, std::move(made->volume_key));
    return {};
  }

  Status operator()(const plan::OpenNew& a) const { return open_new_vault(s, w, a.vault); }
  Status operator()(const plan::OpenVault& a) const { return open_vault(s, w, a.vault); }

  Status operator()(const plan::CreateThin& a) const {
    return s.env.dm.message(device_names::vault_pool(s.pool, a.outer), dm::create_thin(a.thin));
  }

  Status operator()(const plan::Snapshot& a) const {
    std::vector<std::string> active;
    std::vector<std::string> pools;
    std::vector<std::string> texts;
    for (const plan::Snap& snap : a.snaps) {
      pools.push_back(device_names::vault_pool(s.pool, snap.outer));
      texts.push_back(dm::create_snap(snap.thin, snap.origin));
      const auto info = TC_TRY(s.env.dm.info(snap.device));
      if (info && info->live_table) active.push_back(snap.device);
    }
    TC_CHECK(snapshot_suspended(s, a.snaps, pools, texts, active));
    // The kernel ignores whether the commit after a message succeeded: its pool says so afterwards.
    for (const plan::Snap& snap : a.snaps) {
      Vault v;
      v.name = snap.vault;
      v.outer = snap.outer;
      TC_TRY(healthy_inner_pool(s, v));
    }
    return {};
  }

  Status operator()(const plan::ActivateVolume& a) const { return activate_volume(s, w, a.volume, a.vault); }

  Status operator()(const plan::DeactivateVolume& a) const {
    const Volume v = TC_TRY(s.store.volume(a.volume));
    const auto info = TC_TRY(info_of(s, v));
    if (info) WorkMark::note(s, v.name);
    TC_CHECK(deactivate_volume(s, w, v));
    if (info) w.taken_down.insert(v.name);
    return {};
  }

  Status operator()(const plan::DeactivateVersion& a) const {
    return deactivate_version(s, w, TC_TRY(s.store.version(a.volume, a.number)));
  }

  Status operator()(const plan::MakeFilesystem& a) const {
    return os::make(s.env.dm.path(device_names::volume(s.pool, a.volume)), a.fs, a.volume);
  }

  Status operator()(const plan::CopyImage& a) const {
    const std::string what = "copy " + a.image;
    return os::copy_image(
        a.image, s.env.dm.path(device_names::volume(s.pool, a.volume)),
        [&](Bytes done, Bytes total) { s.env.progress(what, done, total); }, s.env.stop);
  }

  Status operator()(const plan::Commit& a) const {
    if (!TC_TRY(commit(s, a))) {
      return fail(Code::damaged, "pool " + s.pool, "the kernel did not commit transaction " + std::to_string(a.to),
                  "run `tclone doctor`");
    }
    return {};
  }

  Status operator()(const plan::DeleteThin& a) const { return delete_thin(s, w, a.thin); }
  Status operator()(const plan::DestroyVault& a) const { return destroy_vault(s, w, a.vault); }
  Status operator()(const plan::ResetVault& a) const { return reset_vault(s, w, a.vault); }

  Status operator()(const plan::RemoveKey& a) const { return remove_key(s, w, a.key); }

  Status operator()(const plan::RenameDevice& a) const {
    TC_CHECK(rename(a.rename.from, a.rename.to));
    if (a.rename.from.find('@') == std::string::npos) return {};
    const std::size_t prefix = device_names::prefix(s.pool).size();
    TC_CHECK(move_pin(s, a.rename.from.substr(prefix), a.rename.to.substr(prefix)));
    // A version that is mounted right now.
    return rename(device_names::view(a.rename.from), device_names::view(a.rename.to));
  }

  Status rename(const std::string& from, const std::string& to) const {
    if (!TC_TRY(s.env.dm.info(from))) return {};
    if (TC_TRY(s.env.dm.info(to))) return {};  // done before the crash, `from` is a newcomer's
    return s.env.dm.rename(from, to);
  }

  Status operator()(const plan::ReloadDevice& a) const {
    const Volume v = TC_TRY(s.store.volume(a.volume));
    const std::string name = device_of(s, v);
    const auto info = TC_TRY(s.env.dm.info(name));
    if (!info) return {};
    dm::Table table = TC_TRY(s.env.dm.table(name));
    if (table.size() != 1) return fail(Code::damaged, name, "not the table of a volume", "run `tclone doctor`");
    if (table.front().length == to_sectors(v.size)) return {};
    table.front().length = to_sectors(v.size);
    TC_CHECK(s.env.dm.reload(name, table));
    return s.env.dm.resume(name);
  }

  Status operator()(const plan::Reactivate& a) const {
    const Volume v = TC_TRY(s.store.volume(a.volume));
    return activate_volume(s, w, v, TC_TRY(s.store.vault(v.vault)));
  }

  Status operator()(const plan::GrowFilesystem& a) const {
    const Volume v = TC_TRY(s.store.volume(a.volume));
    if (v.fs == FsKind::none) return {};
    const bool was_active = TC_TRY(s.env.dm.info(device_of(s, v))).has_value();
    TC_CHECK(activate_volume(s, w, v, TC_TRY(s.store.vault(v.vault))));
    const auto info = TC_TRY(s.env.dm.info(device_of(s, v)));
    if (!info) return fail(Code::damaged, device_of(s, v), "the device went away", "try again");
    const auto mounts = TC_TRY(os::mount_points(info->major, info->minor));
    auto grown = os::grow(s.env.dm.path(device_of(s, v)), v.fs, mounts.empty() ? "" : mounts.front());
    if (!was_active) TC_CHECK(deactivate_volume(s, w, v));
    if (!grown && grown.error().next.empty()) grown.error().next = "the same resize again grows it";
    return grown;
  }

  Status operator()(const plan::CloseUnused&) const { return close_unused(s, w); }
};

}  // namespace

Status delete_thin(Session& s, Work& w, const InnerRef& target) {
  if (!target.device.empty()) {
    if (TC_TRY(s.env.dm.info(target.device))) {
      // After a revert the name belongs to the volume's new thin: only the thin that goes is taken down.
      const dm::Table table = TC_TRY(s.env.dm.table(target.device));
      if (table.empty() || (table.size() == 1 && TC_TRY(dm::thin_id_of(table.front())) == target.thin)) {
        TC_CHECK(s.env.dm.remove(target.device, kPatience));
      }
    }
  }
  const std::string pool = device_names::vault_pool(s.pool, target.outer);
  if (const auto info = TC_TRY(s.env.dm.info(pool)); info && info->live_table) {
    w.unused_vaults.insert(target.vault);
    if (TC_TRY(s.env.dm.pool_status(pool)).writable()) {
      if (auto deleted = message(s, pool, dm::delete_thin(target.thin), ENODATA); !deleted)
        return explain_busy_thin(s, deleted, pool, target.thin);
      // The kernel ignores whether the commit after a message succeeded.
      if (TC_TRY(s.env.dm.pool_status(pool)).writable()) return {};
    }
    // One vault that takes no changes must not hold up the pool: it is treated as one that is closed.
    log::warn("the inner pool of vault " + target.vault + " takes no changes; thin " + std::to_string(target.thin.n) +
              " is deleted once the vault is repaired and opened");
  }
  // A closed vault: written down, and done when it is next opened. Its thin costs space until then, nothing else.
  auto vault = s.store.vault(target.vault);
  if (!vault && vault.error().code == Code::not_found) return {};
  if (!vault) return tl::unexpected(vault.error());
  auto& pending = vault->pending.delete_thins;
  if (vault->outer != target.outer || std::find(pending.begin(), pending.end(), target.thin) != pending.end())
    return {};
  pending.push_back(target.thin);
  RecordChange change;
  change.vaults.push_back(*vault);
  return s.store.apply(change);
}

Result<bool> commit(Session& s, const plan::Commit& c) {
  auto sent = s.env.dm.message(s.outer_pool(), dm::set_transaction_id(c.from, c.to));
  const auto status = TC_TRY(s.env.dm.pool_status(s.outer_pool()));
  if (!sent && status.transaction == c.from) return tl::unexpected(sent.error());
  if (status.transaction == c.to && status.writable()) return true;
  return status.transaction == c.to
             ? fail(Code::damaged, "pool " + s.pool, "its metadata could not be committed", "run `tclone doctor`")
             : Result<bool>(false);
}

Status perform(Session& s, Work& w, const plan::Action& action) { return std::visit(Performer{s, w}, action); }

}  // namespace tclone::engine
