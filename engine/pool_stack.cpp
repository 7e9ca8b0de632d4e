// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/pool_stack.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include "base/fault.h"
#include "base/log.h"
#include "dm/names.h"
#include "dm/targets.h"
#include "engine/mismatch.h"
#include "engine/session.h"
#include "fs/block_io.h"
#include "fs/filesystem.h"
#include "fs/probe.h"
#include "state/whereabouts.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
namespace names = dm::names;

/// In ordered mode a file's blocks are on the disk before the transaction that knows of them is, and without delayed
/// allocation they are known when they are written: a rename that a power cut has kept names a whole file, so a record
/// costs no fsync of its own (ext4(5): data=ordered, nodelalloc; experiment "one sync for all records").
constexpr const char* kStateOptions = "nosuid,nodev,noexec,errors=remount-ro,data=ordered,data_err=abort,nodelalloc";

Result<LabelRead> label_of(const Backing& b) {
  const UniqueFd fd(::open(b.device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, b.path, "cannot open the device");
  return read_label(fd.get(), b.path);
}

dm::Piece piece(const Pool& pool, const Extent& e) {
  return {pool.backings[e.device].dev, to_sectors(e.start), to_sectors(e.length)};
}

struct DataArea {
  std::vector<dm::Piece> pieces;
  Bytes total;
};

DataArea data_area(const Pool& pool) {
  DataArea out;
  for (const Extent& e : pool.label.data) {
    out.pieces.push_back(piece(pool, e));
    out.total = out.total + e.length;
  }
  return out;
}

Status create_layer(Env& env, const std::string& name, const Pool& pool, const char* layer, const dm::Table& table) {
  return env.dm.create({name, names::uuid(pool.label.pool, layer), table, false, dm::Udev::hidden});
}

Status check_together(const Pool& pool) {
  const Label& first = pool.label;
  for (std::uint32_t i = 0; i < pool.backings.size(); ++i) {
    for (const Extent& e : first.data) {
      if (e.device == i && pool.backings[i].size < e.start + e.length) {
        return fail(Code::damaged, pool.backings[i].path, "it is smaller than the label says", "bring the whole device back");
      }
    }
  }
  return {};
}

Status make_folders(const std::string& folder) {
  const std::string parent = folder.substr(0, folder.rfind('/'));
  if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, parent, "cannot make the folder");
  // Unwritable while nothing is mounted: nothing may land on the root filesystem by mistake.
  if (::mkdir(folder.c_str(), 0500) != 0 && errno != EEXIST) return fail_errno(errno, folder, "cannot make the folder");
  return {};
}

Status format_state(Env& env, const std::string& device, std::uint32_t sector) {
  static_cast<void>(env);
  // Thousands of small files: 1 KiB blocks where the device allows them.
  const std::string block = sector <= 1024 ? "1024" : "4096";
  const auto out = TC_TRY(fs::run({"mkfs.ext4", "-q", "-F", "-b", block, "-I", "256", "-i", "2048", "-m", "0", "-J", "size=8", "-O",
                                   "inline_data,^resize_inode", "-E", "nodiscard,lazy_itable_init=1", "-L", "tclone-state", device}));
  if (out.status != 0) return fail(Code::failed, device, "mkfs.ext4 failed on the state area: " + out.text);
  return {};
}

}  // namespace

Result<Backing> open_backing(const std::string& path) {
  const fs::BlockFacts facts = TC_TRY(fs::block_facts(path));
  Backing b;
  b.path = path;
  b.size = facts.size;
  b.is_file = !facts.block_device;
  if (facts.read_only) return fail(Code::usage, path, "it is read-only");
  if (facts.block_device) {
    b.device = path;
    b.sector = facts.logical_sector;
    b.dev = std::to_string(facts.major) + ":" + std::to_string(facts.minor);
    return b;
  }
  b.loop = TC_TRY(fs::attach(path));
  b.device = b.loop->path;
  b.dev = std::to_string(b.loop->major) + ":" + std::to_string(b.loop->minor);
  const fs::BlockFacts loop = TC_TRY(fs::block_facts(b.device));
  b.sector = loop.logical_sector;
  b.size = loop.size;
  return b;
}

Result<Pool> find_pool(const std::vector<std::string>& paths, bool mend) {
  Pool pool;
  std::vector<std::pair<LabelRead, Backing>> found;
  std::vector<std::string> unlabelled;
  for (const std::string& path : paths) {
    Backing backing = TC_TRY(open_backing(path));
    for (const auto& [label, other] : found) {
      if (other.dev == backing.dev) return fail(Code::usage, path, "the same device is named twice");
    }
    auto read = label_of(backing);
    // A device that was about to be added when a crash came is remembered but has no label yet.
    if (!read && read.error().code == Code::not_found && paths.size() > 1) {
      unlabelled.push_back(path);
      continue;
    }
    found.emplace_back(TC_TRY(std::move(read)), std::move(backing));
  }
  if (found.empty() && !unlabelled.empty()) return fail(Code::not_found, unlabelled.front(), "no pool is there: no label");
  if (found.empty()) return fail(Code::usage, "pool", "no device was named");
  // Devices may be one label update apart after a power cut: the newest label counts for all.
  const auto newest = std::max_element(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first.label.sequence < b.first.label.sequence;
  });
  pool.label = newest->first.label;
  std::vector<std::optional<std::size_t>> order(pool.label.devices.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Label& l = found[i].first.label;
    if (l.pool != pool.label.pool) return fail(Code::usage, found[i].second.path, "it belongs to another pool (" + l.name + ")");
    if (l.self >= order.size() || order[l.self]) {
      return fail(Code::damaged, found[i].second.path, "two devices say that they are the same one of the pool",
                  "name each device once; a copy must not be attached together with its original");
    }
    order[l.self] = i;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!order[i] && !unlabelled.empty()) {
      return fail(Code::not_found, unlabelled.front(),
                  "no label is there, and device " + std::to_string(i + 1) + " of " + std::to_string(order.size()) +
                      " of pool " + pool.label.name + " is missing",
                  "bring the device back that carried it");
    }
    if (!order[i]) {
      return fail(Code::usage, "pool " + pool.label.name,
                  "device " + std::to_string(i + 1) + " of " + std::to_string(order.size()) + " was not named",
                  "name every device of the pool");
    }
    auto& [read, backing] = found[*order[i]];
    if (read.bad_copies > 0 || read.label.sequence != pool.label.sequence) {
      pool.mended.push_back("label copy of " + backing.path + ": " + (read.trouble.empty() ? "older than its peers" : read.trouble));
    }
    pool.backings.push_back(std::move(backing));
  }
  TC_CHECK(check_together(pool));
  if (mend && !pool.mended.empty()) {
    TC_CHECK(write_labels(pool));
    for (const std::string& what : pool.mended) log::warn("mended " + what);
  }
  return pool;
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

Result<std::string> host_id(const Env& env) {
  for (const std::string& path : {std::string("/etc/machine-id"), env.paths.etc + "/host-id"}) {
    std::ifstream in(path);
    std::string id;
    if (in >> id && id.size() >= 8 && id.size() <= 64) return id;
  }
  const std::string id = Uuid::random().compact();
  ::mkdir(env.paths.etc.c_str(), 0755);
  std::ofstream out(env.paths.etc + "/host-id");
  out << id << "\n";
  out.close();
  if (!out) return fail(Code::failed, env.paths.etc + "/host-id", "cannot be written, and there is no /etc/machine-id");
  return id;
}

Status bring_up_state(Env& env, const std::string& name, const Pool& pool, bool fresh) {
  const std::string layer = names::state(name);
  if (!TC_TRY(env.dm.info(layer))) {
    TC_CHECK(create_layer(env, layer, pool, "state", dm::linear(std::array{piece(pool, pool.label.state)})));
  }
  const std::string folder = state_folder(env, name);
  TC_CHECK(make_folders(folder));
  if (fresh) TC_CHECK(format_state(env, env.dm.path(layer), pool.backings.front().sector));
  const auto info = TC_TRY(env.dm.info(layer));
  if (!info) return fail(Code::damaged, layer, "the device went away", "try again");
  for (const std::string& there : TC_TRY(fs::mount_points(info->major, info->minor))) {
    if (there == folder) return {};
  }
  TCLONE_FAULT_POINT("pool.state");
  if (TC_TRY(fs::is_mount_point(folder))) return fail(Code::busy, folder, "something else is mounted there", "unmount it");
  return fs::mount({env.dm.path(layer), folder, FsKind::ext4, false, false, kStateOptions});
}

Status bring_up_outer(Env& env, const std::string& name, const Pool& pool, WhenFull when_full) {
  const auto [data, total] = data_area(pool);
  TC_CHECK(create_layer(env, names::metadata(name), pool, "meta", dm::linear(std::array{piece(pool, pool.label.metadata)})));
  TC_CHECK(create_layer(env, names::data(name), pool, "data", dm::linear(data)));
  TCLONE_FAULT_POINT("pool.layers");
  const auto meta = TC_TRY(env.dm.info(names::metadata(name)));
  const auto data_info = TC_TRY(env.dm.info(names::data(name)));
  if (!meta || !data_info) return fail(Code::damaged, name, "a layer went away", "try again");
  TC_CHECK(fits_label(name, env.dm.path(names::metadata(name)), pool.label.block, total));
  dm::PoolOptions options;
  options.block = to_sectors(pool.label.block);
  options.zero = false;  // nobody reads an outer block that its vault did not write
  options.error_if_full = when_full == WhenFull::error;
  TC_CHECK(create_layer(env, names::outer_pool(name), pool, "pool",
                        dm::thin_pool(meta->dev(), data_info->dev(), to_sectors(round_down(total, pool.label.block)), options)));
  const auto status = TC_TRY(env.dm.pool_status(names::outer_pool(name)));
  if (!status.writable()) {
    return fail(Code::damaged, "pool " + name, "its outer metadata ask for a check", "run `tclone pool repair " + name + "`, then activate it");
  }
  return {};
}

Status grow_outer(Env& env, const std::string& name, const Pool& pool) {
  const auto [data, total] = data_area(pool);
  TC_CHECK(env.dm.reload(names::data(name), dm::linear(data)));
  TC_CHECK(env.dm.resume(names::data(name)));
  // The pool looks at its new length when it is resumed (pool_preresume, dm-thin.c); its other arguments stay.
  dm::Table table = TC_TRY(env.dm.table(names::outer_pool(name)));
  if (table.size() != 1) return fail(Code::damaged, name, "not the table of a pool", "run `tclone doctor`");
  table.front().length = to_sectors(round_down(total, pool.label.block));
  TC_CHECK(env.dm.reload(names::outer_pool(name), table));
  TC_CHECK(env.dm.resume(names::outer_pool(name)));
  const auto status = TC_TRY(env.dm.pool_status(names::outer_pool(name)));
  if (!status.writable() || pool.label.block * status.total_data != round_down(total, pool.label.block)) {
    return fail(Code::damaged, "pool " + name, "the kernel did not take its new size", "run `tclone doctor`");
  }
  return {};
}

Status bring_down(Env& env, const std::string& name) {
  TC_CHECK(env.dm.remove(names::outer_pool(name), 5000ms));
  TCLONE_FAULT_POINT("pool.down.outer");
  TC_CHECK(env.dm.remove(names::data(name), 5000ms));
  TC_CHECK(env.dm.remove(names::metadata(name), 5000ms));
  TC_CHECK(env.dm.remove(names::spare(name), 5000ms));  // of a repair that was killed
  const std::string folder = state_folder(env, name);
  if (const auto info = TC_TRY(env.dm.info(names::state(name)))) {
    for (const std::string& there : TC_TRY(fs::mount_points(info->major, info->minor))) TC_CHECK(fs::unmount(there));
  }
  TCLONE_FAULT_POINT("pool.down.unmounted");
  TC_CHECK(env.dm.remove(names::state(name), 5000ms));
  ::rmdir(folder.c_str());
  return {};
}

Status require_kernel(Env& env) {
  for (const auto& [target, module] : {std::pair{"thin-pool", "dm_thin_pool"}, {"thin", "dm_thin_pool"}, {"crypt", "dm_crypt"},
                                       {"linear", "dm_mod"}, {"striped", "dm_mod"}}) {
    if (!TC_TRY(env.dm.target_version(target))) {
      return fail(Code::kernel, std::string("device-mapper target ") + target, "this kernel does not have it",
                  std::string("load the module (`modprobe ") + module + "`) or use a kernel that has it");
    }
  }
  return {};
}

Result<bool> is_active(Env& env, const std::string& name) {
  const auto info = TC_TRY(env.dm.info(names::outer_pool(name)));
  return info.has_value() && info->live_table;
}

Result<Pool> remembered_pool(Env& env, const std::string& name) {
  const Whereabouts where = TC_TRY(read_whereabouts(env.paths.etc, name));
  Pool pool = TC_TRY(find_pool(where.paths, true));
  if (pool.label.pool != where.uuid) {
    return fail(Code::damaged, where.paths.front(), "another pool (" + pool.label.name + ", " + pool.label.pool.text() + ") is there now",
                "`tclone pool import` the pool from where it is");
  }
  return pool;
}

}  // namespace tclone::engine
