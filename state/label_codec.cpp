// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of one label copy (little-endian):
//    0  magic, 16 bytes          16  u32 format      20  u32 length: bytes in use, header included
//   24  u32 CRC-32 of the 4096 bytes with this field as zero                   28  u32 zero
//   32  u64 sequence             40  pool uuid       56  u32 self              60  u32 number of devices
//   64  u64 block                72  u64 epoch       then: device uuids; state, metadata and spare extents;
//       u32 number of data extents, the extents (u32 device, u64 start, u64 length); u32 + bytes of name and owner
// Everything behind `length` is zero. There is one encoding of a label, and decode_label accepts no other.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "state/label.h"
#include "state/rules.h"

namespace tclone {
namespace {

constexpr std::array<char, 16> kMagic{'t', 'c', 'l', 'o', 'n', 'e', ' ', 'p', 'o', 'o', 'l', '\n', 0x1a, 0, 0, 0};
constexpr std::size_t kFormatAt = 16;
constexpr std::size_t kLengthAt = 20;
constexpr std::size_t kCrcAt = 24;
constexpr std::size_t kBlock = kLabelBlock.n;
constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kMostDevices = 32;
constexpr std::size_t kMostData = 64;
constexpr std::size_t kMostOwner = 128;
constexpr std::uint64_t kMostEnd = 1ULL << 63U;  // off_t

class Put {
 public:
  Put() { bytes_.reserve(kBlock); }
  void number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  void raw(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  void extent(const Extent& e) {
    number(e.device, 4);
    number(e.start.n, 8);
    number(e.length.n, 8);
  }
  void text(const std::string& value) {
    number(value.size(), 4);
    raw(value.data(), value.size());
  }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads forward and never past the end: what is not there reads as zero and makes it bad for good.
class Get {
 public:
  explicit Get(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    const std::span<const std::byte> from = raw(size);
    for (std::size_t i = 0; i < from.size(); ++i) value |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
    return value;
  }
  std::uint32_t small() { return static_cast<std::uint32_t>(number(4)); }
  std::span<const std::byte> raw(std::size_t size) {
    if (bytes_.size() - at_ < size) good_ = false;
    if (!good_) return {};
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }
  Uuid uuid() {
    Uuid value;
    const std::span<const std::byte> from = raw(value.bytes.size());
    if (!from.empty()) std::memcpy(value.bytes.data(), from.data(), from.size());
    return value;
  }
  Extent extent() {
    Extent e;
    e.device = small();
    e.start.n = number(8);
    e.length.n = number(8);
    return e;
  }
  std::string text(std::size_t most) {
    const std::size_t size = small();
    if (size > most) good_ = false;
    const std::span<const std::byte> from = raw(size);
    return from.empty() ? std::string() : std::string(reinterpret_cast<const char*>(from.data()), from.size());
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool good_ = true;
};

std::uint32_t crc_of(std::span<const std::byte> block) {
  static constexpr std::array<unsigned char, 4> kZero{};
  const auto* bytes = reinterpret_cast<const unsigned char*>(block.data());
  uLong crc = ::crc32(0, bytes, kCrcAt);
  crc = ::crc32(crc, kZero.data(), kZero.size());
  return static_cast<std::uint32_t>(::crc32(crc, bytes + kCrcAt + 4, kBlock - kCrcAt - 4));
}

const char* wrong_extents(const Label& label) {
  std::vector<Extent> all{label.state, label.metadata, label.spare};
  all.insert(all.end(), label.data.begin(), label.data.end());
  for (const Extent& e : all) {
    if (e.device >= label.devices.size()) return "an extent is on a device the pool does not have";
    if (e.length.n == 0) return "an extent is empty";
    if (e.start.n % kMiB.n != 0 || e.length.n % kMiB.n != 0) return "an extent is not aligned to 1 MiB";
    if (e.start < kLabelArea) return "an extent overlaps the label";
    if (e.start.n >= kMostEnd || e.length.n > kMostEnd - e.start.n) return "an extent ends beyond any device";
  }
  std::sort(all.begin(), all.end(), [](const Extent& a, const Extent& b) {
    return std::pair(a.device, a.start.n) < std::pair(b.device, b.start.n);
  });
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i].device == all[i - 1].device && all[i].start < all[i - 1].start + all[i - 1].length)
      return "two extents overlap";
  return nullptr;
}

/// What is wrong with a label, for both directions; nullptr when nothing is.
const char* wrong_label(const Label& label) {
  if (label.format != kFormat) return "the format is not 1";
  if (label.pool.nil()) return "the pool has no UUID";
  if (label.name.size() > 40 || state::wrong_pool_name(label.name) != nullptr) return "the pool's name is not valid";
  if (label.owner.size() > kMostOwner || state::wrong_line(label.owner) != nullptr)
    return "the owner is not a line of at most 128 bytes";
  if (label.devices.empty() || label.devices.size() > kMostDevices) return "the pool has no device or more than 32";
  std::vector<Uuid> uuids = label.devices;
  std::sort(uuids.begin(), uuids.end());
  if (uuids.front().nil()) return "a device has no UUID";
  if (std::adjacent_find(uuids.begin(), uuids.end()) != uuids.end()) return "two devices have the same UUID";
  if (label.self >= label.devices.size()) return "the device is not one of the pool's";
  // dm-thin-pool takes 64 KiB to 1 GiB in steps of 64 KiB (thin-provisioning.rst).
  if (label.block < kKiB * 64 || label.block > kGiB || label.block.n % (kKiB.n * 64) != 0)
    return "the block size is no multiple of 64 KiB up to 1 GiB";
  if (label.data.empty() || label.data.size() > kMostData) return "the pool has no data extent or more than 64";
  return wrong_extents(label);
}

tl::unexpected<Error> damaged(const std::string& why) { return fail(Code::damaged, "label", why); }

}  // namespace

Result<std::vector<std::byte>> encode_label(const Label& label) {
  if (const char* wrong = wrong_label(label)) return fail(Code::usage, "label", wrong);
  Put put;
  put.raw(kMagic.data(), kMagic.size());
  put.number(label.format, 4);
  for (int i = 0; i < 3; ++i) put.number(0, 4);  // length, CRC, zero
  put.number(label.sequence, 8);
  put.raw(label.pool.bytes.data(), label.pool.bytes.size());
  put.number(label.self, 4);
  put.number(label.devices.size(), 4);
  put.number(label.block.n, 8);
  put.number(label.epoch, 8);
  for (const Uuid& device : label.devices) put.raw(device.bytes.data(), device.bytes.size());
  for (const Extent& e : {label.state, label.metadata, label.spare}) put.extent(e);
  put.number(label.data.size(), 4);
  for (const Extent& e : label.data) put.extent(e);
  put.text(label.name);
  put.text(label.owner);
  // 32 devices, 67 extents, name and owner take 2168 bytes at most.
  static_assert(80 + kMostDevices * 16 + (kMostData + 3) * 20 + 4 + 4 + 40 + 4 + kMostOwner <= kBlock);
  std::vector<std::byte>& bytes = put.bytes();
  const auto set = [&bytes](std::size_t at, std::uint64_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
  };
  set(kLengthAt, bytes.size());
  bytes.resize(kBlock);
  set(kCrcAt, crc_of(bytes));
  return std::move(bytes);
}

bool is_label(std::span<const std::byte> block) {
  return block.size() >= kMagic.size() && std::memcmp(block.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<Label> decode_label(std::span<const std::byte> block) {
  if (block.size() != kBlock) return damaged("is not 4096 bytes long");
  if (!is_label(block)) return damaged("does not begin with the magic of a tclone pool");
  Get header(block.subspan(kFormatAt, 16));
  Label label;
  label.format = header.small();
  const std::size_t length = header.small();
  const std::uint32_t crc = header.small();
  const std::uint32_t zero = header.small();
  // The CRC has its place and its extent in every format, so a flipped bit is never taken for a newer one.
  if (crc != crc_of(block)) return damaged("the checksum does not match");
  if (label.format > kFormat)
    return fail(Code::damaged, "label", "format " + std::to_string(label.format) + ", written by a newer tclone",
                "update tclone on this host");
  Get get(block.subspan(32));
  label.sequence = get.number(8);
  label.pool = get.uuid();
  label.self = get.small();
  const std::size_t devices = get.small();
  label.block.n = get.number(8);
  label.epoch = get.number(8);
  if (devices > kMostDevices) return damaged("more than 32 devices");
  for (std::size_t i = 0; i < devices; ++i) label.devices.push_back(get.uuid());
  for (Extent* e : {&label.state, &label.metadata, &label.spare}) *e = get.extent();
  const std::size_t extents = get.small();
  if (extents > kMostData) return damaged("more than 64 data extents");
  for (std::size_t i = 0; i < extents; ++i) label.data.push_back(get.extent());
  label.name = get.text(40);
  label.owner = get.text(kMostOwner);
  const std::span<const std::byte> rest = block.subspan(32 + get.at());
  if (!get.good() || zero != 0 || length != 32 + get.at() ||
      std::any_of(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{0}; }))
    return damaged("its fields do not add up to its length");
  if (const char* wrong = wrong_label(label)) return damaged(wrong);
  return label;
}

}  // namespace tclone
