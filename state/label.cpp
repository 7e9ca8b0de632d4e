// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/label.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/fault.h"
#include "base/fd.h"
#include "state/files.h"

namespace tclone {
namespace {

/// Aligned, because the descriptor may be open for direct I/O.
struct alignas(4096) Block {
  std::array<std::byte, kLabelBlock.n> bytes{};
};

/// Shorter than a block at the end of a small device; the rest stays zero.
Status read_block(int fd, const std::string& path, Bytes at, Block& block) {
  block.bytes.fill(std::byte{0});
  for (std::size_t done = 0; done < block.bytes.size();) {
    const ssize_t got =
        ::pread(fd, block.bytes.data() + done, block.bytes.size() - done, static_cast<off_t>(at.n + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, path, "cannot read the pool's label");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return {};
}

Status write_block(int fd, const std::string& path, Bytes at, const Block& block) {
  for (std::size_t done = 0; done < block.bytes.size();) {
    const ssize_t put =
        ::pwrite(fd, block.bytes.data() + done, block.bytes.size() - done, static_cast<off_t>(at.n + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail_errno(put < 0 ? errno : EIO, path, "cannot write the pool's label");
    done += static_cast<std::size_t>(put);
  }
  return state::sync_data(fd, path);
}

/// What the device has, not what the page cache has.
Status read_past_cache(int fd, const std::string& path, Bytes at, Block& block) {
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  const UniqueFd direct(::open(self.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (direct && read_block(direct.get(), path, at, block)) return {};
  // tmpfs, for one, has no direct I/O. Clean pages are dropped by this, and the block was just made durable.
  static_cast<void>(
      ::posix_fadvise(fd, static_cast<off_t>(at.n), static_cast<off_t>(kLabelBlock.n), POSIX_FADV_DONTNEED));
  return read_block(fd, path, at, block);
}

struct Copy {
  bool magic = false;
  bool unreadable = false;  ///< the device failed; label holds its error
  Result<Label> label = Label{};
};
using Copies = std::array<Copy, 2>;

/// One bad sector must not cost the pool: a copy that cannot be read is a bad copy, and writing it anew may cure it.
Result<Copies> read_copies(int fd, const std::string& path) {
  Copies copies;
  Block block;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (auto got = read_block(fd, path, kLabelCopies[i], block); !got) {
      copies[i].unreadable = true;
      copies[i].label = tl::unexpected(got.error());
      continue;
    }
    copies[i].magic = is_label(block.bytes);
    copies[i].label = decode_label(block.bytes);
  }
  // With nothing good beside it, what is unreadable may well be the label: that is not "no pool is there".
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (copies[i].unreadable && !copies[1 - i].label) return tl::unexpected(copies[i].label.error());
  }
  return copies;
}

bool is_newer_format(const Copy& copy) { return !copy.label && copy.label.error().why.starts_with("format "); }

std::string at_text(std::size_t copy) { return "the copy at " + format_size(kLabelCopies[copy]); }

/// The copy that would be overwritten with the least loss: the bad one, then the older one.
std::size_t lesser(const Copies& copies) {
  if (copies[0].label.has_value() != copies[1].label.has_value()) return copies[0].label ? 1 : 0;
  if (!copies[0].label) return 1;
  return copies[0].label->sequence < copies[1].label->sequence ? 0 : 1;
}

/// A label of a newer format is never overwritten by this program, damaged neighbour or not.
Status refuse_newer(const Copies& copies, const std::string& path) {
  for (const Copy& copy : copies) {
    if (!is_newer_format(copy)) continue;
    Error error = copy.label.error();
    error.object = path;
    return tl::unexpected(std::move(error));
  }
  return {};
}

Result<std::uint64_t> sequence_after(int fd, const std::string& path, std::uint64_t sequence) {
  const Copies copies = TC_TRY(read_copies(fd, path));
  TC_CHECK(refuse_newer(copies, path));
  for (const Copy& copy : copies)
    if (copy.label) sequence = std::max(sequence, copy.label->sequence);
  if (sequence == std::numeric_limits<std::uint64_t>::max())
    return fail(Code::damaged, path, "the label's sequence number is at its end");
  return sequence + 1;
}

/// Writes both copies of `label` as it is.
Status write_copies(int fd, const std::string& path, const Label& label) {
  const std::vector<std::byte> bytes = TC_TRY(encode_label(label));
  const Copies before = TC_TRY(read_copies(fd, path));
  Block block;
  Block back;
  std::copy(bytes.begin(), bytes.end(), block.bytes.begin());
  const std::size_t first = lesser(before);
  for (const std::size_t copy : {first, 1 - first}) {
    TCLONE_FAULT_POINT(copy == first ? "label.copy1" : "label.copy2");
    TC_CHECK(write_block(fd, path, kLabelCopies[copy], block));
    TCLONE_FAULT_POINT(copy == first ? "label.copy1.done" : "label.copy2.done");
    TC_CHECK(read_past_cache(fd, path, kLabelCopies[copy], back));
    // Stopping here leaves the other copy as it was, which is the point of having two.
    if (back.bytes != block.bytes)
      return fail(Code::failed, path, at_text(copy) + " of the label does not read back as it was written",
                  "the device may be failing; see the kernel's log");
  }
  return {};
}

}  // namespace

Result<LabelRead> read_label(int fd, const std::string& path) {
  const Copies copies = TC_TRY(read_copies(fd, path));
  if (!copies[0].magic && !copies[1].magic) return fail(Code::not_found, path, "is not a tclone pool");
  TC_CHECK(refuse_newer(copies, path));
  const std::size_t worse = lesser(copies);
  const Copy& good = copies[1 - worse];
  const Copy& other = copies[worse];
  if (!good.label)
    return fail(Code::damaged, path,
                "both copies of the pool's label are bad: at " + format_size(kLabelCopies[0]) + ": " +
                    copies[0].label.error().why + "; at " + format_size(kLabelCopies[1]) + ": " +
                    copies[1].label.error().why);
  LabelRead read{*good.label, 0, {}};
  if (!other.label) {
    read.bad_copies = 1;
    read.trouble = at_text(worse) + ": " + (other.unreadable ? "it cannot be read" : other.label.error().why);
  } else if (other.label->sequence != good.label->sequence) {
    read.bad_copies = 1;
    read.trouble = at_text(worse) + " is older (" + std::to_string(other.label->sequence) + " < " +
                   std::to_string(good.label->sequence) + ")";
  } else if (*other.label != *good.label) {
    // No interrupted write leaves this; to choose one would be to guess.
    return fail(Code::damaged, path, "the two copies of the pool's label have one sequence number and differ");
  }
  return read;
}

Result<Label> write_label(int fd, const std::string& path, Label label) {
  label.sequence = TC_TRY(sequence_after(fd, path, label.sequence));
  TC_CHECK(write_copies(fd, path, label));
  return label;
}

Result<Label> write_labels(std::span<const LabelDevice> devices, Label label) {
  if (devices.empty() || devices.size() != label.devices.size())
    return fail(Code::usage, label.name, "a label is written to all devices of the pool or to none");
  std::uint64_t next = 0;
  for (const LabelDevice& device : devices)
    next = std::max(next, TC_TRY(sequence_after(device.fd, device.path, label.sequence)));
  label.sequence = next;
  for (std::size_t i = devices.size(); i-- > 0;) {
    label.self = static_cast<std::uint32_t>(i);
    TC_CHECK(write_copies(devices[i].fd, devices[i].path, label));
  }
  return label;
}

Status wipe_label(int fd, const std::string& path) {
  const Block zeros;
  for (std::size_t i = 0; i < 2; ++i) {
    TCLONE_FAULT_POINT(i == 0 ? "label.wipe1" : "label.wipe2");
    TC_CHECK(write_block(fd, path, kLabelCopies[i], zeros));
  }
  TCLONE_FAULT_POINT("label.wipe.done");
  return {};
}

}  // namespace tclone
