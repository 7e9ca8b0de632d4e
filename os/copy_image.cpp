// SPDX-License-Identifier: GPL-2.0-or-later
// Copies an image without writing what need not be written.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "os/block_io.h"
#include "os/probe.h"
#include "os/raw.h"

namespace tclone::os {
namespace {

constexpr Bytes kChunk = kMiB;
/// Zeros are skipped in pieces of this size, aligned on the target: the smallest block of a thin-pool, so that
/// nothing smaller could save space.
constexpr Bytes kGranule{kKiB.n * 64};

class Throttle {
 public:
  Throttle(const Progress& progress, Bytes total) : progress_(progress), total_(total) {}
  void report(Bytes done) {
    const auto now = std::chrono::steady_clock::now();
    if (!progress_ || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    progress_(done, total_);
  }
  void finish() const {
    if (progress_) progress_(total_, total_);
  }

 private:
  const Progress& progress_;
  Bytes total_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct Extent {
  Bytes begin, end;
};

/// The next range of data at or after `from`; begin == end == size when only holes are left.
Extent next_data(const RawFile& source, Bytes from) {
  const Extent rest{from, source.size()};
  if (source.block_device()) return rest;
  const off_t begin = ::lseek(source.fd(), static_cast<off_t>(from.n), SEEK_DATA);
  if (begin < 0) return errno == ENXIO ? Extent{source.size(), source.size()} : rest;
  const off_t end = ::lseek(source.fd(), begin, SEEK_HOLE);
  if (end < 0) return {Bytes{static_cast<std::uint64_t>(begin)}, source.size()};
  return {Bytes{static_cast<std::uint64_t>(begin)}, std::min(Bytes{static_cast<std::uint64_t>(end)}, source.size())};
}

Status shrunk(const RawFile& source) {
  return fail(Code::failed, source.path(), "changed its size while it was copied",
              "copy from a source that nobody writes to");
}

Status unchanged(const RawFile& source) {
  if (source.block_device()) return {};  // cannot shrink unseen: the read fails
  struct stat st {};
  if (::fstat(source.fd(), &st) != 0) return fail_errno(errno, source.path(), "cannot be looked at");
  if (static_cast<std::uint64_t>(st.st_size) != source.size().n) return shrunk(source);
  return {};
}

/// Writes the granules of `bytes` that are not all zero, neighbours in one go.
Status write_sparse(RawFile& target, std::span<const std::byte> bytes, Bytes at) {
  std::size_t run = 0;  // start of the run of data not yet written
  for (std::size_t here = 0; here < bytes.size();) {
    const std::size_t to_border = kGranule.n - (at.n + here) % kGranule.n;
    const std::size_t length = std::min(to_border, bytes.size() - here);
    if (all_zero(bytes.subspan(here, length))) {
      if (run < here) TC_CHECK(target.write(bytes.subspan(run, here - run), at + Bytes{run}));
      run = here + length;
    }
    here += length;
  }
  if (run < bytes.size()) TC_CHECK(target.write(bytes.subspan(run), at + Bytes{run}));
  return {};
}

Status check_pair(const RawFile& source, const RawFile& target) {
  if (source.same_object(target)) return fail(Code::usage, source.path(), "cannot be copied onto itself");
  if (target.size() < source.size()) {
    return fail(Code::usage, target.path(),
                "smaller (" + format_size(target.size()) + ") than the image " + source.path() + " (" +
                    format_size(source.size()) + ")",
                "give a size that holds the image");
  }
  return {};
}

/// Copies one range of data; `buffer` holds kChunk bytes.
Status copy_range(RawFile& source, RawFile& target, Extent range, std::byte* buffer, Throttle& throttle,
                  const std::function<bool()>& stop) {
  for (Bytes at = range.begin; at < range.end;) {
    if (stop && stop()) return fail(Code::failed, target.path(), "stopped before the image was copied whole");
    const Bytes border = round_down(at, kChunk) + kChunk;
    const Bytes length = std::min(border, range.end) - at;
    if (auto got = source.read({buffer, length.n}, at); !got) {
      if (!unchanged(source)) return shrunk(source);
      return got;
    }
    // Only the tail of the image can be odd: what follows it in its last sector becomes zeros, if there is room.
    const Bytes even = std::min(round_up(at + length, kDirectAlign), std::max(target.size(), at + length)) - at;
    std::memset(buffer + length.n, 0, (even - length).n);
    TC_CHECK(write_sparse(target, {buffer, even.n}, at));
    if (!source.block_device()) {
      static_cast<void>(
          ::posix_fadvise(source.fd(), static_cast<off_t>(at.n), static_cast<off_t>(length.n), POSIX_FADV_DONTNEED));
    }
    at = at + length;
    throttle.report(at);
  }
  return {};
}

}  // namespace

Status copy_image(const std::string& source_path, const std::string& target_path, const Progress& progress,
                  const std::function<bool()>& stop) {
  auto source = TC_TRY(RawFile::open(source_path, O_RDONLY, Direct::no));
  // O_EXCL claims a block device: an image never lands on one that is mounted or has a device on top.
  struct stat st {};
  const bool device = ::stat(target_path.c_str(), &st) == 0 && S_ISBLK(st.st_mode);
  if (device) TC_CHECK(claimable(target_path));  // the same question, with an answer that names who has it
  auto target = TC_TRY(RawFile::open(target_path, O_WRONLY | (device ? O_EXCL : 0), Direct::wanted));
  TC_CHECK(check_pair(source, target));
  static_cast<void>(::posix_fadvise(source.fd(), 0, 0, POSIX_FADV_SEQUENTIAL));
  const auto buffer = TC_TRY(aligned_buffer(kChunk.n + kDirectAlign.n));
  Throttle throttle(progress, source.size());
  for (Bytes at{0}; at < source.size();) {
    if (stop && stop()) return fail(Code::failed, target_path, "stopped before the image was copied whole");
    // Data behind a hole starts on the source's block border, which may be odd for direct I/O: begin a little earlier.
    Extent range = next_data(source, at);
    range.begin = std::max(at, round_down(range.begin, kDirectAlign));
    TC_CHECK(copy_range(source, target, range, buffer.get(), throttle, stop));
    at = range.end;
    throttle.report(at);
  }
  TC_CHECK(unchanged(source));
  TC_CHECK(target.sync());
  throttle.finish();
  return {};
}

}  // namespace tclone::os
