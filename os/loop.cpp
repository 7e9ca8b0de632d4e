// SPDX-License-Identifier: GPL-2.0-or-later
// Loop devices, see loop(4). LOOP_CONFIGURE (Linux 5.8) sets file, flags and size in one step.
#include "os/loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>

#include "base/log.h"
#include "os/filesystem.h"
#include "os/probe.h"

namespace tclone::os {
namespace {

constexpr int kAttempts = 64;
constexpr std::uint32_t kDefaultSector = 512;

struct DirClose {
  void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

Result<Loop> described(UniqueFd fd, std::string path) {
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, path, "cannot be looked at");
  Loop loop;
  loop.path = std::move(path);
  loop.major = major(st.st_rdev);
  loop.minor = minor(st.st_rdev);
  loop.fd = std::move(fd);
  return loop;
}

bool same_file(const loop_info64& info, const struct stat& file) {
  // The kernel encodes lo_device as glibc does for every number that fits 12:20 bits (new_encode_dev).
  return major(info.lo_device) == major(file.st_dev) && minor(info.lo_device) == minor(file.st_dev) &&
         info.lo_inode == file.st_ino;
}

/// Calls `see` with each loop device that shows the file or a piece of it, until it says that it has seen enough.
void each_loop_of(const struct stat& file,
                  const std::function<bool(UniqueFd fd, const std::string& path, const loop_info64& info)>& see) {
  const std::unique_ptr<DIR, DirClose> dir(::opendir("/sys/block"));
  if (!dir) return;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string name(entry->d_name);
    if (name.rfind("loop", 0) != 0) continue;
    // Unbound ones have no such folder: they need not be opened.
    if (::access(("/sys/block/" + name + "/loop/backing_file").c_str(), F_OK) != 0) continue;
    const std::string path = "/dev/" + name;
    // One that is read-only refuses to be opened for writing.
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    loop_info64 info{};
    if (!fd || ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) != 0 || !same_file(info, file)) continue;
    if (see(std::move(fd), path, info)) return;
  }
}

/// An open loop device that already shows the whole file, writable. Holding it open keeps autoclear from taking it
/// away; one that is just going away answers ENXIO here and is passed over.
std::optional<Loop> attached(const struct stat& file) {
  std::optional<Loop> out;
  each_loop_of(file, [&](const UniqueFd&, const std::string& path, const loop_info64& info) {
    if (info.lo_offset != 0 || info.lo_sizelimit != 0 || (info.lo_flags & LO_FLAGS_READ_ONLY) != 0) return false;
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return false;
    auto loop = described(std::move(fd), path);
    if (!loop) return false;
    log::debug(path + " shows the file already" +
               ((info.lo_flags & LO_FLAGS_AUTOCLEAR) == 0 ? ", set up by somebody else to stay" : ""));
    out = std::move(*loop);
    return true;
  });
  return out;
}

/// Direct I/O needs loop sectors no smaller than those of the device below the file (__loop_update_dio).
std::uint32_t sector_below(const struct stat& file) {
  const std::string device =
      "/sys/dev/block/" + std::to_string(major(file.st_dev)) + ":" + std::to_string(minor(file.st_dev));
  for (const char* queue : {"/queue/logical_block_size", "/../queue/logical_block_size"}) {
    std::uint32_t size = 0;
    std::ifstream in(device + queue);
    if (in >> size && size > kDefaultSector && size <= 4096) return size;
    if (size != 0) break;
  }
  return kDefaultSector;
}

Result<UniqueFd> open_control() {
  constexpr const char* kControl = "/dev/loop-control";
  for (const bool loaded : {false, true}) {
    UniqueFd fd(::open(kControl, O_RDWR | O_CLOEXEC));
    if (fd) return fd;
    if (errno != ENOENT && errno != ENODEV && errno != ENXIO) return fail_errno(errno, kControl, "cannot be opened");
    if (!loaded) {
      if (const auto tried = run({"modprobe", "loop"}, 30); !tried) log::debug(tried.error().text());
    }
  }
  return fail(Code::kernel, kControl, "the kernel has no loop devices", "load the module loop");
}

int configure(int loop, int file, std::uint32_t sector, bool direct) {
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(file);
  config.block_size = sector == kDefaultSector ? 0 : sector;
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (direct) config.info.lo_flags |= LO_FLAGS_DIRECT_IO;
  int rc = 0;
  do {
    rc = ::ioctl(loop, LOOP_CONFIGURE, &config);
  } while (rc != 0 && errno == EINTR);
  return rc;
}

/// Some filesystems (overlayfs over tmpfs) accept direct I/O when the loop is set up and fail every request later: one
/// read tells, and the page cache is used where it fails.
void settle_direct_io(const Loop& loop) {
  alignas(4096) static std::array<char, 4096> block;
  const UniqueFd fd(::open(loop.path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (fd && ::pread(fd.get(), block.data(), block.size(), 0) < 0 && errno == EIO) {
    static_cast<void>(::ioctl(loop.fd.get(), LOOP_SET_DIRECT_IO, 0UL));
  }
}

/// The kernel may also say yes and use the page cache all the same.
void tell_if_buffered(const Loop& loop, const std::string& file) {
  loop_info64 info{};
  if (::ioctl(loop.fd.get(), LOOP_GET_STATUS64, &info) == 0 && (info.lo_flags & LO_FLAGS_DIRECT_IO) == 0) {
    log::debug(file + ": its filesystem has no direct I/O, so " + loop.path + " goes through the page cache");
  }
}

Result<Loop> attach_free(int control, int file_fd, const std::string& file, std::uint32_t sector) {
  bool direct = true;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) return fail_errno(errno, file, "no free loop device");
    const std::string path = "/dev/loop" + std::to_string(number);
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) {
      // The node of a new number is made by udev or devtmpfs, which may lag a little.
      if (errno != ENOENT && errno != ENXIO && errno != ENODEV) return fail_errno(errno, path, "cannot be opened");
      if (attempt + 1 == kAttempts) {
        return fail(Code::kernel, path, "the loop device has no node", "is devtmpfs mounted on /dev?");
      }
      ::usleep(20'000);
      continue;
    }
    if (configure(fd.get(), file_fd, sector, direct) == 0) {
      auto loop = described(std::move(fd), path);
      if (loop) {
        settle_direct_io(*loop);
        tell_if_buffered(*loop, file);
      }
      return loop;
    }
    if (errno == EBUSY) continue;  // somebody was faster
    if (errno == EINVAL && direct) {
      direct = false;
      sector = kDefaultSector;
      continue;
    }
    if (errno == ENOTTY) return fail(Code::kernel, path, "the kernel is older than 5.8 (no LOOP_CONFIGURE)");
    return fail_errno(errno, file, "cannot be attached to " + path);
  }
  return fail(Code::busy, file, "other programs keep taking the free loop devices", "try again");
}

}  // namespace

Result<Loop> attach(const std::string& file) {
  // O_NONBLOCK: a FIFO put there by mistake must not hang the open.
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno(errno, file, "cannot be opened for writing");
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, file, "cannot be looked at");
  if (!S_ISREG(st.st_mode)) return fail(Code::usage, file, "not a regular file");
  if (auto already = attached(st)) return std::move(*already);
  const UniqueFd control = TC_TRY(open_control());
  return attach_free(control.get(), fd.get(), file, sector_below(st));
}

Status claimable_file(const std::string& file) {
  struct stat st {};
  if (::stat(file.c_str(), &st) != 0) return fail_errno(errno, file, "cannot be looked at");
  Status out;
  each_loop_of(st, [&](const UniqueFd& loop, const std::string& path, const loop_info64&) {
    const UniqueFd claim(::open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
    if (claim || errno != EBUSY) return false;
    struct stat node {};
    std::vector<Holder> found;
    if (::fstat(loop.get(), &node) == 0) found = holders(major(node.st_rdev), minor(node.st_rdev));
    out = fail(Code::busy, file, "behind " + path + " it is " + in_use_text(found), kFreeFirst, EBUSY);
    return true;
  });
  return out;
}

Status refresh_size(const std::string& loop_path) {
  const UniqueFd fd(::open(loop_path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(errno, loop_path, "cannot be opened");
  if (::ioctl(fd.get(), LOOP_SET_CAPACITY) != 0) return fail_errno(errno, loop_path, "does not take its new size");
  return {};
}

}  // namespace tclone::os
