// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <chrono>

#include "base/fd.h"
#include "os/filesystem.h"

namespace tclone::os {
namespace {

using namespace std::chrono_literals;
constexpr int kRounds = 3;
constexpr auto kShort = 50ms;

/// The filesystem of that device, by any folder it is mounted on and nothing hides.
UniqueFd open_mounted(std::uint32_t major, std::uint32_t minor) {
  const auto folders = mount_points(major, minor);
  for (const std::string& folder : folders ? *folders : std::vector<std::string>{}) {
    UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat st {};
    if (fd && ::fstat(fd.get(), &st) == 0 && st.st_dev == makedev(major, minor)) return fd;
  }
  return {};
}

}  // namespace

void write_out(std::uint32_t major, std::uint32_t minor, const std::string& device) {
  const UniqueFd mounted = open_mounted(major, minor);
  const UniqueFd raw(mounted ? -1 : ::open(device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!mounted && !raw) return;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    if ((mounted ? ::syncfs(mounted.get()) : ::fsync(raw.get())) != 0) return;
    if (std::chrono::steady_clock::now() - start < kShort) return;
  }
}

}  // namespace tclone::os
