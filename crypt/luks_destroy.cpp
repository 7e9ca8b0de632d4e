// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/fd.h"
#include "base/log.h"
#include "crypt/device.h"
#include "crypt/lib_luks.h"

namespace tclone::crypt {
namespace {

struct BufferFree {
  void operator()(unsigned char* buffer) const noexcept { std::free(buffer); }
};
/// Aligned for direct I/O.
using Buffer = std::unique_ptr<unsigned char, BufferFree>;
constexpr std::size_t kAlignment = 4096;
constexpr std::size_t kPiece = 65536;

/// O_EXCL on a block device fails while it is mounted or below another device (open(2)): a header is not
/// destroyed under a vault in use. Direct I/O where the file has it, so that nothing stale stays in a cache.
Result<UniqueFd> open_raw(const std::string& path, int access) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return fail_errno(errno, path, "cannot find the device");
  const bool block = S_ISBLK(info.st_mode);
  if (!block && !S_ISREG(info.st_mode)) return fail(Code::usage, path, "neither a block device nor a file");
  const int flags = access | O_CLOEXEC | (block ? O_EXCL : 0);
  UniqueFd fd(::open(path.c_str(), flags | O_DIRECT));
  if (!fd && errno == EINVAL) fd.reset(::open(path.c_str(), flags));
  if (!fd) return fail_errno(errno, path, "cannot open the device to overwrite its header");
  return fd;
}

Result<std::size_t> header_length(const UniqueFd& fd, const std::string& path) {
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  if (size < 0) return fail_errno(errno, path, "cannot tell the size of the device");
  // A shorter file (a truncated image) is overwritten as far as it goes; direct I/O wants whole sectors.
  const auto whole = std::min<std::uint64_t>(static_cast<std::uint64_t>(size), kHeaderSize.n);
  return static_cast<std::size_t>(whole);
}

Status fill_random(unsigned char* buffer, std::size_t length) {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got = getrandom(buffer + done, length - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(errno, "getrandom", "the kernel gave no random bytes");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

void without_direct(const UniqueFd& fd) {
  const int flags = fcntl(fd.get(), F_GETFL);
  if (flags >= 0) fcntl(fd.get(), F_SETFL, flags & ~O_DIRECT);
}

Status read_piece(const UniqueFd& fd, unsigned char* buffer, std::size_t at, std::size_t length,
                  const std::string& path) {
  for (std::size_t done = 0; done < length;) {
    const ssize_t got = pread(fd.get(), buffer + done, length - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    // What cannot be read may be a key all the same: it is overwritten.
    if (got < 0 && errno == EIO) return std::memset(buffer, 0xff, length), Status{};
    if (got <= 0) return fail_errno(got < 0 ? errno : EIO, path, "cannot read the header that is to be overwritten");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

Status write_piece(const UniqueFd& fd, const unsigned char* buffer, std::size_t at, std::size_t length,
                   const std::string& path) {
  for (std::size_t done = 0; done < length;) {
    const ssize_t put = pwrite(fd.get(), buffer + done, length - done, static_cast<off_t>(at + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail_errno(put < 0 ? errno : EIO, path, "cannot overwrite the header");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

/// Writes `with` (kPiece bytes) over every piece that is not zero. A piece of zeros has nothing to hide, and may have no
/// block below it: writing there would ask a full pool for space, just when something is to be removed from it.
Status overwrite(const UniqueFd& fd, unsigned char* buffer, const unsigned char* with, std::size_t length,
                 const std::string& path) {
  bool written = false;
  for (std::size_t at = 0; at < length; at += kPiece) {
    const std::size_t now = std::min(kPiece, length - at);
    TC_CHECK(read_piece(fd, buffer, at, now, path));
    if (std::all_of(buffer, buffer + now, [](unsigned char byte) { return byte == 0; })) continue;
    TC_CHECK(write_piece(fd, with, at, now, path));
    written = true;
  }
  // A flush as well arrives at a block, which a full pool would have to find.
  if (written && fdatasync(fd.get()) != 0) return fail_errno(errno, path, "cannot flush the overwritten header");
  return {};
}

Status verify_zeros(const UniqueFd& fd, unsigned char* buffer, std::size_t length, const std::string& path) {
  ioctl(fd.get(), BLKFLSBUF, 0);  // for a device without direct I/O; needs a capability, so only an attempt
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  std::memset(buffer, 0xff, length);
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got = pread(fd.get(), buffer + done, length - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(got < 0 ? errno : EIO, path, "cannot read the overwritten header back");
    done += static_cast<std::size_t>(got);
  }
  if (std::any_of(buffer, buffer + length, [](unsigned char byte) { return byte != 0; })) {
    return fail(Code::failed, path, "the header was overwritten, but what is read back is not zero",
                "the device may be failing: its key material may still be readable");
  }
  return {};
}

/// Overwrites the slots in their places and takes them out of the metadata. The whole header is overwritten
/// afterwards in any case, so a header that is broken or that is none needs no more than a word at debug level.
void destroy_keyslots(const std::string& path) {
  auto device = init(path);
  if (!device || crypt_load(device->get(), CRYPT_LUKS2, nullptr) < 0) {
    log::debug(path + " carries no readable LUKS2 header; overwriting it all the same");
    return;
  }
  const int most = crypt_keyslot_max(CRYPT_LUKS2);
  for (int slot = 0; slot < most; ++slot) {
    const auto state = crypt_keyslot_status(device->get(), slot);
    if (state == CRYPT_SLOT_INACTIVE || state == CRYPT_SLOT_INVALID) continue;
    if (crypt_keyslot_destroy(device->get(), slot) < 0) {
      log::debug(path + ": key slot " + std::to_string(slot) + " could not be destroyed by itself");
    }
  }
}

}  // namespace

Status LibLuks::destroy(const std::string& device) {
  const UniqueFd fd = TC_TRY(open_raw(device, O_RDWR));
  const std::size_t length = TC_TRY(header_length(fd, device));
  if (length % kAlignment != 0) without_direct(fd);
  if (length == 0) return {};
  const Buffer buffer(static_cast<unsigned char*>(std::aligned_alloc(kAlignment, kHeaderSize.n)));
  if (!buffer) return fail_errno(ENOMEM, device, "no memory to overwrite the header with");

  destroy_keyslots(device);
  const Buffer with(static_cast<unsigned char*>(std::aligned_alloc(kAlignment, kPiece)));
  if (!with) return fail_errno(ENOMEM, device, "no memory to overwrite the header with");
  TC_CHECK(fill_random(with.get(), kPiece));
  TC_CHECK(overwrite(fd, buffer.get(), with.get(), length, device));
  std::memset(with.get(), 0, kPiece);
  TC_CHECK(overwrite(fd, buffer.get(), with.get(), length, device));
  return verify_zeros(fd, buffer.get(), length, device);
}

}  // namespace tclone::crypt
