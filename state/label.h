// SPDX-License-Identifier: GPL-2.0-or-later
// The pool's label: what makes a device or file a tclone pool. Two copies within the first MiB of every device
// (at 0 and at 512 KiB), each one 4 KiB block: magic, format, sequence number, length, CRC-32 of the rest, then the
// geometry. An update writes the older copy, makes it durable, then the other: one good copy is there at any moment.
// All numbers are little-endian. decode_label is given hostile bytes by a fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"

namespace tclone {

/// A stretch of one of the pool's devices.
struct Extent {
  std::uint32_t device = 0;  ///< index into Label::devices
  Bytes start, length;       ///< multiples of 1 MiB
  bool operator==(const Extent&) const = default;
};

struct Label {
  std::uint64_t sequence = 0;  ///< the higher one of two good copies counts
  std::uint64_t format = 1;
  Uuid pool;
  std::string name;           ///< the pool's name, at most 40 bytes
  std::uint32_t self = 0;     ///< index of the device this copy is on
  std::vector<Uuid> devices;  ///< one per device of the pool, in order; at most 32
  Bytes block;                ///< outer block size
  Extent state, metadata, spare;
  std::vector<Extent> data;  ///< concatenated in this order; at most 64
  std::string owner;         ///< host id that has the pool active, "" when it was deactivated or exported
  std::uint64_t epoch = 0;   ///< grows with every change of owner
  bool operator==(const Label&) const = default;
};

constexpr Bytes kLabelArea = kMiB;  ///< reserved at the head of every device
constexpr Bytes kLabelBlock{4096};
constexpr Bytes kLabelCopies[2] = {Bytes{0}, Bytes{512ULL * 1024}};

/// One 4 KiB block. usage error when a field does not fit.
[[nodiscard]] Result<std::vector<std::byte>> encode_label(const Label& label);
/// damaged when magic, CRC, format or geometry are wrong (overlapping or misaligned extents included);
/// "written by a newer tclone" when the format is larger than 1.
[[nodiscard]] Result<Label> decode_label(std::span<const std::byte> block);
/// True when the block begins with our magic, whatever follows.
[[nodiscard]] bool is_label(std::span<const std::byte> block);

struct LabelRead {
  Label label;
  int bad_copies = 0;   ///< 1: the other copy is damaged or older and should be mended with write_label
  std::string trouble;  ///< what was wrong with it
};
/// Reads both copies of an open device or file. not_found: no magic in either ("not a tclone pool");
/// damaged: magic there, no good copy.
[[nodiscard]] Result<LabelRead> read_label(int fd, const std::string& path);
/// Writes both copies with sequence = the highest of label.sequence and what is on the device, + 1, the older or bad one first, fdatasync after each, and
/// reads them back past the cache. Returns the label as written.
[[nodiscard]] Result<Label> write_label(int fd, const std::string& path, Label label);
/// A device of a pool that is open for writing, in the order of Label::devices.
struct LabelDevice {
  int fd = -1;
  std::string path;
};
/// write_label on every device of the pool, each with its own `self`, all with one sequence: the highest seen on any
/// of them or in `label`, + 1. Returns the label as written to the first device.
[[nodiscard]] Result<Label> write_labels(std::span<const LabelDevice> devices, Label label);
/// Overwrites both copies with zeros, durably.
[[nodiscard]] Status wipe_label(int fd, const std::string& path);

}  // namespace tclone
