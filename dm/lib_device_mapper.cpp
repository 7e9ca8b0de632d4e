// SPDX-License-Identifier: GPL-2.0-or-later
// DeviceMapper by libdevmapper. Questions are in query.cpp, the kernel's abilities in kernel.cpp, udev in udev.cpp.
//
// While any device is suspended by us nothing here waits for udev and nothing is logged: a udev worker, or the file
// stderr goes to, may hang on that very device.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <thread>

#include "base/fault.h"
#include "base/log.h"
#include "dm/by_uuid.h"
#include "dm/device_mapper.h"
#include "dm/guard.h"
#include "dm/kernel.h"
#include "dm/libdm_log.h"
#include "dm/library.h"
#include "dm/query.h"
#include "dm/status_within.h"
#include "dm/targets.h"
#include "dm/task.h"
#include "dm/udev.h"
#include "model/device_names.h"

namespace tclone::dm {
namespace {

Error in_words(Error error, std::string why, std::string next = {}) {
  error.why = std::move(why);
  error.next = std::move(next);
  return error;
}

class LibDeviceMapper final : public DeviceMapper {
 public:
  Result<std::optional<Version>> target_version(const std::string& type) override {
    return kernel::target_version(type);
  }
  Result<std::optional<Info>> info(const std::string& name) override { return query::info(name); }
  Result<std::optional<std::string>> find_uuid(const std::string& uuid) override { return query::find_uuid(uuid); }
  Result<std::vector<Named>> list(const std::string& prefix) override { return query::list(prefix); }
  Result<Table> table(const std::string& name) override { return query::table(name); }

  Status create(const Spec& spec) override;
  Status reload(const std::string& name, const Table& table, bool read_only) override;
  Status suspend(const std::string& name, Suspend how) override;
  Status resume(const std::string& name) override;
  Status remove(const std::string& name, std::chrono::milliseconds patience) override;
  Status rename(const std::string& from, const std::string& to) override;

  Status message(const std::string& name, const std::string& text) override;
  Result<PoolStatus> pool_status(const std::string& name, Limit limit) override;
  Result<ThinStatus> thin_status(const std::string& name, Limit limit) override;

  void note_waits_in(const std::string& file) override { UdevCookie::note_in(file); }
  void give_back(const std::string& line) override { UdevCookie::remove_noted(line); }
  std::string path(const std::string& name) const override { return std::string(dm_dir()) + "/" + name; }
  Result<std::unique_ptr<Guard>> guard(std::span<const std::string> names, std::chrono::milliseconds limit) override;

 private:
  Status create_empty(const Spec& spec);
  Status remove_once(const std::string& name);
  Status ensure_node(const std::string& name);
  /// How udev shall see an event of this device: as it was created, or as its name tells.
  Udev udev_of(const std::string& name) const;
  void mark_suspended(const std::string& name, bool suspended);

  std::map<std::string, Udev> udev_;  // of the devices this process created
  std::set<std::string> suspended_;   // by this process
  UdevCookie pending_;                // of resumes done while something else was still suspended
};

Udev LibDeviceMapper::udev_of(const std::string& name) const {
  if (const auto known = udev_.find(name); known != udev_.end()) return known->second;
  if (device_names::hidden(name)) return Udev::hidden;
  return name.find('@') == std::string::npos ? Udev::visible : Udev::low_priority;
}

void LibDeviceMapper::mark_suspended(const std::string& name, bool suspended) {
  if (suspended) {
    suspended_.insert(name);
  } else {
    suspended_.erase(name);
  }
  libdm_log::mute(!suspended_.empty());
}

Status LibDeviceMapper::create_empty(const Spec& spec) {
  Task task = TC_TRY(Task::make(DM_DEVICE_CREATE, spec.name));
  if (!spec.uuid.empty()) TC_CHECK(task.prepared(dm_task_set_uuid(task.get(), spec.uuid.c_str())));
  auto created = task.run("cannot create the device");
  if (!created && created.error().sys == EBUSY) {  // dm_hash_insert: the name or the uuid is in use
    if (!spec.uuid.empty()) {
      const auto holder = query::find_uuid(spec.uuid);
      if (holder && *holder && **holder != spec.name) return renamed_by_hand(**holder, spec.name);
    }
    Error error = in_words(created.error(), "there is a device of this name or uuid already");
    error.code = Code::exists;
    return tl::unexpected(std::move(error));
  }
  return created;
}

Status LibDeviceMapper::create(const Spec& spec) {
  TC_CHECK(create_empty(spec));
  udev_[spec.name] = spec.udev;
  Status done = reload(spec.name, spec.table, spec.read_only);
#ifdef TCLONE_FAULTS
  if (done) done = fault::point("dm.loaded");
#endif
  if (done) done = resume(spec.name);
  if (done) done = ensure_node(spec.name);
  if (done) return done;

  Error error = std::move(done).error();
  if (auto removed = remove(spec.name, std::chrono::seconds(2)); !removed) {
    error.why += "; and what was begun could not be removed: " + removed.error().text();
  }
  return tl::unexpected(std::move(error));
}

Status LibDeviceMapper::reload(const std::string& name, const Table& table, bool read_only) {
  Task task = TC_TRY(Task::make(DM_DEVICE_RELOAD, name));
  TC_CHECK(task.prepared(dm_task_secure_data(task.get())));
  if (read_only) TC_CHECK(task.prepared(dm_task_set_ro(task.get())));
  for (const Target& target : table) {
    TC_CHECK(task.prepared(
        dm_task_add_target(task.get(), target.start.n, target.length.n, target.type.c_str(), target.params.c_str())));
  }
  auto loaded = task.run("cannot load its table");
  if (!loaded) loaded.error().next = "the kernel log (dmesg) says which part it refused";
  return loaded;
}

Status LibDeviceMapper::suspend(const std::string& name, Suspend how) {
  Task task = TC_TRY(Task::make(DM_DEVICE_SUSPEND, name));
  if (how == Suspend::quick) {
    TC_CHECK(task.prepared(dm_task_skip_lockfs(task.get())));
    TC_CHECK(task.prepared(dm_task_no_flush(task.get())));
  }
  auto suspended = task.run("cannot suspend it");
  if (!suspended && suspended.error().sys == EBUSY &&
      how == Suspend::freeze) {  // freeze_super() in the kernel's fs/super.c
    suspended.error().why = "the filesystem on it is frozen already";
    suspended.error().next = "thaw it (`fsfreeze --unfreeze`): tclone freezes it itself";
  }
  TC_CHECK(suspended);
  mark_suspended(name, true);
  return {};
}

Status LibDeviceMapper::resume(const std::string& name) {
  Task task = TC_TRY(Task::make(DM_DEVICE_RESUME, name));
  pending_.attach(task.get(), udev_flags(udev_of(name)));
  auto resumed = task.run("cannot resume it");
  // A failed resume stays marked: were it not, the wait below could hang on it.
  if (resumed || resumed.error().sys == ENXIO) mark_suspended(name, false);
  if (suspended_.empty()) pending_.wait();
  return resumed;
}

Status LibDeviceMapper::remove_once(const std::string& name) {
  Task task = TC_TRY(Task::make(DM_DEVICE_REMOVE, name));
  UdevCookie cookie;
  cookie.attach(task.get(), udev_flags(udev_of(name)));
  return task.run("cannot remove it");
}

Status LibDeviceMapper::remove(const std::string& name, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience;
  std::chrono::milliseconds nap{25};
  for (;;) {
    auto removed = remove_once(name);
    if (removed || removed.error().sys == ENXIO) {
      udev_.erase(name);
      mark_suspended(name, false);
      return {};
    }
    if (removed.error().sys != EBUSY) return removed;
    if (Clock::now() + nap > deadline) {
      Error error = std::move(removed).error();
      const auto now = query::info(name);
      const int count = now && *now ? (*now)->open_count : 0;
      error.why = "cannot remove it: it is still open (" + std::to_string(count) + " times)";
      error.next = "`dmsetup ls --tree` and `lsof` show by what; `tclone doctor` knows devices that were renamed";
      return tl::unexpected(std::move(error));
    }
    std::this_thread::sleep_for(nap);
    nap = std::min(nap * 2, std::chrono::milliseconds(200));
  }
}

Status LibDeviceMapper::rename(const std::string& from, const std::string& to) {
  if (!device_names::valid(to)) return fail(Code::usage, to, "is no name that device-mapper can take");
  Task task = TC_TRY(Task::make(DM_DEVICE_RENAME, from));
  TC_CHECK(task.prepared(dm_task_set_newname(task.get(), to.c_str())));
  const Udev udev = udev_of(from);
  {
    UdevCookie cookie;
    cookie.attach(task.get(), udev_flags(udev));
    auto renamed = task.run("cannot rename it");
    if (!renamed && renamed.error().sys == EBUSY) {
      Error error = in_words(renamed.error(), "cannot rename it: there is a device named " + to);
      error.code = Code::exists;
      return tl::unexpected(std::move(error));
    }
    if (!renamed) return renamed;
  }
  udev_.erase(from);
  udev_[to] = udev;
  return ensure_node(to);
}

Status LibDeviceMapper::message(const std::string& name, const std::string& text) {
  Task task = TC_TRY(Task::make(DM_DEVICE_TARGET_MSG, name));
  TC_CHECK(task.prepared(dm_task_set_sector(task.get(), 0)));
  TC_CHECK(task.prepared(dm_task_set_message(task.get(), text.c_str())));
  return task.run(("the thin-pool refuses the message \"" + text + "\"").c_str());
}

Result<PoolStatus> LibDeviceMapper::pool_status(const std::string& name, Limit limit) {
  auto parsed =
      parse_pool_status(TC_TRY(limit ? status_within(name, "thin-pool", *limit) : query::status(name, "thin-pool")));
  if (!parsed) parsed.error().object = name;
  return parsed;
}

Result<ThinStatus> LibDeviceMapper::thin_status(const std::string& name, Limit limit) {
  auto parsed = parse_thin_status(TC_TRY(limit ? status_within(name, "thin", *limit) : query::status(name, "thin")));
  if (!parsed) parsed.error().object = name;
  return parsed;
}

// In a container /dev may be one that udev does not fill; a stale node of another device is replaced too.
Status LibDeviceMapper::ensure_node(const std::string& name) {
  const auto now = TC_TRY(query::info(name));
  if (!now) return fail_errno(ENXIO, name, "the device vanished while it was set up");
  const dev_t wanted = makedev(now->major, now->minor);
  const auto present = [&] {
    struct stat node {};
    return stat(path(name).c_str(), &node) == 0 && S_ISBLK(node.st_mode) && node.st_rdev == wanted;
  };
  if (present()) return {};
  Task task = TC_TRY(Task::make(DM_DEVICE_MKNODES, name));
  TC_CHECK(task.run("cannot make its device node"));
  dm_task_update_nodes();
  if (present()) return {};
  return fail(Code::failed, path(name), "the device node did not appear", "is /dev writable, and is udev running?");
}

Result<std::unique_ptr<DeviceMapper::Guard>> LibDeviceMapper::guard(std::span<const std::string> names,
                                                                    std::chrono::milliseconds limit) {
  std::vector<DeviceNumber> devices;
  for (const std::string& name : names) {
    const auto now = TC_TRY(query::info(name));
    if (!now) return fail_errno(ENXIO, name, "there is no such device to guard");
    devices.push_back({now->major, now->minor});
  }
  return start_guard(devices, limit);
}

}  // namespace

Result<std::unique_ptr<DeviceMapper>> open_device_mapper() {
  TC_CHECK(load_library());
  libdm_log::route();
  dm_set_name_mangling_mode(DM_STRING_MANGLING_NONE);  // device_names::valid() keeps out what would need it
  TC_CHECK(kernel::require_driver());
  return std::make_unique<LibDeviceMapper>();
}

}  // namespace tclone::dm
