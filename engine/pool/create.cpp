// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fault.h"
#include "base/log.h"
#include "engine/api/api.h"
#include "engine/core/lookup.h"
#include "engine/stack/pool_stack.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "os/probe.h"
#include "policies/sizing.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

std::string unfinished(const std::string& file) { return file + ".unfinished"; }

Result<Bytes> default_file_size(const std::string& folder) {
  struct statvfs st {};
  if (::statvfs(folder.c_str(), &st) != 0) return fail_errno(errno, folder, "cannot ask for its free space");
  const Bytes free{static_cast<std::uint64_t>(st.f_bavail) * st.f_frsize};
  return round_down(std::max(Bytes{free.n / 10 * 8}, kGiB), kMiB);
}

/// The file a pool is made in: a new one gets its name only when the pool is whole, so that a killed command leaves
/// nothing that looks like one.
struct NewFile {
  std::string path;      ///< in the end
  std::string building;  ///< while it is made; equals path for a file that was there
  bool made = false;
};

std::string folder_of(const std::string& file) { return file.substr(0, std::max<std::size_t>(1, file.rfind('/'))); }

/// Makes nothing yet.
Result<NewFile> plan_file(const Env& env, const PoolCreate& r) {
  NewFile out;
  out.path = r.file.empty() ? env.paths.lib + "/" + r.name + ".pool" : r.file;
  if (out.path.front() != '/') return fail(Code::usage, out.path, "not an absolute path");
  struct stat st {};
  if (::stat(out.path.c_str(), &st) == 0) {
    if (!S_ISREG(st.st_mode)) return fail(Code::usage, out.path, "not a regular file", "name devices without --file");
    if (r.size) {
      return fail(Code::exists, out.path, "the file exists, so --size has no meaning",
                  "leave one of the two away; if it is a pool, `tclone pool import " + out.path + "` takes it in");
    }
    out.building = out.path;
    return out;
  }
  if (r.size) TC_TRY(policies::lay_out_pool({round_down(*r.size, kMiB)}));
  if (!r.file.empty() && ::access(folder_of(out.path).c_str(), F_OK) != 0)
    return fail_errno(errno, folder_of(out.path), "cannot look at the folder");
  out.building = unfinished(out.path);
  out.made = true;
  return out;
}

Result<NewFile> prepare_file(const Env& env, const PoolCreate& r) {
  NewFile out = TC_TRY(plan_file(env, r));
  if (!out.made) return out;
  const std::string folder = folder_of(out.path);
  if (r.file.empty() && ::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return fail_errno(errno, folder, "cannot make the folder");
  const Bytes size = r.size ? round_down(*r.size, kMiB) : TC_TRY(default_file_size(folder));
  TC_TRY(policies::lay_out_pool({size}));
  ::unlink(out.building.c_str());  // by this very name only a killed `pool create` leaves a file
  const UniqueFd fd(::open(out.building.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, out.building, "cannot make the pool's file");
  if (::ftruncate(fd.get(), static_cast<off_t>(size.n)) != 0) {
    const int sys = errno;
    ::unlink(out.building.c_str());
    return fail_errno(sys, out.building, "cannot make a file of " + format_size(size), "choose a smaller --size");
  }
  return out;
}

Extent extent(const policies::Stretch& s) { return {s.device, s.start, s.length}; }

Result<Pool> lay_out(const PoolCreate& r, std::vector<Backing> backings) {
  std::vector<Bytes> sizes;
  for (const Backing& b : backings) sizes.push_back(b.size);
  const policies::PoolLayout layout = TC_TRY(policies::lay_out_pool(sizes));
  Pool pool;
  pool.backings = std::move(backings);
  pool.label.pool = Uuid::random();
  pool.label.name = r.name;
  for (std::size_t i = 0; i < pool.backings.size(); ++i) pool.label.devices.push_back(Uuid::random());
  pool.label.block = layout.block;
  pool.label.state = extent(layout.state);
  pool.label.metadata = extent(layout.metadata);
  pool.label.spare = extent(layout.spare);
  for (const policies::Stretch& s : layout.data) pool.label.data.push_back(extent(s));
  return pool;
}

/// For a dry run: what would be refused is refused.
Status refuse_what_would_fail(const Env& env, const PoolCreate& r) {
  std::vector<std::string> paths = r.devices;
  if (paths.empty()) {
    const NewFile file = TC_TRY(plan_file(env, r));
    if (file.made) return {};
    paths = {file.path};
  }
  TC_TRY(lay_out(r, TC_TRY(claim_devices(paths, r.force))));
  return {};
}

Status build(Env& env, const PoolCreate& r, Pool& pool) {
  for (const Backing& b : pool.backings) {
    if (b.sector > r.sector_size) {
      return fail(Code::usage, b.path, "its sectors are larger than --sector-size " + std::to_string(r.sector_size));
    }
    TC_CHECK(clear_device(b));
  }
  const std::string& first = pool.backings.front().device;
  TC_CHECK(os::zero(first, pool.label.metadata.start, kKiB * 4));
  TC_CHECK(os::zero(first, pool.label.spare.start, kKiB * 4));
  TCLONE_FAULT_POINT("pool.zeroed");
  TC_CHECK(bring_up_state(env, r.name, pool, true));
  PoolRecord record;
  record.uuid = pool.label.pool;
  record.name = r.name;
  record.sector_size = r.sector_size;
  record.block = pool.label.block;
  record.when_full = r.when_full;
  record.created = env.now();
  TC_TRY(Store::create(state_folder(env, r.name), record));
  TCLONE_FAULT_POINT("pool.stored");
  TC_CHECK(bring_up_outer(env, r.name, pool, r.when_full));
  TCLONE_FAULT_POINT("pool.up");
  // The label comes last: without it there is no pool.
  pool.label.owner = TC_TRY(host_id(env));
  pool.label.epoch = 1;
  return write_labels(pool);
}

/// What is left of a pool that was not made must not look like one.
void unlabel(const Pool& pool) {
  if (pool.label.epoch == 0) return;  // not so far yet, and maybe not even the devices' own to clear
  for (const Backing& b : pool.backings) {
    if (auto cleared = clear_device(b); !cleared) log::warn(cleared.error().text());
  }
}

/// In /run while a pool is being made: a command that is killed leaves the mark, and the next one may take down what
/// it finds under that name. After a reboot neither mark nor devices are there.
class BirthMark {
 public:
  explicit BirthMark(const Env& env, const std::string& name) : path_(env.paths.run + "/" + name + ".creating") {}
  BirthMark(const BirthMark&) = delete;
  BirthMark& operator=(const BirthMark&) = delete;
  ~BirthMark() {
    if (ours_) ::unlink(path_.c_str());
  }
  [[nodiscard]] bool left_behind() const { return ::access(path_.c_str(), F_OK) == 0; }
  Status set() {
    TC_CHECK(make_mark(path_, "cannot mark the pool as being made"));
    ours_ = true;
    return {};
  }
  /// Leaves it behind if devices of the pool may still be there; without them it would stand for nothing.
  void leave_with_devices(Env& env, const std::string& pool) {
    const auto devices = env.dm.list(device_names::prefix(pool));
    if (!devices || !devices->empty()) ours_ = false;
  }

 private:
  std::string path_;
  bool ours_ = false;
};

/// A name that was given must not be lost after the pool is remembered under it.
Status sync_folder_of(const std::string& path) {
  const std::string folder = folder_of(path);
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail_errno(errno, folder, "cannot make the file's name durable");
  return {};
}

Result<Outcome> create_locked(Env& env, const PoolCreate& r, BirthMark& mark, Outcome out) {
  PoolLocation where{r.name, {}, r.devices, false};
  NewFile file;
  if (r.devices.empty()) {
    file = TC_TRY(prepare_file(env, r));
    where.paths = {file.path};
    where.made_file = file.made;
  }
  bool named = false;
  const auto discard_file = [&] {
    if (file.made) ::unlink((named ? file.path : file.building).c_str());
  };
  auto backings = claim_devices(r.devices.empty() ? std::vector{file.building} : r.devices, r.force);
  auto pool = backings ? lay_out(r, std::move(*backings)) : Result<Pool>(tl::unexpected(backings.error()));
  if (!pool) {
    discard_file();
    return tl::unexpected(pool.error());
  }
  auto built = build(env, r, *pool);
  if (built && file.made) {
    named = ::rename(file.building.c_str(), file.path.c_str()) == 0;
    built = named ? sync_folder_of(file.path) : fail_errno(errno, file.path, "cannot give the finished file its name");
  }
#ifdef TCLONE_FAULTS
  if (built) built = fault::point("pool.named");
#endif
  where.uuid = pool->label.pool;
  if (built) built = write_pool_location(env.paths.etc, where);
  if (!built) {
    if (auto down = bring_down(env, r.name); !down) {
      log::warn(down.error().text());
      mark.leave_with_devices(env, r.name);
    }
    if (!file.made) unlabel(*pool);
    pool->backings.clear();
    discard_file();
    return tl::unexpected(built.error());
  }
  return out;
}

}  // namespace

Result<Outcome> pool_create(Env& env, const PoolCreate& r) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_pool_name(r.name));
    if (r.sector_size != 512 && r.sector_size != 4096) return fail(Code::usage, "--sector-size", "must be 4096 or 512");
    if (!r.devices.empty() && (!r.file.empty() || r.size)) {
      return fail(Code::usage, "pool create", "devices were named together with --file or --size",
                  "use one or the other");
    }
    if (const auto known = read_pool_location(env.paths.etc, r.name); known || known.error().code != Code::not_found) {
      return fail(Code::exists, r.name, "a pool of that name is known here already", "choose another name");
    }
    TC_CHECK(require_kernel(env));
    Outcome out;
    out.operation = "pool create " + r.name;
    out.name = r.name;
    if (env.dry_run) {
      TC_CHECK(refuse_what_would_fail(env, r));
      if (r.devices.empty()) out.steps.push_back({"make a sparse file and attach it to a loop device", 0});
      for (const char* text : {"clear the label area", "format and mount the state area", "write the first records",
                               "load the outer pool", "write the label", "remember where the pool is"}) {
        out.steps.push_back({text, 0});
      }
      return out;
    }
    const PoolLock lock = TC_TRY(lock_pool(env, r.name));
    BirthMark mark(env, r.name);
    if (!mark.left_behind() && TC_TRY(env.dm.info(device_names::outer_pool(r.name)))) {
      return fail(Code::exists, r.name, "devices of a pool of that name are active", "deactivate that pool first");
    }
    TC_CHECK(mark.set());
    if (auto down = bring_down(env, r.name); !down) {
      mark.leave_with_devices(env, r.name);
      return tl::unexpected(down.error());
    }
    return create_locked(env, r, mark, std::move(out));
  };
  return attempted(run(), "pool create " + r.name);
}

}  // namespace tclone::engine
