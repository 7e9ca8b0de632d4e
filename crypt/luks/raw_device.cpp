// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/raw_device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace tclone::crypt {

Result<UniqueFd> open_raw(const std::string& path, int access, const std::string& doing) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return fail_errno(errno, path, "cannot find the device");
  const bool block = S_ISBLK(info.st_mode);
  if (!block && !S_ISREG(info.st_mode)) return fail(Code::usage, path, "neither a block device nor a file");
  const int flags = access | O_CLOEXEC | (block && access != O_RDONLY ? O_EXCL : 0);
  UniqueFd fd(::open(path.c_str(), flags | O_DIRECT));
  if (!fd && errno == EINVAL) fd.reset(::open(path.c_str(), flags));
  if (!fd) return fail_errno(errno, path, "cannot open the device " + doing);
  return fd;
}

Result<std::size_t> raw_size(const UniqueFd& fd, const std::string& path) {
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  if (size < 0) return fail_errno(errno, path, "cannot tell the size of the device");
  return static_cast<std::size_t>(size);
}

namespace {
/// pread(2) or pwrite(2), until all of it is done.
template <class Call, class Byte>
Status transfer(Call call, const UniqueFd& fd, std::size_t at, std::span<Byte> bytes, const std::string& path,
                const std::string& why) {
  while (!bytes.empty()) {
    const ssize_t done = call(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno(errno, path, why);
    if (done == 0) return fail(Code::damaged, path, why + ": the device ends before");
    at += static_cast<std::size_t>(done);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}
}  // namespace

Status read_at(const UniqueFd& fd, std::size_t at, std::span<std::byte> bytes, const std::string& path,
               const std::string& why) {
  return transfer(::pread, fd, at, bytes, path, why);
}

Status write_at(const UniqueFd& fd, std::size_t at, std::span<const std::byte> bytes, const std::string& path,
                const std::string& why) {
  return transfer(::pwrite, fd, at, bytes, path, why);
}

}  // namespace tclone::crypt
