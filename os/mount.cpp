// SPDX-License-Identifier: GPL-2.0-or-later
// Mounting through libmount: no fstab, no helpers, no table of its own.
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "base/units.h"
#include "os/filesystem.h"
#include "os/library.h"
#include "os/probe.h"

namespace tclone::os {
namespace {

struct ContextFree {
  void operator()(libmnt_context* context) const noexcept { mnt_free_context(context); }
};
struct TableFree {
  void operator()(libmnt_table* table) const noexcept { mnt_unref_table(table); }
};
struct IterFree {
  void operator()(libmnt_iter* iter) const noexcept { mnt_free_iter(iter); }
};
struct CharsFree {
  void operator()(char* chars) const noexcept { std::free(chars); }
};
using Context = std::unique_ptr<libmnt_context, ContextFree>;
using Table = std::unique_ptr<libmnt_table, TableFree>;
using Iter = std::unique_ptr<libmnt_iter, IterFree>;
using Chars = std::unique_ptr<char, CharsFree>;

constexpr const char* kMountinfo = "/proc/self/mountinfo";

/// Calls visit(target, device number) for every mount of this namespace, the newest last.
template <class Visit>
Status each_mount(Visit visit) {
  TC_CHECK(load_libmount());
  errno = 0;
  const Table table(mnt_new_table_from_file(kMountinfo));
  const Iter iter(mnt_new_iter(MNT_ITER_FORWARD));
  if (!table || !iter) return fail_errno(errno != 0 ? errno : EIO, kMountinfo, "cannot be read");
  libmnt_fs* entry = nullptr;
  while (mnt_table_next_fs(table.get(), iter.get(), &entry) == 0) {
    const char* target = mnt_fs_get_target(entry);
    if (target != nullptr) visit(std::string_view(target), mnt_fs_get_devno(entry));
  }
  return {};
}

/// The folder as mountinfo spells it. A filesystem that has shut itself down answers EIO for its own root, so then
/// only the way to it is resolved.
std::optional<std::string> resolved(const std::string& folder) {
  if (const Chars whole(::realpath(folder.c_str(), nullptr)); whole) return std::string(whole.get());
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  std::string path = folder;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const Chars head(::realpath(parent.c_str(), nullptr));
  if (!head) return std::nullopt;
  const std::string base(head.get());
  return (base == "/" ? "" : base) + "/" + path.substr(slash == std::string::npos ? 0 : slash + 1);
}

struct Mounted {
  std::string target;
  dev_t device = 0;
};

/// The topmost mount at a folder, if there is one.
Result<std::optional<Mounted>> mounted_at(const std::string& folder) {
  const auto path = resolved(folder);
  if (!path) return std::nullopt;
  std::optional<Mounted> found;
  TC_CHECK(each_mount([&](std::string_view target, dev_t device) {
    if (target == *path) found = Mounted{std::string(target), device};
  }));
  return found;
}

/// Options that would make a different operation of the mount.
Status check_options(const std::string& options) {
  constexpr std::array<std::string_view, 13> kRefused{"bind",     "rbind",      "move",       "remount", "loop",
                                                      "shared",   "rshared",    "slave",      "rslave",  "private",
                                                      "rprivate", "unbindable", "runbindable"};
  for (std::size_t at = 0; at <= options.size();) {
    const std::size_t end = std::min(options.find(',', at), options.size());
    const std::string_view option = std::string_view(options).substr(at, end - at);
    for (const auto refused : kRefused) {
      if (option == refused || (option.substr(0, option.find('=')) == "loop" && refused == "loop")) {
        return fail(Code::usage, std::string(option), "this mount option cannot be used here");
      }
    }
    at = end + 1;
  }
  return {};
}

/// \param frozen  the device itself cannot be written
std::string options_for(const MountRequest& request, FsKind kind, bool frozen) {
  std::string out = request.options;
  const auto add = [&out](const char* more) { out += (out.empty() ? "" : ",") + std::string(more); };
  if (request.read_only) add("ro");
  if (request.read_only && frozen) {
    // Replaying a journal writes, which a read-only device refuses. What a version holds needs no replay: it was
    // frozen when it was taken. A volume needs one after a crash, read-only or not.
    if (kind == FsKind::ext4) add("noload");
    if (kind == FsKind::xfs) add("norecovery");
  }
  // norecovery and nouuid go together: a version is a copy of a volume by definition.
  if (kind == FsKind::xfs && (request.duplicate_uuid || request.read_only)) add("nouuid");
  return out;
}

tl::unexpected<Error> mount_failed(libmnt_context* context, int rc, const MountRequest& request) {
  std::array<char, 512> message{};
  static_cast<void>(mnt_context_get_excode(context, rc, message.data(), message.size()));
  const int sys =
      mnt_context_syscall_called(context) == 1 ? mnt_context_get_syscall_errno(context) : (rc < 0 ? -rc : 0);
  const std::string why = message[0] != '\0' ? std::string(message.data()) : std::string("cannot be mounted");
  Error error{sys != 0 ? code_of_errno(sys) : Code::failed, {}, request.device,
              "mounting on " + request.folder + ": " + why, {}, sys};
  if (sys == EINVAL || sys == EUCLEAN || sys == EIO) error.next = "the kernel log (dmesg) says more";
  const auto facts = block_facts(request.device);
  if (facts && facts->read_only && !request.read_only) {
    error.code = Code::usage;  // the kernel says EACCES, which has nothing to do with keys or permissions here
    error.next = "mount it read-only";
  }
  if (const auto known = signature(request.device); sys == EINVAL && known && !*known) {
    error.why = "it has no filesystem";
    error.next = "make one first, for instance with `mkfs.ext4 " + request.device + "`";
  }
  const auto block = filesystem_block(request.device);
  if (sys == EINVAL && facts && block && *block != 0 && *block < facts->logical_sector) {
    error.why = "its filesystem has blocks of " + format_size(Bytes{*block}) +
                ", smaller than the device's sectors of " + format_size(Bytes{facts->logical_sector});
    error.next = "copy the image into a pool made with --sector-size 512";
  }
  return tl::unexpected(std::move(error));
}

}  // namespace

Status mount(const MountRequest& request) {
  TC_CHECK(check_options(request.options));
  const FsKind kind = request.kind != FsKind::none ? request.kind : TC_TRY(filesystem(request.device));
  TC_CHECK(load_libmount());
  const Context context(mnt_new_context());
  if (!context) return fail_errno(ENOMEM, request.device, "no memory to mount it");
  const auto facts = block_facts(request.device);
  const std::string options = options_for(request, kind, facts && facts->read_only);
  libmnt_context* c = context.get();
  int rc = mnt_context_disable_helpers(c, 1);
  if (rc == 0) rc = mnt_context_disable_mtab(c, 1);
  if (rc == 0) rc = mnt_context_set_optsmode(c, MNT_OMODE_NOTAB);
  // A device that cannot be written must not be mounted read-only by surprise.
  if (rc == 0) rc = mnt_context_enable_rwonly_mount(c, 1);
  if (rc == 0) rc = mnt_context_set_source(c, request.device.c_str());
  if (rc == 0) rc = mnt_context_set_target(c, request.folder.c_str());
  if (rc == 0 && kind != FsKind::none) rc = mnt_context_set_fstype(c, kind == FsKind::xfs ? "xfs" : "ext4");
  if (rc == 0 && !options.empty()) rc = mnt_context_set_options(c, options.c_str());
  if (rc != 0) return fail_errno(-rc, request.device, "the mount cannot be prepared");
  rc = mnt_context_mount(c);
  if (rc != 0) return mount_failed(c, rc, request);
  return {};
}

Status unmount(const std::string& folder) {
  const auto found = TC_TRY(mounted_at(folder));
  if (!found) return fail(Code::not_found, folder, "nothing is mounted there");
  if (::umount2(found->target.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  const int sys = errno;
  if (sys != EBUSY) return fail_errno(sys, folder, "cannot be unmounted");
  // That it is mounted here goes without saying; the other users are the answer.
  std::vector<Holder> others;
  for (auto& holder : holders(major(found->device), minor(found->device))) {
    if (holder.pid != 0 || holder.where != found->target || !holder.note.empty()) others.push_back(std::move(holder));
  }
  return fail(Code::busy, folder, in_use_text(others), "stop what uses it and try again", sys);
}

Result<std::vector<std::string>> mount_points(std::uint32_t major, std::uint32_t minor) {
  std::vector<std::string> out;
  TC_CHECK(each_mount([&](std::string_view target, dev_t device) {
    if (device == makedev(major, minor)) out.emplace_back(target);
  }));
  return out;
}

Result<Mounts> mounts() {
  Mounts out;
  TC_CHECK(each_mount(
      [&](std::string_view target, dev_t device) { out.emplace(std::pair(major(device), minor(device)), target); }));
  return out;
}

Result<std::optional<DeviceNumber>> mounted_device(const std::string& folder) {
  const auto found = TC_TRY(mounted_at(folder));
  if (!found) return std::nullopt;
  return DeviceNumber(major(found->device), minor(found->device));
}

}  // namespace tclone::os
