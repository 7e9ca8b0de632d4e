// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "crypt/luks/device.h"
#include "crypt/luks/lib_luks.h"
#include "crypt/luks/raw_device.h"

namespace tclone::crypt {
namespace {

constexpr std::size_t kPiece = 65536;

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
}

/// Calls each(at, piece) for the pieces of the first `length` bytes; `piece` is as long, and its content is not looked at.
template <typename Each>
Status for_pieces(std::size_t length, Secret& piece, const Each& each) {
  for (std::size_t at = 0; at < length; at += kPiece) {
    TC_CHECK(each(at, piece.bytes().first(std::min(kPiece, length - at))));
  }
  return {};
}

/// Writes `with` (kPiece bytes) over every piece that is not zero. A piece of zeros has nothing to hide, and may have no
/// block below it: writing there would ask a full pool for space, just when something is to be removed from it.
Status overwrite(const UniqueFd& fd, Secret& piece, const Secret& with, std::size_t length, const std::string& path) {
  bool written = false;
  TC_CHECK(for_pieces(length, piece, [&](std::size_t at, std::span<std::byte> there) -> Status {
    Status read = read_at(fd, at, there, path, "cannot read the header that is to be overwritten");
    // What cannot be read may be a key all the same: it is overwritten.
    if (!read && read.error().sys != EIO) return read;
    if (read && all_zero(there)) return {};
    written = true;
    return write_at(fd, at, with.bytes().first(there.size()), path, "cannot overwrite the header");
  }));
  // A flush as well arrives at a block, which a full pool would have to find.
  if (written && fdatasync(fd.get()) != 0) return fail_errno(errno, path, "cannot flush the overwritten header");
  return {};
}

Status verify_zeros(const UniqueFd& fd, Secret& piece, std::size_t length, const std::string& path) {
  ioctl(fd.get(), BLKFLSBUF, 0);  // for a device without direct I/O; needs a capability, so only an attempt
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  return for_pieces(length, piece, [&](std::size_t at, std::span<std::byte> there) -> Status {
    TC_CHECK(read_at(fd, at, there, path, "cannot read the overwritten header back"));
    if (all_zero(there)) return {};
    return fail(Code::failed, path, "the header was overwritten, but what is read back is not zero",
                "the device may be failing: its key material may still be readable");
  });
}

}  // namespace

Status LibLuks::destroy(const std::string& device) {
  const UniqueFd fd = TC_TRY(open_raw(device, O_RDWR, "to overwrite its header"));
  // A shorter file (a truncated image) is overwritten as far as it goes.
  const std::size_t length = std::min<std::size_t>(TC_TRY(raw_size(fd, device)), kHeaderSize.n);
  if (length == 0) return {};
  if (length % kDirect != 0) fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) & ~O_DIRECT);
  Secret piece = TC_TRY(Secret::make(kPiece));  // begins a page, as direct I/O wants it

  TC_CHECK(overwrite(fd, piece, TC_TRY(Secret::random(kPiece)), length, device));
  TC_CHECK(overwrite(fd, piece, TC_TRY(Secret::make(kPiece)), length, device));
  return verify_zeros(fd, piece, length, device);
}

}  // namespace tclone::crypt
