// SPDX-License-Identifier: GPL-2.0-or-later
// Who uses a block device, for messages. See proc_pid_fd(5), proc_pid_mountinfo(5), proc_pid_maps(5).
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "base/fd.h"
#include "os/probe.h"

namespace tclone::os {
namespace {

constexpr std::size_t kMost = 32;

struct DirClose {
  void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

/// Names in a folder without "." and ".."; empty when it cannot be read.
std::vector<std::string> entries(const std::string& folder) {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, DirClose> dir(::opendir(folder.c_str()));
  if (!dir) return out;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string name(entry->d_name);
    if (name != "." && name != "..") out.push_back(std::move(name));
  }
  return out;
}

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string link_target(const std::string& path) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::readlink(path.c_str(), buffer.data(), buffer.size());
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
}

/// Undoes the octal escapes ("\040") of mountinfo and swaps.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 3, value, 8).ptr == &text[i + 1] + 3) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

class Search {
 public:
  Search(std::uint32_t major, std::uint32_t minor) : major_(major), minor_(minor) {}

  std::vector<Holder> run() {
    own_mounts();
    stacked();
    swaps();
    for (const auto& name : entries("/proc")) {
      if (over()) break;
      int pid = 0;
      const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
      if (parsed.ptr != name.data() + name.size() || pid <= 0) continue;
      foreign_mounts(pid);
      if (pid != ::getpid()) process(pid);
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool over() const { return found_.size() >= kMost || std::chrono::steady_clock::now() > deadline_; }
  void add(Holder holder) {
    if (found_.size() < kMost) found_.push_back(std::move(holder));
  }

  void mounts_in(const std::string& mountinfo, const std::string& note) {
    const std::string number = std::to_string(major_) + ":" + std::to_string(minor_);
    std::ifstream in(mountinfo);
    for (std::string line; std::getline(in, line) && !over();) {
      std::istringstream words(line);
      std::string id, parent, device, root, where;
      if (words >> id >> parent >> device >> root >> where && device == number) {
        add({0, "mount", unescape(where), note});
      }
    }
  }
  void own_mounts() {
    namespaces_.insert(link_target("/proc/self/ns/mnt"));
    mounts_in("/proc/self/mountinfo", {});
  }
  void foreign_mounts(int pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    const std::string space = link_target(folder + "/ns/mnt");
    if (space.empty() || !namespaces_.insert(space).second) return;
    mounts_in(folder + "/mountinfo", "(in another mount namespace, of process " + std::to_string(pid) + " (" +
                                         first_line(folder + "/comm") + "))");
  }

  void stacked() {
    const std::string folder = "/sys/dev/block/" + std::to_string(major_) + ":" + std::to_string(minor_) + "/holders";
    for (const auto& device : entries(folder)) {
      const std::string name = first_line(folder + "/" + device + "/dm/name");
      add(name.empty() ? Holder{0, "device", device, {}} : Holder{0, "device-mapper device", name, {}});
    }
  }
  void swaps() {
    std::ifstream in("/proc/swaps");
    std::string line;
    std::getline(in, line);  // the heading
    while (std::getline(in, line)) {
      const std::string path = unescape(line.substr(0, line.find_first_of(" \t")));
      struct stat st {};
      if (::stat(path.c_str(), &st) != 0) continue;
      const dev_t device = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
      if (device == makedev(major_, minor_)) add({0, "swap", path, {}});
    }
  }

  /// Is it the node of the device, or does it live on the device's filesystem?
  [[nodiscard]] bool concerns(int folder, const char* name) const {
    struct statx st {};
    // Never asks a server: the file may be on a network filesystem that hangs.
    const int how = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
    if (::statx(folder, name, how, STATX_TYPE, &st) != 0) return false;
    if (S_ISBLK(st.stx_mode)) return st.stx_rdev_major == major_ && st.stx_rdev_minor == minor_;
    return st.stx_dev_major == major_ && st.stx_dev_minor == minor_;
  }
  void process(int pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::string where = by_descriptor(folder);
    if (where.empty()) where = by_mapping(folder);
    if (!where.empty()) add({pid, first_line(folder + "/comm"), where, {}});
  }
  [[nodiscard]] std::string by_descriptor(const std::string& folder) const {
    const UniqueFd proc(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!proc) return {};
    for (const char* name : {"cwd", "root", "exe"}) {
      if (concerns(proc.get(), name)) return link_target(folder + "/" + name);
    }
    for (const auto& number : entries(folder + "/fd")) {
      const std::string name = "fd/" + number;
      if (concerns(proc.get(), name.c_str())) return link_target(folder + "/" + name);
      if (over()) break;
    }
    return {};
  }
  /// A mapped file keeps its filesystem busy after its descriptor is closed.
  [[nodiscard]] std::string by_mapping(const std::string& folder) const {
    std::array<char, 32> number{};
    std::snprintf(number.data(), number.size(), "%02x:%02x", major_, minor_);
    std::ifstream in(folder + "/maps");
    for (std::string line; std::getline(in, line) && !over();) {
      std::istringstream words(line);
      std::string range, permissions, offset, device, inode, path;
      if (!(words >> range >> permissions >> offset >> device >> inode) || device != number.data()) continue;
      std::getline(words >> std::ws, path);
      return path;
    }
    return {};
  }

  std::uint32_t major_, minor_;
  std::vector<Holder> found_;
  std::set<std::string> namespaces_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

}  // namespace

std::string Holder::text() const {
  std::string out;
  if (pid != 0) {
    out = "process " + std::to_string(pid) + " (" + command + ") with " + where + " open";
  } else if (command == "mount") {
    out = "mounted at " + where;
  } else {
    out = command + " " + where;
  }
  return note.empty() ? out : out + " " + note;
}

std::vector<Holder> holders(std::uint32_t major, std::uint32_t minor) { return Search(major, minor).run(); }

std::string in_use_text(const std::vector<Holder>& found) {
  if (found.empty()) return "in use, but no holder was found";
  constexpr std::size_t kNamed = 4;
  std::string out = "in use: ";
  for (std::size_t i = 0; i < std::min(found.size(), kNamed); ++i) out += (i == 0 ? "" : "; ") + found[i].text();
  if (found.size() > kNamed) out += "; and " + std::to_string(found.size() - kNamed) + " more";
  return out;
}

}  // namespace tclone::os
