// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/block_io.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "base/fd.h"
#include "os/raw.h"

namespace tclone::os {
namespace {

Status within(const RawFile& file, Bytes start, Bytes length) {
  if (start > file.size() || length > file.size() - start) {
    return fail(Code::usage, file.path(),
                "bytes " + std::to_string(start.n) + " and " + std::to_string(length.n) +
                    " more reach beyond its end at " + std::to_string(file.size().n));
  }
  return {};
}

int discard_piece(const RawFile& file, Bytes at, Bytes length) {
  if (file.block_device()) {
    std::array<std::uint64_t, 2> range{at.n, length.n};
    return ::ioctl(file.fd(), BLKDISCARD, range.data());
  }
  return ::fallocate(file.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at.n),
                     static_cast<off_t>(length.n));
}

}  // namespace

Status zero(const std::string& path, Bytes start, Bytes length, Sync sync) {
  // Plain writes: BLKZEROOUT may be answered by unmapping, and an unmapped block under dm-crypt reads as noise.
  auto file = TC_TRY(RawFile::open(path, O_WRONLY, Direct::wanted));
  TC_CHECK(within(file, start, length));
  const std::size_t piece = std::min<std::uint64_t>(kMiB.n, length.n);
  const auto buffer = TC_TRY(aligned_buffer(std::max<std::size_t>(piece, 1)));
  for (Bytes done{0}; done < length;) {
    const std::size_t now = std::min<std::uint64_t>(piece, (length - done).n);
    TC_CHECK(file.write({buffer.get(), now}, start + done));
    done = done + Bytes{now};
  }
  return sync == Sync::later && file.direct() ? Status{} : file.sync();
}

Status allocate(const std::string& path, Bytes start, Bytes length) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  struct stat st {};
  struct statvfs room {};
  if (!fd || ::fstat(fd.get(), &st) != 0 || ::fstatvfs(fd.get(), &room) != 0)
    return fail_errno(errno, path, "cannot be opened for writing");
  if (!S_ISREG(st.st_mode)) return {};
  const Bytes free{static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize};
  if (free.n / 2 < length.n) {
    return fail(Code::no_space, path, "its filesystem has " + format_size(free) + " left", "make room there");
  }
  const auto from = static_cast<off_t>(start.n);
  if (::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, from, static_cast<off_t>(length.n)) == 0 || errno == EOPNOTSUPP)
    return {};
  return fail_errno(errno, path, "cannot give it its blocks");
}

Status discard(const std::string& path, Bytes start, Bytes length) {
  const auto file = TC_TRY(RawFile::open(path, O_WRONLY, Direct::no));
  TC_CHECK(within(file, start, length));
  Bytes sector{1};
  if (file.block_device()) {
    int logical = 512;
    if (::ioctl(file.fd(), BLKSSZGET, &logical) != 0) return fail_errno(errno, path, "its sector size cannot be read");
    sector = Bytes{static_cast<std::uint64_t>(logical)};
  }
  const Bytes end = round_down(start + length, sector);
  for (Bytes at = round_up(start, sector); at < end;) {
    const Bytes now = std::min(kGiB, end - at);
    if (discard_piece(file, at, now) != 0) {
      if (errno == EINTR) continue;
      if (errno == EOPNOTSUPP) return {};
      return fail_errno(errno, path, "discarding at byte " + std::to_string(at.n) + " failed");
    }
    at = at + now;
  }
  return {};
}

Status touch(const std::string& path, Bytes start, Bytes length, Bytes step, Sync sync, Bytes piece) {
  const auto odd = [](Bytes b) { return b.n % kDirectAlign.n != 0; };
  if (step.n == 0 || piece.n == 0 || odd(start) || odd(length) || odd(step) || odd(piece)) {
    return fail(Code::usage, path, "can be provisioned in multiples of 4096 bytes only");
  }
  // Direct or not at all on a device: what its page cache holds may be older than what the kernel's own users of
  // the device wrote below it, and writing that back would undo them.
  auto file = TC_TRY(RawFile::open(path, O_RDWR, Direct::required));
  TC_CHECK(within(file, start, length));
  const auto buffer = TC_TRY(aligned_buffer(piece.n));
  for (Bytes done{0}; done < length; done = done + step) {
    const std::span<std::byte> head(buffer.get(), std::min({piece, step, length - done}).n);
    TC_CHECK(file.read(head, start + done));
    TC_CHECK(file.write(head, start + done));
  }
  return sync == Sync::later && file.direct() ? Status{} : file.sync();
}

Status erase(const std::string& path, Bytes start, Bytes length) {
  auto file = TC_TRY(RawFile::open(path, O_RDWR, Direct::required));
  TC_CHECK(within(file, start, length));
  const auto buffer = TC_TRY(aligned_buffer(kMiB.n));
  const auto each = [&](auto act) -> Status {
    for (Bytes done{0}; done < length;) {
      const std::span<std::byte> piece(buffer.get(), std::min(kMiB.n, (length - done).n));
      TC_CHECK(act(piece, start + done));
      done = done + Bytes{piece.size()};
    }
    return {};
  };
  TC_CHECK(each([&](std::span<std::byte> piece, Bytes at) { return file.write(piece, at); }));
  TC_CHECK(file.sync());
  return each([&](std::span<std::byte> piece, Bytes at) -> Status {
    TC_CHECK(file.read(piece, at));
    if (all_zero(piece)) return {};
    return fail(Code::failed, path, "what was overwritten at byte " + std::to_string(at.n) + " does not read as zeros",
                "the device may be failing");
  });
}

Status copy_exact(const std::string& source, const std::string& target, Bytes start, Bytes length, bool compare) {
  auto from = TC_TRY(RawFile::open(source, O_RDONLY, Direct::required));
  auto to = TC_TRY(RawFile::open(target, compare ? O_RDWR : O_WRONLY, Direct::required));
  TC_CHECK(within(from, start, length));
  TC_CHECK(within(to, start, length));
  constexpr Bytes kPiece = kMiB * 4;
  const auto buffer = TC_TRY(aligned_buffer(kPiece.n));
  const auto again = TC_TRY(aligned_buffer(compare ? kPiece.n : kDirectAlign.n));
  for (Bytes done{0}; done < length;) {
    const std::size_t size = std::min(kPiece.n, (length - done).n);
    const std::span<std::byte> piece(buffer.get(), size);
    TC_CHECK(from.read(piece, start + done));
    TC_CHECK(to.write(piece, start + done));
    if (compare) {
      TC_CHECK(to.read({again.get(), size}, start + done));
      if (!std::equal(piece.begin(), piece.end(), again.get())) {
        return fail(Code::failed, target,
                    "what was written at byte " + std::to_string((start + done).n) + " is not what is read",
                    "the device may be failing");
      }
    }
    done = done + Bytes{size};
  }
  return {};
}

Status sample(const std::string& path, Bytes start, Bytes length, Bytes step) {
  auto file = TC_TRY(RawFile::open(path, O_RDONLY, Direct::wanted));
  TC_CHECK(within(file, start, length));
  const auto buffer = TC_TRY(aligned_buffer(kDirectAlign.n));
  for (Bytes done{0}; done < length; done = done + step) {
    TC_CHECK(file.read({buffer.get(), kDirectAlign.n}, start + done));
  }
  return {};
}

Status flush(const std::string& path) { return TC_TRY(RawFile::open(path, O_RDWR, Direct::no)).sync(); }

Result<bool> reads_as_zeros(const std::string& path, Bytes start, Bytes length) {
  auto file = TC_TRY(RawFile::open(path, O_RDONLY, Direct::wanted));
  TC_CHECK(within(file, start, length));
  const std::size_t size = length.n;
  const auto buffer = TC_TRY(aligned_buffer(size));
  TC_CHECK(file.read({buffer.get(), size}, start));
  return std::all_of(buffer.get(), buffer.get() + size, [](auto byte) { return byte == decltype(byte){}; });
}

}  // namespace tclone::os
