// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/core/session.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "dm/by_uuid.h"
#include "dm/suspended.h"
#include "model/device_names.h"
#include "model/names.h"
#include "os/probe.h"
#include "policies/sizing.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

/// Kept back from what makes something new: room to remove and rename in.
constexpr Bytes kStateReserve{1ULL << 20U};
constexpr std::uint64_t kFileReserve = 1024;

/// The outer pool of that name, once it is known to be active and its state area to answer.
Result<dm::Info> active_pool(Env& env, const std::string& name) {
  const auto info = TC_TRY(env.dm.info(device_names::outer_pool(name)));
  if (!info || !info->live_table) {
    const PoolLocation known = TC_TRY(read_pool_location(env.paths.etc, name));  // says that there is none of that name
    if (!info) TC_TRY(dm::own_info(env.dm, device_names::outer_pool(name), device_names::uuid(known.uuid, "pool")));
    return fail(Code::exists, "pool " + name, "it is not active", "run `tclone pool activate " + name + "`");
  }
  TC_CHECK(dm::refuse_suspended(env.dm, name, {device_names::state(name)}));
  return *info;
}

}  // namespace

Result<std::string> resolve_pool(const Env& env, const std::string& asked) {
  if (!asked.empty()) {
    TC_CHECK(names::check_pool_name(asked));
    return asked;
  }
  if (const Settings settings = TC_TRY(read_settings(env.paths.etc)); settings.default_pool) {
    return *settings.default_pool;
  }
  const std::vector<std::string> known = TC_TRY(known_pools(env.paths.etc));
  if (known.size() == 1) return known.front();
  if (known.empty()) {
    return fail(Code::not_found, "pool", "there is none on this host",
                "`tclone pool create` makes one, `tclone pool import` brings one in");
  }
  std::string names;
  for (const std::string& name : known) names += " " + name;
  return fail(Code::usage, "pool", "several are known:" + names, "say which with --pool or TCLONE_POOL");
}

Status refuse_inactive(Env& env, const std::string& pool) {
  TC_TRY(active_pool(env, pool));
  return {};
}

std::string lock_path(const Env& env, const std::string& pool) { return env.paths.run + "/" + pool + ".lock"; }
std::string index_path(const Env& env, const std::string& pool) { return env.paths.run + "/" + pool + "-index"; }
std::string state_folder(const Env& env, const std::string& pool) { return env.paths.lib + "/" + pool; }
Result<PoolLock> lock_pool(Env& env, const std::string& name) {
  return PoolLock::take(lock_path(env, name), env.command, env.lock_deadline, env.stop);
}
Status make_mark(const std::string& path, const std::string& why) {
  // For reading as well: a fifo is then opened without waiting for who reads it.
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
  return fd ? Status{} : fail_errno(errno, path, why);
}
crypt::KeyFolder key_folder(const Env& env) { return {env.paths.etc + "/keys"}; }

std::string Session::outer_pool() const { return device_names::outer_pool(pool); }

Result<Session> Session::open(Env& env, const std::string& name) {
  const dm::Info info = TC_TRY(active_pool(env, name));
  auto store = Store::open(state_folder(env, name));
  if (!store && store.error().code != Code::not_found) return tl::unexpected(store.error());
  if (!store) {
    return fail(Code::damaged, state_folder(env, name),
                "the pool's state area is not mounted there: " + store.error().text(),
                "run `tclone pool deactivate " + name + "`, then activate it again");
  }
  const PoolRecord record = TC_TRY(store->pool());
  if (info.uuid != device_names::uuid(record.uuid, "pool")) {
    return fail(Code::damaged, "pool " + name, "the mounted state belongs to another pool than the active devices",
                "unmount " + state_folder(env, name) + " and activate the pool again");
  }
  return Session(env, name, std::move(*store), record);
}

Result<Session> Session::look(Env& env, const std::string& asked) {
  return open(env, TC_TRY(resolve_pool(env, asked)));
}

const std::vector<std::string>& Session::files() const {
  if (files_) return *files_;
  files_.emplace();
  const auto where = read_pool_location(env.paths.etc, pool);
  for (const std::string& path : where ? where->paths : std::vector<std::string>{}) {
    if (os::regular_file(path)) files_->push_back(path);
  }
  return *files_;
}

Bytes Session::piece_to_touch() const { return files().empty() ? kKiB * 4 : record.block; }

OuterRoom outer_room(const Session& s, const dm::PoolStatus& status) {
  const Bytes used = s.record.block * status.used_data;
  OuterRoom out{s.record.block * status.total_data, {}, {}, {}, {}};
  for (const std::string& path : s.files()) {
    const auto missing = os::missing_room(path);
    if (!missing || missing->n == 0) continue;
    out.missing = out.missing + *missing;
    out.file = path;
  }
  out.total = std::max(used, out.total.n > out.missing.n ? out.total - out.missing : Bytes{});
  out.free = out.total - used;
  out.reserve = policies::reserve(out.total);
  return out;
}

Result<bool> Session::state_is_full() const {
  const Store::Room room = TC_TRY(store.room());
  return room.bytes < kStateReserve || room.files < kFileReserve;
}

Status Session::check_space(Bytes needed, const std::string& attempted) {
  const auto status = TC_TRY(env.dm.pool_status(outer_pool()));
  const auto refuse = [&](Code code, const std::string& why, const std::string& next) {
    Status out = fail(code, "pool " + pool, why, next);
    out.error().attempted = attempted;
    return out;
  };
  if (!status.writable()) {
    return refuse(Code::damaged, "its metadata is read-only", "`tclone doctor` says what can be done");
  }
  if (TC_TRY(state_is_full())) return refuse(Code::no_space, "its state area is full", "remove volumes or versions");
  if (policies::metadata_near_end(status.used_metadata, status.total_metadata)) {
    return refuse(Code::no_space, "the outer pool's metadata is nine tenths full",
                  "remove volumes that have a vault of their own (`tclone rm`)");
  }
  const OuterRoom space = outer_room(*this, status);
  if (space.free < space.reserve + needed) {
    return refuse(Code::no_space,
                  format_size(space.free) + " of " + format_size(space.total) + " are free, " + format_size(needed) +
                      " are needed above the reserve of " + format_size(space.reserve),
                  space.missing.n > 0 ? "make room in the filesystem of " + space.file
                                      : "remove volumes or versions, trim filesystems (fstrim), or `tclone pool grow`");
  }
  return {};
}

}  // namespace tclone::engine
