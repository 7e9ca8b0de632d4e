// SPDX-License-Identifier: GPL-2.0-or-later
// Where a pool is: its devices, and what their labels say together.
#include <fcntl.h>

#include <algorithm>

#include "base/log.h"
#include "engine/core/session.h"
#include "engine/stack/pool_stack.h"
#include "os/probe.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

Status check_together(const Pool& pool) {
  const Label& first = pool.label;
  for (std::uint32_t i = 0; i < pool.backings.size(); ++i) {
    for (const Extent& e : first.data) {
      if (e.device == i && pool.backings[i].size < e.start + e.length) {
        return fail(Code::damaged, pool.backings[i].path, "it is smaller than the label says",
                    "bring the whole device back");
      }
    }
  }
  return {};
}

struct Labelled {
  LabelRead read;
  Backing backing;
};
/// What was found at the paths.
struct Labels {
  std::vector<Labelled> found;
  std::vector<std::string> unlabelled;  ///< devices without a label
  std::optional<Error> absent;          ///< why a device could not be looked at
};

Result<Labels> read_labels(const std::vector<std::string>& paths, Devices how) {
  Labels out;
  for (const std::string& path : paths) {
    auto opened = open_backing(path);
    // The same may be gone again: it counts only if a label says so.
    if (!opened && opened.error().code == Code::not_found && how == Devices::remembered && paths.size() > 1) {
      out.absent = opened.error();
      continue;
    }
    Backing backing = TC_TRY(std::move(opened));
    for (const Labelled& other : out.found) {
      if (other.backing.dev == backing.dev) return fail(Code::usage, path, "the same device is named twice");
    }
    auto read = label_of(backing);
    // A device that was about to be added when a crash came is remembered but has no label yet.
    if (!read && read.error().code == Code::not_found && paths.size() > 1) {
      out.unlabelled.push_back(path);
      continue;
    }
    out.found.push_back({TC_TRY(std::move(read)), std::move(backing)});
  }
  if (!out.found.empty()) return out;
  if (!out.unlabelled.empty()) return fail(Code::not_found, out.unlabelled.front(), "no pool is there: no label");
  if (out.absent) return tl::unexpected(*out.absent);
  return fail(Code::usage, "pool", "no device was named");
}

/// Why one of the pool's devices is not among what was found.
Error missing(const Pool& pool, const Labels& labels, std::size_t device) {
  if (labels.absent) return *labels.absent;
  const std::string which = "device " + std::to_string(device + 1) + " of " + std::to_string(pool.label.devices.size());
  if (!labels.unlabelled.empty()) {
    return {Code::not_found,
            {},
            labels.unlabelled.front(),
            "no label is there, and " + which + " of pool " + pool.label.name + " is missing",
            "bring the device back that carried it",
            0};
  }
  return {Code::usage, {}, "pool " + pool.label.name, which + " was not named", "name every device of the pool", 0};
}

}  // namespace

Result<Backing> open_backing(const std::string& path, Code read_only) {
  const os::BlockFacts facts = TC_TRY(os::block_facts(path));
  Backing b;
  b.path = path;
  b.size = facts.size;
  b.is_file = !facts.block_device;
  if (facts.read_only)
    return fail(read_only, path, "it is read-only",
                "find out why (`dmesg`); `blockdev --setrw " + path + "` makes it writable");
  if (facts.block_device) {
    b.device = path;
    b.sector = facts.logical_sector;
    b.dev = std::to_string(facts.major) + ":" + std::to_string(facts.minor);
    return b;
  }
  b.loop = TC_TRY(os::attach(path));
  b.device = b.loop->path;
  b.dev = std::to_string(b.loop->major) + ":" + std::to_string(b.loop->minor);
  const os::BlockFacts loop = TC_TRY(os::block_facts(b.device));
  b.sector = loop.logical_sector;
  b.size = loop.size;
  return b;
}

Status refuse_claimed(const Backing& b) { return b.is_file ? os::claimable_file(b.path) : os::claimable(b.device); }

Status refuse_claimed(const Pool& pool) {
  for (const Backing& b : pool.backings) TC_CHECK(refuse_claimed(b));
  return {};
}

Result<LabelRead> label_of(const Backing& b) {
  const UniqueFd fd(::open(b.device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, b.path, "cannot open the device");
  return read_label(fd.get(), b.path);
}

Result<Pool> find_pool(const std::vector<std::string>& paths, Devices how) {
  Pool pool;
  Labels labels = TC_TRY(read_labels(paths, how));
  std::vector<Labelled>& found = labels.found;
  // Devices may be one label update apart after a power cut: the newest label counts for all.
  const auto newest = std::max_element(found.begin(), found.end(), [](const Labelled& a, const Labelled& b) {
    return a.read.label.sequence < b.read.label.sequence;
  });
  pool.label = newest->read.label;
  std::vector<std::optional<std::size_t>> order(pool.label.devices.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Label& l = found[i].read.label;
    const std::string& path = found[i].backing.path;
    if (l.pool != pool.label.pool) return fail(Code::usage, path, "it belongs to another pool (" + l.name + ")");
    // Its label was written, then the machine stopped, and the pool went on without it.
    if (l.self >= order.size() && how == Devices::remembered) continue;
    if (l.self >= order.size()) {
      return fail(Code::usage, path, "pool " + pool.label.name + " does not count it among its devices",
                  "leave it away");
    }
    if (order[l.self]) {
      return fail(Code::damaged, path, "two devices say that they are the same one of the pool",
                  "name each device once; a copy must not be attached together with its original");
    }
    order[l.self] = i;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!order[i]) return tl::unexpected(missing(pool, labels, i));
    auto& [read, backing] = found[*order[i]];
    if (read.bad_copies > 0 || read.label.sequence != pool.label.sequence) {
      pool.mended.push_back("label copy of " + backing.path + ": " +
                            (read.trouble.empty() ? "older than its peers" : read.trouble));
    }
    pool.backings.push_back(std::move(backing));
  }
  TC_CHECK(check_together(pool));
  return pool;
}

Status mend_labels(const Env& env, Pool& pool) {
  if (pool.mended.empty()) return {};
  // Another host may be writing them at this moment.
  if (!pool.label.owner.empty() && pool.label.owner != TC_TRY(host_id(env))) return {};
  TC_CHECK(write_labels(pool));
  for (const std::string& what : pool.mended) log::warn("mended " + what);
  return {};
}

Status write_labels(Pool& pool) {
  std::vector<UniqueFd> open;
  std::vector<LabelDevice> devices;
  for (const Backing& b : pool.backings) {
    open.emplace_back(::open(b.device.c_str(), O_RDWR | O_CLOEXEC));
    if (!open.back()) return fail_errno(errno, b.path, "cannot open the device for writing");
    devices.push_back({open.back().get(), b.path});
  }
  pool.label = TC_TRY(tclone::write_labels(devices, pool.label));
  return {};
}

Result<Pool> remembered_pool(Env& env, const std::string& name) {
  const PoolLocation where = TC_TRY(read_pool_location(env.paths.etc, name));
  auto found = find_pool(where.paths, Devices::remembered);
  // Of several devices, which one is missing is told already.
  if (!found && found.error().code == Code::not_found && found.error().sys == 0 && where.paths.size() == 1) {
    found.error().code = Code::damaged;
    found.error().why +=
        ", although pool " + name + " was here: both copies of its label are damaged, or this is another device";
    if (found.error().next.empty())
      found.error().next = "`tclone pool import` the pool from where it is, or bring its device back";
  }
  Pool pool = TC_TRY(std::move(found));
  if (pool.label.pool != where.uuid) {
    return fail(Code::damaged, where.paths.front(),
                "another pool (" + pool.label.name + ", " + pool.label.pool.text() + ") is there now",
                "`tclone pool import` the pool from where it is");
  }
  TC_CHECK(mend_labels(env, pool));
  return pool;
}

}  // namespace tclone::engine
