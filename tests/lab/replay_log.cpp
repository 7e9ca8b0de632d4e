// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/replay_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace tclone::lab {
namespace {

constexpr std::uint64_t kMagic = 0x6a736677736872ULL;

// struct log_write_super and struct log_write_entry, little-endian as every machine this runs on.
struct SuperBlock {
  std::uint64_t magic;
  std::uint64_t version;
  std::uint64_t entries;
  std::uint32_t sector_size;
};
struct EntryBlock {
  std::uint64_t sector;
  std::uint64_t sectors;
  std::uint64_t flags;
  std::uint64_t data_length;
};
static_assert(sizeof(EntryBlock) == 32);

off_t to_off(std::uint64_t n) { return static_cast<off_t>(n); }

Status read_at(int fd, const std::string& path, void* to, std::size_t count, std::uint64_t at) {
  auto* bytes = static_cast<char*>(to);
  while (count > 0) {
    const ssize_t got = ::pread(fd, bytes, count, to_off(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, path, "reading the log failed");
    if (got == 0) return fail(Code::damaged, path, "the log ends too early");
    bytes += got;
    at += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
  return {};
}

Status write_at(int fd, const char* bytes, std::size_t count, std::uint64_t at) {
  while (count > 0) {
    const ssize_t put = ::pwrite(fd, bytes, count, to_off(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "the image", "writing failed");
    bytes += put;
    at += static_cast<std::uint64_t>(put);
    count -= static_cast<std::size_t>(put);
  }
  return {};
}

Status zero(int fd, std::uint64_t offset, std::uint64_t length) {
  struct stat st = {};
  if (::fstat(fd, &st) != 0) return fail_errno(errno, "the image", "fstat failed");
  const auto size = static_cast<std::uint64_t>(st.st_size);
  if (offset < size &&
      ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, to_off(offset), to_off(length)) != 0) {
    return fail_errno(errno, "the image", "punching a hole failed");
  }
  return {};
}

std::size_t read_cursor(const std::string& path) {
  std::ifstream in(path);
  std::size_t at = 0;
  in >> at;
  return in ? at : 0;
}

}  // namespace

std::string describe(const Entry& entry) {
  if ((entry.flags & kMark) != 0) return "MARK " + entry.text;
  std::string text = (entry.flags & kDiscard) != 0 ? "DISCARD" : entry.length != 0 ? "WRITE" : "NONE";
  if ((entry.flags & kFlush) != 0) text += "|FLUSH";
  if ((entry.flags & kFua) != 0) text += "|FUA";
  if ((entry.flags & kMetadata) != 0) text += "|METADATA";
  return text + " " + std::to_string(entry.offset) + "+" + std::to_string(entry.length);
}

Result<Log> Log::open(const std::string& path) {
  Log log;
  log.path_ = path;
  log.fd_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!log.fd_) return fail_errno(errno, path, "the log cannot be opened");
  SuperBlock super{};
  TC_CHECK(read_at(log.fd_.get(), path, &super, sizeof super, 0));
  if (super.magic != kMagic || super.version != 1 || super.sector_size < 512) {
    return fail(Code::damaged, path, "this is no dm-log-writes log");
  }
  std::uint64_t at = super.sector_size;
  for (std::uint64_t i = 0; i < super.entries; ++i) {
    EntryBlock block{};
    TC_CHECK(read_at(log.fd_.get(), path, &block, sizeof block, at));
    Entry entry;
    entry.offset = block.sector * super.sector_size;
    entry.length = block.sectors * super.sector_size;
    entry.flags = block.flags;
    if ((block.flags & kMark) != 0 && block.data_length <= super.sector_size - sizeof block) {
      entry.text.resize(block.data_length);
      TC_CHECK(read_at(log.fd_.get(), path, entry.text.data(), entry.text.size(), at + sizeof block));
      entry.text.resize(std::strlen(entry.text.c_str()));
    }
    at += super.sector_size;
    entry.data = at;
    if (entry.has_data()) at += entry.length;
    log.entries_.push_back(std::move(entry));
  }
  return log;
}

Result<std::size_t> Log::barrier(std::size_t n) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].is_barrier() && --n == 0) return i;
  }
  return fail(Code::not_found, path_, "there are not so many flushes in the log");
}

Result<std::size_t> Log::mark(const std::string& text) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& e) { return (e.flags & kMark) != 0 && e.text == text; });
  if (found == entries_.end()) return fail(Code::not_found, path_, "there is no mark '" + text + "'");
  return static_cast<std::size_t>(found - entries_.begin());
}

Status Log::apply(int image, std::size_t first, std::size_t last) const {
  std::vector<char> buffer(std::size_t{1} << 20U);
  for (std::size_t i = first; i < std::min(last, entries_.size()); ++i) {
    const Entry& entry = entries_[i];
    if ((entry.flags & kDiscard) != 0) TC_CHECK(zero(image, entry.offset, entry.length));
    if (!entry.has_data()) continue;
    for (std::uint64_t done = 0; done < entry.length;) {
      const std::size_t part = std::min<std::uint64_t>(buffer.size(), entry.length - done);
      TC_CHECK(read_at(fd_.get(), path_, buffer.data(), part, entry.data + done));
      TC_CHECK(write_at(image, buffer.data(), part, entry.offset + done));
      done += part;
    }
  }
  return {};
}

Status bring_to(const Log& log, const std::string& path, std::size_t last, const std::string& base,
                std::uint64_t size) {
  const std::string cursor = path + ".cursor";
  std::error_code ec;
  std::size_t at = std::filesystem::exists(path, ec) ? read_cursor(cursor) : 0;
  if (at == 0 || at > last) {
    at = 0;
    std::filesystem::remove(path, ec);
    if (!base.empty()) {
      // Sparse where the base is sparse: on a filesystem with reflinks this takes no time, else zeros are not kept.
      const UniqueFd from(::open(base.c_str(), O_RDONLY | O_CLOEXEC));
      const UniqueFd to(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
      if (!from || !to) return fail_errno(errno, from ? path : base, "cannot be opened");
      const off_t end = ::lseek(from.get(), 0, SEEK_END);
      if (::ftruncate(to.get(), end) != 0) return fail_errno(errno, path, "cannot be sized");
      for (off_t data = ::lseek(from.get(), 0, SEEK_DATA); data >= 0 && data < end;) {
        const off_t hole = ::lseek(from.get(), data, SEEK_HOLE);
        off_t to_at = data;
        off_t from_at = data;
        while (from_at < hole) {
          const ssize_t copied =
              ::copy_file_range(from.get(), &from_at, to.get(), &to_at, static_cast<std::size_t>(hole - from_at), 0);
          if (copied <= 0) return fail_errno(errno, base, "cannot be copied");
        }
        data = ::lseek(from.get(), hole, SEEK_DATA);
      }
    }
  }
  const UniqueFd image(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!image) return fail_errno(errno, path, "the image cannot be opened");
  // The cursor goes first: a run that is interrupted starts over instead of trusting half an image.
  std::filesystem::remove(cursor, ec);
  if (size != 0 && at == 0 && base.empty() && ::ftruncate(image.get(), to_off(size)) != 0) {
    return fail_errno(errno, path, "the image cannot be sized");
  }
  TC_CHECK(log.apply(image.get(), at, last));
  std::ofstream(cursor) << last << '\n';
  return {};
}

}  // namespace tclone::lab
