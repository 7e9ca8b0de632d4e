// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/raw.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace tclone::os {

Result<AlignedBuffer> aligned_buffer(std::size_t size) {
  const std::size_t rounded = round_up(Bytes{size}, kDirectAlign).n;
  AlignedBuffer buffer(static_cast<std::byte*>(std::aligned_alloc(kDirectAlign.n, rounded)));
  if (!buffer) return fail_errno(ENOMEM, {}, "no memory for a transfer buffer");
  std::memset(buffer.get(), 0, rounded);
  return buffer;
}

bool all_zero(std::span<const std::byte> bytes) noexcept {
  // Comparing the range with itself shifted by one byte lets memcmp do the work at memory speed.
  if (bytes.empty()) return true;
  return bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

Result<RawFile> RawFile::open(const std::string& path, int flags, Direct direct) {
  RawFile file;
  file.path_ = path;
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return fail_errno(errno, path, "cannot be looked at");
  if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode)) {
    return fail(Code::usage, path, "neither a block device nor a regular file");
  }
  file.direct_ = direct != Direct::no;
  int fd = ::open(path.c_str(), flags | O_CLOEXEC | (file.direct_ ? O_DIRECT : 0));
  const bool may_fall_back = direct == Direct::wanted || !S_ISBLK(st.st_mode);
  if (fd < 0 && errno == EINVAL && file.direct_ && may_fall_back) {
    file.direct_ = false;
    fd = ::open(path.c_str(), flags | O_CLOEXEC);
  }
  if (fd < 0) return fail_errno(errno, path, "cannot be opened");
  file.fd_.reset(fd);
  // What was opened counts, not what was looked at: the name may have been replaced in between.
  if (::fstat(fd, &st) != 0) return fail_errno(errno, path, "cannot be looked at");
  if (S_ISBLK(st.st_mode)) {
    std::uint64_t bytes = 0;
    if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) return fail_errno(errno, path, "its size cannot be read");
    file.size_ = Bytes{bytes};
    file.block_device_ = true;
    file.device_ = st.st_rdev;
  } else if (S_ISREG(st.st_mode)) {
    file.size_ = Bytes{static_cast<std::uint64_t>(st.st_size)};
    file.device_ = st.st_dev;
    file.inode_ = st.st_ino;
  } else {
    return fail(Code::usage, path, "neither a block device nor a regular file");
  }
  file.strict_ = direct == Direct::required && file.block_device_;
  return file;
}

bool RawFile::same_object(const RawFile& other) const noexcept {
  return block_device_ == other.block_device_ && device_ == other.device_ && inode_ == other.inode_;
}

bool RawFile::drop_direct() {
  const int flags = ::fcntl(fd_.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd_.get(), F_SETFL, flags & ~O_DIRECT) != 0) return false;
  direct_ = false;
  return true;
}

template <class Call>
Status RawFile::transfer(std::size_t length, Bytes at, const char* doing, Call call) {
  if (direct_ && !strict_ && (at.n % kDirectAlign.n != 0 || length % kDirectAlign.n != 0) && !drop_direct()) {
    return fail_errno(errno, path_, "direct I/O cannot be turned off");
  }
  std::size_t done = 0;
  while (done < length) {
    const ssize_t n = call(fd_.get(), done, static_cast<off_t>(at.n + done));
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      // A short direct transfer leaves an offset that direct I/O refuses; the page cache takes the rest.
      continue;
    }
    if (n == 0)
      return fail(Code::failed, path_, "ends at byte " + std::to_string(at.n + done) + ", before its announced size");
    if (errno == EINTR) continue;
    if (errno == EINVAL && direct_ && !strict_ && drop_direct()) continue;
    return fail_errno(errno, path_, std::string(doing) + " at byte " + std::to_string(at.n + done) + " failed");
  }
  return {};
}

Status RawFile::write(std::span<const std::byte> bytes, Bytes at) {
  return transfer(bytes.size(), at, "writing", [&](int fd, std::size_t done, off_t offset) {
    return ::pwrite(fd, bytes.data() + done, bytes.size() - done, offset);
  });
}

Status RawFile::read(std::span<std::byte> bytes, Bytes at) {
  return transfer(bytes.size(), at, "reading", [&](int fd, std::size_t done, off_t offset) {
    return ::pread(fd, bytes.data() + done, bytes.size() - done, offset);
  });
}

Status RawFile::sync() {
  while (::fdatasync(fd_.get()) != 0) {
    if (errno != EINTR) return fail_errno(errno, path_, "what was written could not be made durable");
  }
  return {};
}

}  // namespace tclone::os
