// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/machine.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "model/device_names.h"
#include "os/block_io.h"

namespace tclone::lab::model {
namespace {

using namespace std::chrono_literals;
namespace files = std::filesystem;

constexpr Bytes kFirstSize{512ULL << 20U}, kStep{48ULL << 20U};

void empty_folder(const char* folder) {
  std::error_code none;
  for (const auto& entry : files::directory_iterator(folder, none)) files::remove_all(entry.path(), none);
}

void forget_run() { empty_folder("/run/tclone"); }

}  // namespace

Status Machine::table(const std::string& target) {
  const Sectors length = to_sectors(size_);
  const std::string params = target == "linear" ? device_ + " 0" : "";
  TC_CHECK(dm_.reload(kDisk, {{Sectors{0}, length, target, params}}));
  TC_CHECK(dm_.suspend(kDisk, dm::Suspend::quick));
  return dm_.resume(kDisk);
}

Status Machine::take_down() {
  held_.clear();
  const std::string state = std::string("/var/lib/tclone/") + kPool;
  if (::umount2(state.c_str(), 0) != 0) ::umount2(state.c_str(), MNT_DETACH);
  // Each round takes away what nothing stands on any more.
  const auto end = std::chrono::steady_clock::now() + 30s;
  Status last;
  while (true) {
    const auto all = TC_TRY(dm_.list("tclone-"));
    if (all.empty()) return {};
    if (std::chrono::steady_clock::now() > end) {
      return last ? fail(Code::busy, all.front().name, "it cannot be taken down") : last;
    }
    for (const dm::Named& d : all) {
      const auto info = TC_TRY(dm_.info(d.name));
      if (!info) continue;
      if (info->suspended) static_cast<void>(dm_.resume(d.name));
      if (info->open_count == 0) last = dm_.remove(d.name, 0ms);
    }
  }
}

Status Machine::fresh() {
  if (TC_TRY(dm_.info(kDisk))) TC_CHECK(table("error"));
  TC_CHECK(take_down());
  TC_CHECK(dm_.remove(kDisk, 3000ms));
  const UniqueFd fd(::open(device_.c_str(), O_RDWR | O_CLOEXEC));
  std::uint64_t bytes = 0;
  if (!fd || ::ioctl(fd.get(), BLKGETSIZE64, &bytes) != 0) return fail_errno(errno, device_, "cannot ask for its size");
  whole_ = {bytes};
  size_ = std::min(kFirstSize, whole_);
  TC_CHECK(
      dm_.create({kDisk, "", {{Sectors{0}, to_sectors(size_), "linear", device_ + " 0"}}, false, dm::Udev::hidden}));
  // Zeroed at its head, where label and state are looked for, and discarded where that is possible.
  static_cast<void>(os::discard(disk(), {0}, size_));
  TC_CHECK(os::zero(disk(), {0}, kMiB * 2));
  forget_run();
  empty_folder("/etc/tclone/keys");
  empty_folder("/etc/tclone/pools");
  return {};
}

Status Machine::cut() {
  TC_CHECK(table("error"));
  TC_CHECK(take_down());
  {
    // What was cached of the disk may have failed to get there.
    const UniqueFd fd(::open(disk().c_str(), O_RDONLY | O_CLOEXEC));
    if (fd) ::ioctl(fd.get(), BLKFLSBUF, 0);
  }
  forget_run();
  return table("linear");
}

Result<bool> Machine::extend() {
  if (size_ + kStep > whole_) return false;
  size_ = size_ + kStep;
  TC_CHECK(table("linear"));
  return true;
}

Status Machine::remove_disk() {
  held_.clear();
  return dm_.remove(kDisk, 3000ms);
}

Result<std::string> Machine::suspended() {
  // The guard of a command that was killed acts at once; it is given time all the same.
  std::string any;
  for (int round = 0; round < 60; ++round) {
    any.clear();
    for (const dm::Named& d : TC_TRY(dm_.list("tclone-"))) {
      const auto info = TC_TRY(dm_.info(d.name));
      if (info && info->suspended && info->live_table) any += " " + d.name;
    }
    if (any.empty()) return any;
    std::this_thread::sleep_for(200ms);
  }
  return any;
}

Result<std::string> Machine::left_over() {
  std::string out;
  for (const dm::Named& d : TC_TRY(dm_.list("tclone-"))) out += " device " + d.name;
  std::error_code none;
  for (const char* folder : {"/etc/tclone/keys", "/etc/tclone/pools"}) {
    for (const auto& entry : files::directory_iterator(folder, none)) out += " file " + entry.path().string();
  }
  return out;
}

Status Machine::hold(const std::string& volume) {
  const std::string path = dm_.path(device_names::volume(kPool, volume));
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, path, "cannot open it");
  held_[volume] = std::move(fd);
  return {};
}

void Machine::renamed(const std::string& from, const std::string& to) {
  if (auto node = held_.extract(from); !node.empty()) {
    node.key() = to;
    held_.insert(std::move(node));
  }
}

}  // namespace tclone::lab::model
