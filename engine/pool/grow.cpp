// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fault.h"
#include "engine/api/api.h"
#include "engine/core/lookup.h"
#include "engine/stack/pool_stack.h"
#include "os/probe.h"
#include "policies/sizing.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

Status enlarge_file(const Backing& b, Bytes size) {
  if (!b.is_file)
    return fail(Code::usage, b.path, "--size is for a pool in a file", "grow the device, then leave --size away");
  struct stat st {};
  if (::stat(b.path.c_str(), &st) != 0) return fail_errno(errno, b.path, "cannot look at the file");
  const Bytes now{static_cast<std::uint64_t>(st.st_size)};
  if (size < now) {
    return fail(Code::usage, b.path, "it has " + format_size(now) + " and pools are not shrunk",
                "choose a larger --size");
  }
  if (::truncate(b.path.c_str(), static_cast<off_t>(round_down(size, kMiB).n)) != 0) {
    return fail_errno(errno, b.path, "cannot make the file " + format_size(size));
  }
  TCLONE_FAULT_POINT("grow.enlarged");
  return {};
}

/// Sizes of the devices as they are now; a loop device is told first that its file has grown.
Result<std::vector<Bytes>> present_sizes(const Pool& pool) {
  std::vector<Bytes> sizes;
  for (const Backing& b : pool.backings) {
    if (b.is_file) TC_CHECK(os::refresh_size(b.device));
    const UniqueFd fd(::open(b.device.c_str(), O_RDONLY | O_CLOEXEC));
    const off_t end = fd ? ::lseek(fd.get(), 0, SEEK_END) : -1;
    if (end < 0) return fail_errno(errno, b.path, "cannot ask for its size");
    sizes.push_back({static_cast<std::uint64_t>(end)});
  }
  return sizes;
}

/// Those the label does not count yet. A crash may have come between it and the kernel: a device that is counted and
/// nobody uses is one that this command was to add.
Result<std::vector<std::string>> not_yet_counted(const Pool& pool, const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    const Backing b = TC_TRY(open_backing(path));
    const bool counted = std::any_of(pool.backings.begin(), pool.backings.end(),
                                     [&](const Backing& present) { return present.dev == b.dev; });
    if (!counted) {
      out.push_back(path);
    } else if (b.is_file || !os::claimable(b.device)) {
      return fail(Code::exists, path, "it is part of the pool already");
    }
  }
  return out;
}

Status add_devices(Env& env, Pool& pool, const PoolGrow& r, const PoolLocation& known) {
  std::vector<Backing> added = TC_TRY(claim_devices(TC_TRY(not_yet_counted(pool, r.add)), r.force));
  if (added.empty()) return {};
  // What a crash has left remembered without a label is forgotten by this.
  PoolLocation where = known;
  where.paths.clear();
  for (const Backing& present : pool.backings) where.paths.push_back(present.path);
  for (Backing& b : added) {
    TC_CHECK(clear_device(b));
    TCLONE_FAULT_POINT("grow.cleared");
    where.paths.push_back(b.path);
    pool.label.devices.push_back(Uuid::random());
    pool.backings.push_back(std::move(b));
  }
  // Remembered before the label counts it: a remembered device without a label does no harm, a missing one would.
  TC_CHECK(write_pool_location(env.paths.etc, where));
  TCLONE_FAULT_POINT("grow.remembered");
  return {};
}

Result<Outcome> grow_locked(Env& env, const PoolGrow& r, const std::string& name) {
  Outcome out;
  out.operation = "pool grow " + name;
  out.name = name;
  const PoolLocation where = TC_TRY(read_pool_location(env.paths.etc, name));
  if (!TC_TRY(is_active(env, name))) {
    return fail(Code::exists, "pool " + name, "it is not active", "run `tclone pool activate " + name + "`");
  }
  Pool pool = TC_TRY(remembered_pool(env, name));
  if (r.size && (pool.backings.size() != 1)) return fail(Code::usage, "--size", "the pool is not in one file");
  if (env.dry_run) {
    if (!r.add.empty()) TC_TRY(claim_devices(TC_TRY(not_yet_counted(pool, r.add)), r.force));
    for (const char* text :
         {"take the new size of its devices", "write the label", "give the outer pool its new size"}) {
      out.steps.push_back({text, 0});
    }
    return out;
  }
  if (r.size) TC_CHECK(enlarge_file(pool.backings.front(), *r.size));
  if (!r.add.empty()) TC_CHECK(add_devices(env, pool, r, where));
  std::vector<policies::Stretch> data;
  for (const Extent& e : pool.label.data) data.push_back({e.device, e.start, e.length});
  const auto grown = policies::grown_data(data, TC_TRY(present_sizes(pool)), pool.label.block);
  std::vector<Extent> extents;
  for (const policies::Stretch& s : grown) extents.push_back({s.device, s.start, s.length});
  out.changed = extents != pool.label.data;
  if (out.changed) {
    pool.label.data = extents;
    TC_CHECK(write_labels(pool));
    TCLONE_FAULT_POINT("grow.labelled");
  }
  // Also when the label says so already: a crash may have come between it and the kernel.
  TC_CHECK(grow_outer(env, name, pool));
  return out;
}

}  // namespace

Result<Outcome> pool_grow(Env& env, const PoolGrow& r) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, r.pool));
    TC_TRY(read_pool_location(env.paths.etc, name));
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    return grow_locked(env, r, name);
  };
  return attempted(run(), "pool grow " + r.pool);
}

}  // namespace tclone::engine
