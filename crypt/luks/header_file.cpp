// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/header_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "crypt/luks/device.h"

namespace tclone::crypt {

HeaderFile::~HeaderFile() {
  if (map_ != nullptr) munmap(map_, kHeaderSize.n);
}

Status HeaderFile::make(const std::string& what) {
  fd_ = UniqueFd(memfd_create("tclone-header", MFD_CLOEXEC));
  // libcryptsetup refuses a device with nothing behind its header.
  if (!fd_ || ftruncate(fd_.get(), static_cast<off_t>(2 * kHeaderSize.n)) != 0) {
    return fail_errno(errno, what, "cannot have memory for its header");
  }
  void* map = mmap(nullptr, kHeaderSize.n, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (map == MAP_FAILED) return fail_errno(errno, what, "cannot have memory for its header");
  map_ = map;
  static_cast<void>(mlock(map_, kHeaderSize.n));  // as in Secret: where it is not allowed, it is done without
  return {};
}

std::span<std::byte> HeaderFile::bytes() const noexcept { return {static_cast<std::byte*>(map_), kHeaderSize.n}; }

std::string HeaderFile::path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

}  // namespace tclone::crypt
