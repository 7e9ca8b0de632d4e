// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/pool_stack.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "base/fault.h"
#include "base/log.h"
#include "dm/by_uuid.h"
#include "dm/targets.h"
#include "engine/core/consistency.h"
#include "engine/core/session.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "os/filesystem.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

/// In ordered mode a file's blocks are on the disk before the transaction that knows of them is, and without delayed
/// allocation they are known when they are written: a rename that a power cut has kept names a whole file, so a record
/// costs no fsync of its own (ext4(5): data=ordered, nodelalloc; experiment "one sync for all records").
/// noinit_itable: ext4 zeroes the inode tables in the background by a request that a loop device answers by punching holes
/// (sb_issue_zeroout without BLKDEV_ZERO_NOUNMAP, loop.c lo_fallocate), which takes from a pool file the blocks that
/// hold_own_areas() gave it: on a full filesystem the next new inode makes the state area read-only.
constexpr const char* kStateOptions =
    "nosuid,nodev,noexec,errors=remount-ro,data=ordered,data_err=abort,nodelalloc,noinit_itable";

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
  return env.dm.create({name, device_names::uuid(pool.label.pool, layer), table, false, dm::Udev::hidden});
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
  const auto out = TC_TRY(os::run({"mkfs.ext4",
                                   "-q",
                                   "-F",
                                   "-b",
                                   block,
                                   "-I",
                                   "256",
                                   "-i",
                                   "2048",
                                   "-m",
                                   "0",
                                   "-J",
                                   "size=8",
                                   "-O",
                                   "inline_data,^resize_inode",
                                   "-E",
                                   "nodiscard,lazy_itable_init=1",
                                   "-L",
                                   "tclone-state",
                                   device}));
  if (out.status != 0) return fail(Code::failed, device, "mkfs.ext4 failed on the state area: " + out.text);
  return {};
}

/// In a sparse file: what the pool itself writes must not run out of space with the filesystem the file is on, for a failed
/// commit of the metadata makes a pool read-only until it is repaired.
void hold_own_areas(const Pool& pool) {
  for (const Extent& area : {pool.label.state, pool.label.metadata}) {
    const Backing& b = pool.backings[area.device];
    if (!b.is_file) continue;
    if (const auto held = os::allocate(b.path, area.start, area.length); !held) log::info(held.error().text());
  }
}

}  // namespace

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
  const std::string layer = device_names::state(name);
  if (!TC_TRY(env.dm.info(layer))) {
    TC_CHECK(create_layer(env, layer, pool, "state", dm::linear(std::array{piece(pool, pool.label.state)})));
  }
  const std::string folder = state_folder(env, name);
  TC_CHECK(make_folders(folder));
  if (fresh) TC_CHECK(format_state(env, env.dm.path(layer), pool.backings.front().sector));
  const auto info = TC_TRY(env.dm.info(layer));
  if (!info) return fail(Code::damaged, layer, "the device went away", "try again");
  for (const std::string& there : TC_TRY(os::mount_points(info->major, info->minor))) {
    if (there == folder) return {};
  }
  TCLONE_FAULT_POINT("pool.state");
  if (TC_TRY(os::mounted_device(folder)))
    return fail(Code::busy, folder, "something else is mounted there", "unmount it");
  return os::mount({env.dm.path(layer), folder, FsKind::ext4, false, false, kStateOptions});
}

Status explain_metadata(Status loaded, const std::string& whose, const std::string& next) {
  // A bad checksum, and a block that is another's (dm-thin-metadata.c, sb_check; dm-btree-spine.c, node_check).
  if (loaded || (loaded.error().sys != EILSEQ && loaded.error().sys != ENOTBLK)) return loaded;
  return fail(Code::damaged, whose, "the kernel finds damage in its metadata (" + loaded.error().text() + ")", next);
}

Status bring_up_outer(Env& env, const std::string& name, const Pool& pool, WhenFull when_full) {
  hold_own_areas(pool);
  const auto [data, total] = data_area(pool);
  TC_CHECK(create_layer(env, device_names::metadata(name), pool, "meta",
                        dm::linear(std::array{piece(pool, pool.label.metadata)})));
  TC_CHECK(create_layer(env, device_names::data(name), pool, "data", dm::linear(data)));
  TCLONE_FAULT_POINT("pool.layers");
  const auto meta = TC_TRY(env.dm.info(device_names::metadata(name)));
  const auto data_info = TC_TRY(env.dm.info(device_names::data(name)));
  if (!meta || !data_info) return fail(Code::damaged, name, "a layer went away", "try again");
  TC_CHECK(fits_label(name, env.dm.path(device_names::metadata(name)), pool.label.block, total));
  dm::PoolOptions options;
  options.block = to_sectors(pool.label.block);
  options.zero = false;  // nobody reads an outer block that its vault did not write
  options.error_if_full = when_full == WhenFull::error;
  const dm::Table table =
      dm::thin_pool(meta->dev(), data_info->dev(), to_sectors(round_down(total, pool.label.block)), options);
  TC_CHECK(explain_metadata(create_layer(env, device_names::outer_pool(name), pool, "pool", table), "pool " + name,
                            "run `tclone pool repair " + name + "`, then activate it"));
  const auto status = TC_TRY(env.dm.pool_status(device_names::outer_pool(name)));
  if (!status.writable()) {
    return fail(Code::damaged, "pool " + name, "its outer metadata ask for a check",
                "run `tclone pool repair " + name + "`, then activate it");
  }
  return {};
}

Status grow_outer(Env& env, const std::string& name, const Pool& pool) {
  const auto [data, total] = data_area(pool);
  TC_CHECK(env.dm.reload(device_names::data(name), dm::linear(data)));
  TCLONE_FAULT_POINT("grow.data.loaded");
  TC_CHECK(env.dm.resume(device_names::data(name)));
  TCLONE_FAULT_POINT("grow.data");
  // The pool looks at its new length when it is resumed (pool_preresume, dm-thin.c); its other arguments stay.
  dm::Table table = TC_TRY(env.dm.table(device_names::outer_pool(name)));
  if (table.size() != 1) return fail(Code::damaged, name, "not the table of a pool", "run `tclone doctor`");
  table.front().length = to_sectors(round_down(total, pool.label.block));
  TC_CHECK(env.dm.reload(device_names::outer_pool(name), table));
  TCLONE_FAULT_POINT("grow.pool.loaded");
  TC_CHECK(env.dm.resume(device_names::outer_pool(name)));
  TCLONE_FAULT_POINT("grow.pool");
  const auto status = TC_TRY(env.dm.pool_status(device_names::outer_pool(name)));
  if (!status.writable() || pool.label.block * status.total_data != round_down(total, pool.label.block)) {
    return fail(Code::damaged, "pool " + name, "the kernel did not take its new size", "run `tclone doctor`");
  }
  return {};
}

Status bring_down(Env& env, const std::string& name) {
  TC_CHECK(env.dm.remove(device_names::outer_pool(name), 5000ms));
  TCLONE_FAULT_POINT("pool.down.outer");
  TC_CHECK(env.dm.remove(device_names::data(name), 5000ms));
  TC_CHECK(env.dm.remove(device_names::metadata(name), 5000ms));
  TC_CHECK(env.dm.remove(device_names::spare(name), 5000ms));  // of a repair that was killed
  const std::string folder = state_folder(env, name);
  if (const auto info = TC_TRY(env.dm.info(device_names::state(name)))) {
    for (const std::string& there : TC_TRY(os::mount_points(info->major, info->minor))) TC_CHECK(os::unmount(there));
  }
  TCLONE_FAULT_POINT("pool.down.unmounted");
  TC_CHECK(env.dm.remove(device_names::state(name), 5000ms));
  ::rmdir(folder.c_str());
  ::unlink(index_path(env, name).c_str());
  return {};
}

Status require_kernel(Env& env) {
  for (const auto& [target, module] : {std::pair{"thin-pool", "dm_thin_pool"},
                                       {"thin", "dm_thin_pool"},
                                       {"crypt", "dm_crypt"},
                                       {"linear", "dm_mod"},
                                       {"striped", "dm_mod"}}) {
    if (!TC_TRY(env.dm.target_version(target))) {
      return fail(Code::kernel, std::string("device-mapper target ") + target, "this kernel does not have it",
                  std::string("load the module (`modprobe ") + module + "`) or use a kernel that has it");
    }
  }
  return {};
}

Result<bool> is_active(Env& env, const std::string& name) {
  const auto info = TC_TRY(env.dm.info(device_names::outer_pool(name)));
  if (info) return info->live_table;
  if (const auto where = read_pool_location(env.paths.etc, name))
    TC_TRY(dm::own_info(env.dm, device_names::outer_pool(name), device_names::uuid(where->uuid, "pool")));
  return false;
}

}  // namespace tclone::engine
