// SPDX-License-Identifier: GPL-2.0-or-later
// What may become part of a pool: nothing that carries anything known, is in use, or is named twice.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "engine/stack/pool_stack.h"
#include "os/block_io.h"
#include "os/probe.h"

namespace tclone::engine {
namespace {

Status refuse_used_head(const Backing& b) {
  const UniqueFd fd(::open(b.device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, b.path, "cannot open it");
  for (const Bytes at : kLabelCopies) {
    std::array<std::byte, kLabelBlock.n> block{};
    const ssize_t got = ::pread(fd.get(), block.data(), block.size(), static_cast<off_t>(at.n));
    if (got < 0) return fail_errno(errno, b.path, "cannot read it");
    if (is_label(block)) {
      return fail(Code::exists, b.path, "it carries the label of a tclone pool",
                  "`tclone pool import` it, or use --force to make a new pool over it");
    }
    // libblkid does not know every format; a file with any content at its head is somebody's.
    if (b.is_file && std::any_of(block.begin(), block.end(), [](std::byte x) { return x != std::byte{}; })) {
      return fail(Code::exists, b.path, "the file is not empty", "name a new file, or use --force");
    }
  }
  return {};
}

Status refuse_used(const Backing& b, bool force) {
  TC_CHECK(refuse_claimed(b));
  if (force) return {};
  TC_CHECK(refuse_used_head(b));
  if (const auto found = TC_TRY(os::signature(b.device))) {
    return fail(Code::exists, b.path, "it carries a known signature: " + *found, "wipe it (`wipefs`) or use --force");
  }
  return {};
}

}  // namespace

Result<std::vector<Backing>> claim_devices(const std::vector<std::string>& paths, bool force) {
  std::vector<Backing> out;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    if (path.empty() || path.front() != '/') return fail(Code::usage, path, "not an absolute path");
    Backing b = TC_TRY(open_backing(path, Code::usage));
    if (!seen.insert(b.dev).second) return fail(Code::usage, path, "the same device is named twice");
    TC_CHECK(refuse_used(b, force));
    out.push_back(std::move(b));
  }
  return out;
}

Status clear_device(const Backing& b) {
  const UniqueFd fd(::open(b.device.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(errno, b.path, "cannot open it for writing");
  TC_CHECK(wipe_label(fd.get(), b.path));
  // An old signature left behind the label would make other tools take the device for what it was.
  return os::zero(b.device, {}, kLabelArea);
}

}  // namespace tclone::engine
