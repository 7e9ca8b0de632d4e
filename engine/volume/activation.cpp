// SPDX-License-Identifier: GPL-2.0-or-later
// activate, deactivate, mount, umount, path: nothing here changes a record.
#include "engine/volume/activation.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/fault.h"
#include "base/log.h"
#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/operation.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/pins.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "os/filesystem.h"

namespace tclone::engine {
namespace {

struct Found {
  std::string device;     ///< what is there to be used
  std::string mountable;  ///< what is mounted
  FsKind fs = FsKind::none;
  std::optional<VersionRef> version;
};

Result<Found> find_mountable(Session& s, const std::string& name) {
  const names::Target target = TC_TRY(names::parse_target(name));
  if (target.has_version()) {
    const Version v = TC_TRY(find_version(s, target));
    return Found{device_of(s, v.ref()), view_of(s, v.ref()), v.fs, v.ref()};
  }
  const Volume v = TC_TRY(find_volume(s, name));
  return Found{device_of(s, v), device_of(s, v), v.fs, {}};
}

Status activate_one(Session& s, Work& w, const std::string& name, bool pinned) {
  const names::Target target = TC_TRY(names::parse_target(name));
  if (target.has_version()) {
    const Version v = TC_TRY(find_version(s, target));
    TC_TRY(activate_version(s, w, v.ref()));
    return pinned ? pin(s, v.ref()) : Status{};
  }
  const Volume v = TC_TRY(find_volume(s, name));
  return activate_volume(s, w, v, TC_TRY(s.store.vault(v.vault)));
}

/// Whether devices of this pool stand on the version. busy: something else uses it.
Result<bool> stood_on(Session& s, const VersionRef& version) {
  TC_CHECK(refuse_if_mounted(s, version));
  const auto info = TC_TRY(info_of(s, version));
  if (!info || info->open_count == 0) return false;
  auto held = s.env.holders(info->major, info->minor);
  const auto ours = [&](const os::Holder& h) {
    return h.pid == 0 && h.where.starts_with(device_names::prefix(s.pool));
  };
  if (std::erase_if(held, ours) == 0) {
    TC_CHECK(refuse_if_held(s, version));
    return false;
  }
  return true;
}

Status deactivate_one(Session& s, Work& w, const std::string& name) {
  const names::Target target = TC_TRY(names::parse_target(name));
  if (target.has_version()) {
    const Version v = TC_TRY(find_version(s, target));
    const bool clones = TC_TRY(stood_on(s, v.ref()));
    if (!s.env.dry_run) unpin(s, v.ref());
    w.unused_versions.insert(v.ref().text());
    if (clones) {
      return fail(Code::busy, "version " + v.ref().text(), "active clones stand on it",
                  "it goes by itself when the last of them is deactivated", EBUSY);
    }
    return {};
  }
  const Volume v = TC_TRY(find_volume(s, name));
  return s.env.dry_run ? refuse_if_held(s, v) : deactivate_volume(s, w, v);
}

/// Every name in turn; `failed` gets the error of each that could not be done.
Result<Outcome> for_each(Env& env, const Activation& r, const std::string& verb,
                         const std::function<Status(Session&, Work&, const std::string&)>& act,
                         std::vector<Error>& failed) {
  failed.clear();
  Work w;
  Session s = TC_TRY(begin_change(env, w, r.pool));
  std::vector<std::string> names = r.names;
  if (r.all) names = TC_TRY(s.store.volume_names());
  Outcome out;
  out.operation = verb;
  for (const std::string& name : names) out.operation += " " + name;
  if (!names.empty()) out.name = names.front();
  if (env.dry_run) {
    for (const std::string& name : names) {
      if (!r.all) TC_TRY(find_mountable(s, name));
      // It looks only, in a dry run.
      if (auto refused = verb == "deactivate" ? act(s, w, name) : Status{}; !refused) {
        refused.error().attempted = verb + " " + name;
        return tl::unexpected(refused.error());
      }
      out.steps.push_back({verb + " " + name, 0});
    }
    return out;
  }
  WorkMark mark = TC_TRY(WorkMark::set(s));
  for (const std::string& name : names) {
    if (env.stop()) {
      TC_CHECK(close_or_leave(s, w, mark));
      return fail(Code::failed, name, "interrupted");
    }
    const auto start = std::chrono::steady_clock::now();
    auto done = act(s, w, name);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    out.steps.push_back({verb + " " + name, took.count()});
    if (done) {
      env.asked.drop_opened();
      continue;
    }
    if (env.asked.wanted()) {
      TC_CHECK(close_or_leave(s, w, mark));
      return tl::unexpected(done.error());
    }
    if (done.error().attempted.empty()) done.error().attempted = verb + " " + name;
    explain_record(done.error());
    failed.push_back(done.error());
  }
  TC_CHECK(close_or_leave(s, w, mark));
  if (names.size() == 1 && failed.empty()) {
    const names::Target target = TC_TRY(names::parse_target(names.front()));
    const std::string device = target.has_version() ? device_of(s, TC_TRY(find_version(s, target)).ref())
                                                    : device_names::volume(s.pool, names.front());
    if (TC_TRY(env.dm.info(device))) out.device = env.dm.path(device);
  }
  return out;
}

/// The first error is the result; the others are said as well.
Result<Outcome> first_of(Result<Outcome> out, const std::vector<Error>& failed) {
  if (!out || failed.empty()) return out;
  for (auto other = failed.begin() + 1; other != failed.end(); ++other) log::warn(other->text());
  return tl::unexpected(failed.front());
}

Result<Outcome> activate_each(Env& env, const Activation& r, std::vector<Error>& failed) {
  const auto one = [](Session& s, Work& w, const std::string& n) { return activate_one(s, w, n, true); };
  return attempted(with_secrets(env.asked, [&] { return for_each(env, r, "activate", one, failed); }), "activate");
}

Status make_folder(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, part, "cannot make the folder");
    if (at == std::string::npos) break;
  }
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return fail_errno(errno, path, "cannot look at the folder");
  if (!S_ISDIR(st.st_mode)) return fail(Code::usage, path, "not a folder");
  return {};
}

/// Only what tclone mounts may be unmounted by a folder: not the rest of the machine, nor a pool's own state area.
Status refuse_foreign(Env& env, const std::string& folder) {
  const auto mounted = TC_TRY(os::mounted_device(folder));
  if (!mounted) return fail(Code::not_found, folder, "nothing is mounted there");
  for (const dm::Named& device : TC_TRY(env.dm.list("tclone-"))) {
    if (os::DeviceNumber(device.major, device.minor) == *mounted && !device_names::hidden(device.name)) return {};
  }
  return fail(Code::usage, folder, "what is mounted there is no volume or version of tclone", "use umount(8)");
}

Status unmount_device(Env& env, const std::string& device, const std::string& name, Outcome& out) {
  std::vector<std::string> folders;
  if (const auto info = TC_TRY(env.dm.info(device))) folders = TC_TRY(os::mount_points(info->major, info->minor));
  if (folders.empty()) return fail(Code::not_found, name, "it is not mounted");
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) {
    if (env.dry_run) out.steps.push_back({"unmount " + *it, 0});
    if (!env.dry_run) TC_CHECK(os::unmount(*it));
  }
  return {};
}

Result<Mounted> mount_in(Session& s, Work& w, const Mount& r) {
  const Found what = TC_TRY(find_mountable(s, r.name));
  Mounted out;
  out.folder = r.folder.empty() ? s.env.paths.run + "/" + s.pool + "/mnt/" + r.name : r.folder;
  out.outcome.operation = "mount " + r.name + " on " + out.folder;
  out.outcome.name = r.name;
  out.outcome.device = s.env.dm.path(what.device);
  if (out.folder.front() != '/') return fail(Code::usage, out.folder, "not an absolute path");
  if (s.env.dry_run) {
    out.outcome.steps = {{"activate " + r.name, 0}, {"mount it on " + out.folder, 0}};
    return out;
  }
  WorkMark mark = TC_TRY(WorkMark::set(s));
  auto mounted = [&]() -> Status {
    TC_CHECK(what.version ? activate_view(s, w, *what.version) : activate_one(s, w, r.name, false));
    const auto info = TC_TRY(s.env.dm.info(what.mountable));
    if (!info) return fail(Code::damaged, what.mountable, "the device went away", "try again");
    TC_CHECK(make_folder(out.folder));
    if (const auto there = TC_TRY(os::mounted_device(out.folder))) {
      if (*there != os::DeviceNumber(info->major, info->minor)) {
        return fail(Code::busy, out.folder, "something else is mounted there", "choose another folder");
      }
      struct statvfs how {};
      const bool known = ::statvfs(out.folder.c_str(), &how) == 0;
      const bool read_only = (how.f_flag & ST_RDONLY) != 0;
      if (known && r.read_only && !read_only) {
        return fail(Code::exists, out.folder, "it is mounted there already, and can be written to", "unmount it first");
      }
      // Also what the kernel has made read-only after an error.
      if (known && read_only && !what.version && !r.read_only && r.options.empty()) {
        return fail(Code::exists, out.folder, "it is mounted there already, read-only", "unmount it first");
      }
      out.outcome.changed = false;
      return {};
    }
    os::MountRequest request;
    request.device = s.env.dm.path(what.mountable);
    request.folder = out.folder;
    request.kind = what.fs;
    request.read_only = r.read_only || what.version.has_value();
    request.duplicate_uuid = true;
    request.options = r.options;
    return os::mount(request);
  }();
  if (auto closed = close_or_leave(s, w, mark); !closed && mounted) return tl::unexpected(closed.error());
  if (!mounted) return tl::unexpected(mounted.error());
  return out;
}

}  // namespace

Result<Outcome> activate(Env& env, const Activation& r) {
  std::vector<Error> failed;
  auto out = activate_each(env, r, failed);
  return first_of(std::move(out), failed);
}

Result<Outcome> activate_volumes(Env& env, const std::string& pool) {
  std::vector<Error> failed;
  auto out = activate_each(env, {pool, {}, true}, failed);
  if (out) {
    for (const Error& error : failed) out->warnings.push_back(error.text());
  }
  return out;
}

Result<Outcome> deactivate(Env& env, const Activation& r) {
  std::vector<Error> failed;
  auto out = attempted(for_each(env, r, "deactivate", deactivate_one, failed), "deactivate");
  return first_of(std::move(out), failed);
}

Result<Mounted> mount(Env& env, const Mount& r) {
  const auto run = [&]() -> Result<Mounted> {
    TC_TRY(names::parse_target(r.name));
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    return mount_in(s, w, r);
  };
  return attempted(with_secrets(env.asked, run), "mount " + r.name);
}

Result<Outcome> unmount(Env& env, const Named& r) {
  const auto run = [&]() -> Result<Outcome> {
    Outcome out;
    out.operation = "umount " + r.name;
    out.name = r.name;
    if (r.name.find('/') != std::string::npos) {
      TC_CHECK(refuse_foreign(env, r.name));
      if (env.dry_run) out.steps.push_back({"unmount " + r.name, 0});
      if (!env.dry_run) TC_CHECK(os::unmount(r.name));
      return out;
    }
    TC_TRY(names::parse_target(r.name));
    Work w;
    auto session = begin_change(env, w, r.pool);
    if (!session) {
      const Error& e = session.error();
      if (e.code != Code::damaged && e.sys != EROFS && e.sys != EIO) return tl::unexpected(e);
      // What is broken can be taken down only when nothing in it is mounted.
      auto done = unmount_device(env, device_names::prefix(TC_TRY(resolve_pool(env, r.pool))) + r.name, r.name, out);
      return done ? Result<Outcome>(out) : tl::unexpected(session.error());
    }
    Session s = std::move(*session);
    auto found = find_mountable(s, r.name);
    if (!found && found.error().code == Code::not_found && ::access(r.name.c_str(), F_OK) == 0)
      found.error().next += "; a folder is written with a slash (./" + r.name + ")";
    const Found what = TC_TRY(std::move(found));
    if (!what.version || env.dry_run) {
      TC_CHECK(unmount_device(env, what.mountable, r.name, out));
      return out;
    }
    WorkMark mark = TC_TRY(WorkMark::set(s));
    TC_CHECK(unmount_device(env, what.mountable, r.name, out));
    TCLONE_FAULT_POINT("version.unmounted");
    w.unused_versions = {what.version->text()};
    TC_CHECK(close_or_leave(s, w, mark));
    return out;
  };
  return attempted(run(), "umount " + r.name);
}

Result<std::string> path(Env& env, const Named& r) {
  const auto run = [&]() -> Result<std::string> {
    TC_TRY(names::parse_target(r.name));
    Session s = TC_TRY(Session::look(env, r.pool));
    return env.dm.path(TC_TRY(find_mountable(s, r.name)).device);
  };
  return attempted(run(), "path " + r.name);
}

}  // namespace tclone::engine
