// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/pool/close.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/log.h"
#include "engine/core/lookup.h"
#include "engine/protocol/recovery.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/pins.h"
#include "engine/stack/pool_stack.h"
#include "engine/stack/renamed.h"
#include "engine/stack/unused.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "os/probe.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

/// A process in the state area (a shell that stands there) would stop the pool half-way down.
Status refuse_if_state_is_used(Env& env, const std::string& pool) {
  const auto info = TC_TRY(env.dm.info(device_names::state(pool)));
  if (!info) return {};
  auto held = env.holders(info->major, info->minor);
  std::erase_if(held, [](const os::Holder& h) { return h.pid == 0; });
  if (held.empty()) return {};
  return fail(Code::busy, state_folder(env, pool), os::in_use_text(held), "end that process or let it go elsewhere",
              EBUSY);
}

/// The pool's own layers, which bring_down() takes down in their order.
std::set<std::string> own_layers(const std::string& pool) {
  return {device_names::outer_pool(pool), device_names::data(pool), device_names::metadata(pool),
          device_names::spare(pool), device_names::state(pool)};
}

Status refuse_held_volumes(Env& env, const std::string& pool) {
  for (const dm::Named& d : TC_TRY(env.dm.list(device_names::prefix(pool)))) {
    if (device_names::hidden(d.name)) continue;
    // Looking for holders goes through every process of the host.
    if (const auto info = TC_TRY(env.dm.info(d.name)); !info || info->open_count == 0) continue;
    auto held = env.holders(d.major, d.minor);
    // What stands on a version is of this pool as well, and goes first.
    std::erase_if(held, [](const os::Holder& h) { return h.pid == 0 && !h.where.starts_with("/"); });
    if (!held.empty())
      return fail(Code::busy, "device " + d.name, os::in_use_text(held), "unmount it or end that process", EBUSY);
  }
  return {};
}

/// Why a pool cannot be taken down in the orderly way; "" when it can.
Result<std::string> out_of_order(Env& env, const std::string& pool) {
  auto session = Session::look(env, pool);
  if (!session) return session.error().text();
  const auto status = env.dm.pool_status(session->outer_pool());
  if (!status) return status.error().text();
  if (!status->writable()) return std::string("its outer pool takes no changes");
  if (auto all = read_everything(*session); !all) return all.error().text();
  if (auto journal = session->store.journal(); !journal) return journal.error().text();
  return std::string{};
}

Status refuse_used(Session& s, const Records& all) {
  TC_CHECK(refuse_if_state_is_used(s.env, s.pool));
  for (const Volume& v : all.volumes) TC_CHECK(refuse_if_held(s, v));
  for (const Version& v : all.versions) {
    if (!TC_TRY(info_of(s, v.ref()))) continue;
    TC_CHECK(refuse_if_mounted(s, v.ref()));
    bool stood_on = false;
    for (const std::string& name : standing_on(all, v.uuid)) {
      stood_on = stood_on || TC_TRY(s.env.dm.info(device_names::prefix(s.pool) + name)).has_value();
    }
    if (!stood_on) TC_CHECK(refuse_if_held(s, v.ref()));
  }
  return {};
}

}  // namespace

Status refuse_close(Env& env, const std::string& pool) {
  if (!TC_TRY(is_active(env, pool))) return {};
  TC_CHECK(refuse_renamed(env, pool));
  if (!TC_TRY(out_of_order(env, pool)).empty()) {
    TC_CHECK(refuse_if_state_is_used(env, pool));
    return refuse_held_volumes(env, pool);
  }
  Session s = TC_TRY(Session::look(env, pool));
  return refuse_used(s, TC_TRY(read_everything(s)));
}

Status close_everything(Session& s, Work& w) {
  const Records all = TC_TRY(read_everything(s));
  TC_CHECK(refuse_used(s, all));
  for (const Volume& v : all.volumes) TC_CHECK(deactivate_volume(s, w, v));
  for (const Version& v : all.versions) {
    unpin(s, v.ref());
    w.unused_versions.insert(v.ref().text());
  }
  for (const Vault& v : all.vaults) w.unused_vaults.insert(v.name);
  return close_unused(s, w);
}

Status close_by_devices(Env& env, const std::string& pool) {
  TC_CHECK(refuse_if_state_is_used(env, pool));
  TC_CHECK(refuse_held_volumes(env, pool));
  const std::set<std::string> own = own_layers(pool);
  // What nothing has open is on top. Each round takes one level away, as long as there is one.
  for (bool removed = true; removed;) {
    removed = false;
    for (const dm::Named& d : TC_TRY(env.dm.list(device_names::prefix(pool)))) {
      if (own.contains(d.name)) continue;
      const auto info = TC_TRY(env.dm.info(d.name));
      if (!info) continue;
      if (info->suspended && info->live_table) TC_CHECK(env.dm.resume(d.name));
      if (info->open_count > 0) continue;
      TC_CHECK(env.dm.remove(d.name, 5000ms));
      removed = true;
    }
  }
  for (const dm::Named& d : TC_TRY(env.dm.list(device_names::prefix(pool)))) {
    if (!own.contains(d.name)) {
      return fail(Code::busy, "device " + d.name, "something has it open",
                  "find out what (`lsof`, `dmsetup ls --tree`) and end it", EBUSY);
    }
  }
  return {};
}

Status close_active_pool(Env& env, const std::string& pool) {
  TC_CHECK(refuse_renamed(env, pool));
  std::string why = TC_TRY(out_of_order(env, pool));
  if (why.empty()) {
    Session s = TC_TRY(Session::look(env, pool));
    const auto recovered = recover_session(s, Tidy::always);
    if (recovered) {
      // Set after the recovery, which removes the mark that it finds: a kill from here on must leave one behind.
      Work w;
      WorkMark mark = TC_TRY(WorkMark::set(s));
      auto closed = close_everything(s, w);
      if (!closed) mark.leave();
      return closed;
    }
    // Records and metadata that do not belong together, for one, or a state area that takes no writes any more: nothing is
    // changed, and all of it, the journal too, is left to the next activation.
    const Error& e = recovered.error();
    if (e.code != Code::damaged && e.sys != EROFS && e.sys != EIO) return tl::unexpected(e);
    why = recovered.error().text();
  }
  log::warn("pool " + pool + " is taken down without its records: " + why);
  return close_by_devices(env, pool);
}

}  // namespace tclone::engine
