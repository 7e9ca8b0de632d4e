// SPDX-License-Identifier: GPL-2.0-or-later
// The pool's label: two copies, of which one is good at any moment.
#include "state/label.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "unit/catch.h"
#include "unit/state/samples.h"

using namespace tclone;

namespace {

Extent extent(std::uint32_t device, std::uint64_t start_mib, std::uint64_t mib) {
  return {device, kMiB * start_mib, kMiB * mib};
}

Label sample() {
  Label l;
  l.pool = samples::uuid(1);
  l.name = "tank";
  l.devices = {samples::uuid(2), samples::uuid(3)};
  l.block = kMiB;
  l.state = extent(0, 1, 64);
  l.metadata = extent(0, 65, 16);
  l.spare = extent(0, 81, 16);
  l.data = {extent(0, 97, 1000), extent(1, 1, 5000)};
  l.owner = "host-1";
  l.epoch = 3;
  return l;
}

/// A sparse file that stands for a device.
struct Device {
  samples::TempFolder folder;
  std::string path = folder / "device";
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  Device() { REQUIRE(::ftruncate(fd.get(), 4 << 20) == 0); }
  void flip(std::uint64_t at, unsigned char bit = 1) const {
    unsigned char byte = 0;
    REQUIRE(::pread(fd.get(), &byte, 1, static_cast<off_t>(at)) == 1);
    byte = static_cast<unsigned char>(byte ^ bit);
    REQUIRE(::pwrite(fd.get(), &byte, 1, static_cast<off_t>(at)) == 1);
  }
  void put(std::uint64_t at, const std::vector<std::byte>& bytes) const {
    REQUIRE(::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
            static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] Result<LabelRead> read() const { return read_label(fd.get(), path); }
  [[nodiscard]] Result<Label> write(const Label& label) const { return write_label(fd.get(), path, label); }
};

/// Gives the block the checksum it would have, so that what lies behind it is tested.
void reseal(std::vector<std::byte>& block) {
  for (std::size_t i = 24; i < 28; ++i) block[i] = std::byte{0};
  std::uint32_t crc = ~0U;  // CRC-32 as in gzip, a bit at a time
  for (const std::byte byte : block) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
  }
  crc = ~crc;
  for (std::size_t i = 0; i < 4; ++i) block[24 + i] = static_cast<std::byte>(crc >> (8 * i));
}

void no_geometry(const Label& label, const std::string& why) {
  const auto block = encode_label(label);
  REQUIRE_FALSE(block);
  CHECK(block.error().code == Code::usage);
  INFO(block.error().why);
  CHECK(block.error().why.find(why) != std::string::npos);
}

}  // namespace

TEST_CASE("a label comes back as it was encoded, the largest too") {
  Label l = sample();
  CHECK(decode_label(encode_label(l).value()).value() == l);
  l.devices.clear();
  for (int i = 0; i < 32; ++i) l.devices.push_back(samples::uuid(100 + i));
  l.data.clear();
  for (std::uint32_t i = 0; i < 64; ++i) l.data.push_back(extent(i / 2, 1000 + i % 2, 1));
  l.name = std::string(40, 'n');
  l.owner = std::string(128, 'o');
  l.self = 31;
  l.sequence = ~0ULL;
  const auto block = encode_label(l).value();
  CHECK(block.size() == 4096);
  CHECK(is_label(block));
  CHECK(decode_label(block).value() == l);
}

TEST_CASE("every flipped bit of a block is noticed") {
  const auto block = encode_label(sample()).value();
  for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
    auto bad = block;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto label = decode_label(bad);
    REQUIRE_FALSE(label.has_value());
    REQUIRE(label.error().code == Code::damaged);
    REQUIRE(label.error().why.find("newer") == std::string::npos);
  }
}

TEST_CASE("behind a good checksum, fields are still not believed") {
  const auto block = encode_label(sample()).value();
  int accepted = 0;
  for (std::size_t at = 16; at < 400; ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
      auto bad = block;
      bad[at] = static_cast<std::byte>(value);
      reseal(bad);
      const auto label = decode_label(bad);
      if (!label) continue;
      ++accepted;
      REQUIRE(encode_label(*label).value() == bad);  // one encoding only
    }
  }
  CHECK(accepted > 0);
  auto trailing = block;
  trailing[4095] = std::byte{1};
  reseal(trailing);
  CHECK_FALSE(decode_label(trailing));
}

TEST_CASE("geometry that cannot be is refused") {
  Label l = sample();
  l.state.start = Bytes{kMiB.n + 512};
  no_geometry(l, "not aligned");
  l = sample();
  l.state.start = Bytes{0};
  no_geometry(l, "overlaps the label");
  l = sample();
  l.spare = l.metadata;
  no_geometry(l, "two extents overlap");
  l = sample();
  l.data[0].start = kMiB * 96;
  no_geometry(l, "two extents overlap");
  l = sample();
  l.data[1].device = 2;
  no_geometry(l, "a device the pool does not have");
  l = sample();
  l.data[1].length = Bytes{0};
  no_geometry(l, "empty");
  l = sample();
  l.data[1].start = Bytes{(1ULL << 63U) - kMiB.n};
  l.data[1].length = kMiB * 2;
  no_geometry(l, "beyond any device");
  l.data[1].start = Bytes{~0ULL - kMiB.n + 1};
  no_geometry(l, "beyond any device");
  l = sample();
  l.data.clear();
  no_geometry(l, "no data extent");
  l = sample();
  l.devices[1] = l.devices[0];
  no_geometry(l, "same UUID");
  l = sample();
  l.self = 2;
  no_geometry(l, "not one of the pool's");
  l = sample();
  l.name = "a-b";
  no_geometry(l, "name");
  l = sample();
  l.name = std::string(41, 'n');
  no_geometry(l, "name");
  l = sample();
  l.owner = "a\nb";
  no_geometry(l, "owner");
  l = sample();
  l.block = Bytes{4096};
  no_geometry(l, "block size");
  l = sample();
  l.format = 2;
  no_geometry(l, "format");
}

TEST_CASE("a written label is read back, and counts its sequence on") {
  const Device device;
  CHECK(device.read().error().code == Code::not_found);
  CHECK(device.write(sample())->sequence == 1);
  CHECK(device.write(sample())->sequence == 2);
  Label l = sample();
  l.sequence = 40;
  CHECK(device.write(l)->sequence == 41);
  const auto read = device.read().value();
  CHECK(read.bad_copies == 0);
  l.sequence = 41;
  CHECK(read.label == l);
  REQUIRE(wipe_label(device.fd.get(), device.path));
  CHECK(device.read().error().code == Code::not_found);
}

TEST_CASE("a flipped byte anywhere in one copy is noticed and the other used") {
  const Device device;
  const Label written = device.write(sample()).value();
  for (const Bytes copy : kLabelCopies) {
    for (std::uint64_t at = 0; at < 4096; ++at) {
      device.flip(copy.n + at, 0x10);
      const auto read = device.read();
      REQUIRE(read);
      REQUIRE(read->bad_copies == 1);
      REQUIRE(read->label == written);
      REQUIRE_FALSE(read->trouble.empty());
      device.flip(copy.n + at, 0x10);
    }
  }
  device.flip(100);
  REQUIRE(device.write(written));
  CHECK(device.read()->bad_copies == 0);
}

TEST_CASE("two bad copies are damage, not an empty device") {
  const Device device;
  REQUIRE(device.write(sample()));
  device.flip(100);
  device.flip(kLabelCopies[1].n + 100);
  const auto read = device.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Code::damaged);
  CHECK(read.error().why.find("both copies") == 0);
}

TEST_CASE("of an interrupted update the newer copy counts and the older one is mended") {
  Label l = sample();
  for (const std::size_t newer : {0U, 1U}) {
    const Device device;
    l.sequence = 5;
    device.put(kLabelCopies[1 - newer].n, encode_label(l).value());
    l.sequence = 6;
    l.owner = "";
    device.put(kLabelCopies[newer].n, encode_label(l).value());
    const auto read = device.read().value();
    CHECK(read.label == l);
    CHECK(read.bad_copies == 1);
    CHECK(read.trouble.find("is older (5 < 6)") != std::string::npos);
    CHECK(device.write(read.label)->sequence == 7);
    CHECK(device.read()->bad_copies == 0);
  }
}

TEST_CASE("two copies of one sequence that differ are damage") {
  const Device device;
  Label l = sample();
  device.put(0, encode_label(l).value());
  l.owner = "host-2";
  device.put(kLabelCopies[1].n, encode_label(l).value());
  CHECK(device.read().error().code == Code::damaged);
}

TEST_CASE("a label of a newer tclone is neither read nor overwritten") {
  const Device device;
  REQUIRE(device.write(sample()));
  auto block = encode_label(sample()).value();
  block[16] = std::byte{2};
  reseal(block);
  device.put(kLabelCopies[1].n, block);
  CHECK(device.read().error().code == Code::damaged);
  CHECK(device.read().error().why.find("written by a newer tclone") != std::string::npos);
  CHECK(device.write(sample()).error().code == Code::damaged);
}

TEST_CASE("all devices of a pool get one sequence and their own number") {
  const Device first;
  const Device second;
  Label l = sample();
  l.sequence = 0;
  for (int i = 0; i < 3; ++i) REQUIRE(second.write(l));
  const std::vector<LabelDevice> devices{{first.fd.get(), first.path}, {second.fd.get(), second.path}};
  CHECK(write_labels(devices, l)->sequence == 4);
  CHECK(first.read()->label.self == 0);
  CHECK(second.read()->label.self == 1);
  CHECK(first.read()->label.sequence == 4);
  CHECK(second.read()->label.sequence == 4);
  CHECK(write_labels(std::span(devices).first(1), l).error().code == Code::usage);
}

TEST_CASE("a device too small for a label is no pool") {
  const Device device;
  for (const off_t size : {0, 100, 5000, 600000}) {
    REQUIRE(::ftruncate(device.fd.get(), 0) == 0);
    REQUIRE(::ftruncate(device.fd.get(), size) == 0);
    CHECK(device.read().error().code == Code::not_found);
  }
}
