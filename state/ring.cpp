// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "state/files.h"

namespace tclone::state {
namespace {

constexpr std::string_view kMagic = "tclone journal 1 ";
constexpr std::size_t kMostHead = 128;

std::uint32_t crc_of(const RingEntry& e) {
  const std::string head = std::to_string(e.number) + ' ' + std::to_string(e.durable) + ' ';
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const Bytef*>(text.data());  // NOLINT: zlib's type for bytes
  };
  const uLong of_head = ::crc32_z(0, bytes(head), head.size());
  return static_cast<std::uint32_t>(::crc32_z(of_head, bytes(e.text), e.text.size()));
}

/// Takes the number at the front and the character after it.
std::optional<std::uint64_t> take(std::string_view& text, char after) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || length == text.size() || *end != after) return std::nullopt;
  text.remove_prefix(length + 1);
  return value;
}

struct Free {
  void operator()(char* p) const noexcept { std::free(p); }
};

Status write_at(int fd, std::string_view bytes, off_t at, bool direct) {
  const std::unique_ptr<char, Free> aligned(static_cast<char*>(std::aligned_alloc(kRingAlign, bytes.size())));
  if (!aligned) return fail_errno(ENOMEM, kRingFile, "cannot be written");
  std::memcpy(aligned.get(), bytes.data(), bytes.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const iovec part{aligned.get() + done, bytes.size() - done};
    const auto offset = at + static_cast<off_t>(done);
    const ssize_t put =
        direct ? ::pwritev2(fd, &part, 1, offset, RWF_DSYNC) : ::pwrite(fd, part.iov_base, part.iov_len, offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail_errno(put < 0 ? errno : EIO, kRingFile, "cannot be written");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

}  // namespace

bool fits_ring(std::size_t length) noexcept { return length + kMostHead <= kRingSlotBytes; }

std::string encode_slot(const RingEntry& e) {
  std::array<char, kMostHead> tail{};
  std::snprintf(tail.data(), tail.size(), " %u\n", crc_of(e));
  std::string out(kMagic);
  out += std::to_string(e.number) + ' ' + std::to_string(e.durable) + ' ' + std::to_string(e.text.size()) + tail.data();
  out += e.text;
  out.resize((out.size() + kRingAlign - 1) / kRingAlign * kRingAlign, '\0');
  return out;
}

std::optional<RingEntry> decode_slot(std::string_view slot) {
  if (!slot.starts_with(kMagic)) return std::nullopt;
  slot.remove_prefix(kMagic.size());
  const auto number = take(slot, ' ');
  const auto durable = number ? take(slot, ' ') : std::nullopt;
  const auto length = durable ? take(slot, ' ') : std::nullopt;
  const auto crc = length ? take(slot, '\n') : std::nullopt;
  if (!crc || *length > slot.size() || *number == 0 || *durable >= *number) return std::nullopt;
  RingEntry out{*number, *durable, std::string(slot.substr(0, *length))};
  if (crc_of(out) != *crc) return std::nullopt;
  return out;
}

Result<std::optional<Ring>> Ring::open(const Folder& folder) {
  UniqueFd fd(::openat(folder.fd(), kRingFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::optional<Ring>();
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0) return fail_errno(errno, kRingFile, "cannot be opened");
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) != kRingSlots * kRingSlotBytes)
    return fail(Code::damaged, kRingFile, "is not a journal: not a regular file of its size");
  return std::optional<Ring>(Ring(std::move(fd)));
}

Status Ring::make(const Folder& folder) {
  TC_CHECK(write_temp_durably(folder, kRingFile, std::string(kRingSlots * kRingSlotBytes, '\0')));
  TC_CHECK(publish_temp(folder, kRingFile));
  return sync_filesystem(folder.fd(), kRingFile);
}

Result<std::optional<RingEntry>> Ring::in_slot(std::uint64_t slot) const {
  std::string bytes(kRingSlotBytes, '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const auto from = static_cast<off_t>(slot * kRingSlotBytes + done);
    const ssize_t got = ::pread(fd_.get(), bytes.data() + done, bytes.size() - done, from);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(got < 0 ? errno : EIO, kRingFile, "cannot be read");
    done += static_cast<std::size_t>(got);
  }
  std::optional<RingEntry> entry = decode_slot(bytes);
  // In another's slot it is a copy that somebody put there.
  if (entry && entry->number % kRingSlots != slot) entry.reset();
  return entry;
}

Result<std::optional<RingEntry>> Ring::at(std::uint64_t number) const {
  std::optional<RingEntry> entry = TC_TRY(in_slot(number % kRingSlots));
  if (entry && entry->number != number) entry.reset();
  return entry;
}

Result<std::vector<RingEntry>> Ring::after(std::uint64_t number) const {
  std::vector<RingEntry> out;
  const std::optional<RingEntry> next = TC_TRY(in_slot((number + 1) % kRingSlots));
  if (!next || next->number <= number) return out;
  for (std::uint64_t n = next->number;; ++n) {
    std::optional<RingEntry> entry = TC_TRY(at(n));
    if (!entry) break;
    out.push_back(std::move(*entry));
  }
  if (next->number == number + 1) return out;
  // The number is older than the whole ring: what leads up to the entry found counts as well.
  for (std::uint64_t n = next->number - 1; n > number; --n) {
    std::optional<RingEntry> entry = TC_TRY(at(n));
    if (!entry) break;
    out.insert(out.begin(), std::move(*entry));
  }
  return out;
}

Status Ring::write(const Folder& folder, const RingEntry& entry) {
  if (!fits_ring(entry.text.size())) return fail(Code::usage, kRingFile, "the journal is too long for its slot");
  constexpr int kFlags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd fd(::openat(folder.fd(), kRingFile, kFlags | O_DIRECT));
  const bool direct = static_cast<bool>(fd);
  if (!fd && errno == EINVAL) fd.reset(::openat(folder.fd(), kRingFile, kFlags));
  if (!fd) return fail_errno(errno, kRingFile, "cannot be opened");
  const auto at = static_cast<off_t>(entry.number % kRingSlots * kRingSlotBytes);
  TC_CHECK(write_at(fd.get(), encode_slot(entry), at, direct));
  if (!direct) return sync_data(fd.get(), kRingFile);
  count_durable_write();
  return {};
}

}  // namespace tclone::state
