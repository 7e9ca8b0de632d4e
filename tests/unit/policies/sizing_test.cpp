// SPDX-License-Identifier: GPL-2.0-or-later
// Properties of the arithmetic, on many random inputs; a failing one prints its inputs.
#include "policies/sizing.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "unit/catch.h"

using namespace tclone;
using namespace tclone::policies;

namespace {

constexpr Bytes kMostMetadata{16ULL * 1024 * 1024 * 1024 - 128ULL * 1024 * 1024};
constexpr Bytes kLeastMetadata{16ULL << 20U};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::uint64_t number(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(engine_);
  }
  /// Sizes of every order of magnitude are equally likely.
  Bytes size(Bytes least, Bytes most) {
    const double exponent = std::uniform_real_distribution<double>(std::log2(static_cast<double>(least.n)),
                                                                   std::log2(static_cast<double>(most.n)))(engine_);
    return std::clamp(Bytes{static_cast<std::uint64_t>(std::exp2(exponent))}, least, most);
  }

 private:
  std::mt19937_64 engine_;
};

bool whole(Bytes b, Bytes unit) { return b.n % unit.n == 0; }

}  // namespace

TEST_CASE("areas of a pool are aligned, inside their devices, behind the label, and never overlap") {
  Dice dice(1);
  std::size_t laid_out = 0;
  for (int turn = 0; turn < 20000; ++turn) {
    std::vector<Bytes> devices(dice.number(1, 6));
    for (Bytes& d : devices) d = dice.size(kMiB * 20, kTiB * 200);
    const auto made = lay_out_pool(devices);
    if (!made) {
      CHECK(made.error().code == Code::usage);
      continue;
    }
    ++laid_out;
    std::string text;
    for (const Bytes d : devices) text += std::to_string(d.n) + " ";
    INFO(text);
    REQUIRE(made->data.size() == devices.size());
    std::vector<Stretch> all{made->state, made->metadata, made->spare};
    all.insert(all.end(), made->data.begin(), made->data.end());
    bool fine = made->metadata.length == made->spare.length;
    for (const Stretch& s : all) {
      fine = fine && whole(s.start, kMiB) && whole(s.length, kMiB) && s.length.n > 0 && s.start >= kMiB &&
             s.device < devices.size() && s.start + s.length <= devices[s.device];
    }
    for (const Stretch& d : made->data) fine = fine && whole(d.length, made->block);
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t j = i + 1; j < all.size(); ++j) {
        fine = fine && (all[i].device != all[j].device || all[i].start + all[i].length <= all[j].start ||
                        all[j].start + all[j].length <= all[i].start);
      }
    }
    fine = fine && made->state.length >= kMiB * 64 && made->state.length <= kGiB;
    fine = fine && made->metadata.length >= kLeastMetadata && made->metadata.length <= kMostMetadata;
    REQUIRE(fine);
  }
  CHECK(laid_out > 5000);
}

TEST_CASE("a pool is refused below its least size, with no device and with too many") {
  CHECK_FALSE(lay_out_pool({}));
  CHECK_FALSE(lay_out_pool({kMinPool - Bytes{1}}));
  CHECK(lay_out_pool({kMinPool}));
  CHECK_FALSE(lay_out_pool({kGiB, kMiB * 32}));
  CHECK(lay_out_pool({kGiB, kMiB * 33}));
  CHECK(lay_out_pool(std::vector<Bytes>(32, kGiB)));
  CHECK_FALSE(lay_out_pool(std::vector<Bytes>(33, kGiB)));
}

TEST_CASE("outer metadata has room for every block of the pool, sixteenfold while the format allows it") {
  Dice dice(2);
  for (int turn = 0; turn < 2000; ++turn) {
    const Bytes size = dice.size(kMinPool, kTiB * 64);
    const auto made = lay_out_pool({size});
    REQUIRE(made);
    const std::uint64_t blocks = made->data.front().length / made->block;
    INFO(size.n);
    REQUIRE((made->metadata.length == kMostMetadata || made->metadata.length.n >= blocks * 64 * 16));
    REQUIRE(made->metadata.length.n >= blocks * 64);
  }
}

TEST_CASE("the reserve is a twentieth within 16 MiB and 4 GiB and grows with the pool") {
  Dice dice(3);
  for (int turn = 0; turn < 5000; ++turn) {
    const Bytes a = dice.size(kMiB, kTiB * 200);
    const Bytes b = a + dice.size(kMiB, kTiB);
    INFO(a.n << " " << b.n);
    REQUIRE(reserve(a) >= kMiB * 16);
    REQUIRE(reserve(a) <= kGiB * 4);
    REQUIRE(reserve(a) <= reserve(b));
  }
}

TEST_CASE("a volume's size is the least multiple of 64 KiB that holds what was asked") {
  Dice dice(4);
  for (int turn = 0; turn < 5000; ++turn) {
    const Bytes asked = dice.size(kMinVolume, kMaxVolume);
    const auto made = volume_size(asked);
    INFO(asked.n);
    REQUIRE(made);
    REQUIRE(*made >= asked);
    REQUIRE(*made - asked < kKiB * 64);
    REQUIRE(whole(*made, kKiB * 64));
    REQUIRE(*volume_size(*made) == *made);
  }
  CHECK_FALSE(volume_size(kMinVolume - Bytes{1}));
  CHECK(*volume_size(kMinVolume) == kMinVolume);
  CHECK(*volume_size(kMaxVolume) == kMaxVolume);
  CHECK_FALSE(volume_size(kMaxVolume + Bytes{1}));
}

TEST_CASE("an inner block is a power of two from 64 KiB on and keeps the blocks of a volume bounded") {
  Dice dice(5);
  for (int turn = 0; turn < 5000; ++turn) {
    const Bytes a = *volume_size(dice.size(kMinVolume, Bytes{kMaxVolume.n / 2}));
    const Bytes b = *volume_size(a + kMiB);
    INFO(a.n);
    const Bytes block = inner_block(a);
    REQUIRE(block >= kKiB * 64);
    REQUIRE(block <= kGiB);  // the format's largest
    REQUIRE((block.n & (block.n - 1)) == 0);
    REQUIRE(a / block <= (1U << 24U));
    REQUIRE(block <= inner_block(b));
  }
  CHECK(inner_block(kTiB) == kKiB * 64);
  CHECK(inner_block(kTiB + kMiB) == kKiB * 128);
}

TEST_CASE("the capacity rule holds after growing, and growing is monotonous and in whole blocks") {
  Dice dice(6);
  for (int turn = 0; turn < 20000; ++turn) {
    const Bytes volume = *volume_size(dice.size(kMinVolume, kMaxVolume));
    const Bytes block = inner_block(volume);
    const Bytes first = first_capacity(block, volume);
    const std::uint64_t used = dice.number(0, first / block * 3);
    const Bytes writable = volume * dice.number(1, 20);
    const Bytes needed = needed_capacity(block, used, writable);
    const Bytes grown = grown_capacity(block, first, needed);
    INFO(volume.n << " used " << used << " writable " << writable.n);
    REQUIRE(needed.n >= used * block.n + writable.n);
    REQUIRE(first >= volume + std::min(volume, kGiB * 256));
    REQUIRE(whole(first, block));
    REQUIRE(grown >= needed);
    REQUIRE(grown >= first);
    REQUIRE(whole(grown, block));
    REQUIRE(grown_capacity(block, grown, needed) == grown);
    REQUIRE((grown == first || grown.n >= first.n + first.n / 2));
  }
}

TEST_CASE("inner metadata stays between 16 MiB and 15.875 GiB, grows with capacity, and what is ahead fits in it") {
  Dice dice(7);
  for (int turn = 0; turn < 20000; ++turn) {
    const Bytes volume = *volume_size(dice.size(kMinVolume, kMaxVolume));
    const Bytes block = inner_block(volume);
    const Bytes capacity = first_capacity(block, volume);
    const Bytes metadata = inner_metadata(block, capacity);
    const Bytes outer = dice.number(0, 1) == 0 ? kMiB : kMiB * 4;
    const Bytes formatted = formatted_metadata(block, capacity, metadata);
    const Bytes used = kKiB * 4 * dice.number(0, metadata / (kKiB * 4));
    const Bytes ahead = provisioned_metadata(outer, block, used, volume, metadata);
    INFO(volume.n << " outer " << outer.n << " used " << used.n);
    REQUIRE(metadata >= kLeastMetadata);
    REQUIRE(metadata <= kMostMetadata);
    REQUIRE(metadata <= kMetadataRoom);
    REQUIRE(whole(metadata, kMiB));
    REQUIRE(metadata <= inner_metadata(block, capacity * 2));
    REQUIRE(formatted <= metadata);
    REQUIRE(whole(ahead, outer));
    REQUIRE(ahead >= used);
    REQUIRE(ahead <= round_up(metadata, outer));
    REQUIRE(ahead <= provisioned_metadata(outer, block, used, volume * 2, metadata));
    // Header, metadata and data lie on the outer thin.
    REQUIRE(kHeader + kMetadataRoom + capacity <= kOuterThin);
  }
}

TEST_CASE("inner metadata grow with what versions use of them, long before they are full") {
  Dice dice(8);
  for (int turn = 0; turn < 20000; ++turn) {
    const Bytes block = kKiB * 64;
    const Bytes volume = *volume_size(dice.size(kMinVolume, kTiB));
    const Bytes used = kKiB * 4 * dice.number(0, kMostMetadata / (kKiB * 4));
    const Bytes metadata = metadata_for_use(block, used, volume);
    INFO(volume.n << " used " << used.n);
    REQUIRE(whole(metadata, kMiB));
    REQUIRE(metadata <= kMostMetadata);
    REQUIRE(metadata >= used);
    // What is made larger is not near its end, unless it is as large as it can be.
    REQUIRE((metadata == kMostMetadata || !metadata_filling(used / (kKiB * 4), metadata / (kKiB * 4))));
    // A vault as it is made has no need of it.
    REQUIRE(metadata_for_use(block, kKiB * 256, volume) <= inner_metadata(block, first_capacity(block, volume)));
  }
  CHECK_FALSE(metadata_filling(799, 1000));
  CHECK(metadata_filling(800, 1000));
  CHECK_FALSE(metadata_near_end(899, 1000));
  CHECK(metadata_near_end(900, 1000));
}

TEST_CASE("the whole inner metadata device has outer blocks, up to volumes of forty gibibytes") {
  Dice dice(9);
  for (int turn = 0; turn < 20000; ++turn) {
    const Bytes writable = *volume_size(dice.size(kMinVolume, kTiB));
    const Bytes block = inner_block(writable);
    const Bytes capacity = first_capacity(block, writable);
    const Bytes outer = dice.number(0, 1) == 0 ? kMiB : kMiB * 4;
    const Bytes used = kKiB * 4 * dice.number(0, 100000);
    const MetadataSize size = metadata_size(outer, block, capacity, used, writable);
    INFO(writable.n << " used " << used.n << " outer " << outer.n);
    REQUIRE(size.provisioned <= round_up(size.device, outer));
    REQUIRE(size.device >= used);
    if (writable <= kGiB * 40) REQUIRE(size.provisioned == size.device);
    if (size.provisioned == size.device) REQUIRE(metadata_suffices(size.device, block, used, writable));
    // What no longer suffices grows.
    if (size.provisioned == size.device && !metadata_suffices(size.device, block, used * 2, writable)) {
      REQUIRE(metadata_size(outer, block, capacity, used * 2, writable).device > size.device);
    }
  }
  CHECK(metadata_size(kMiB, kKiB * 64, kGiB * 16, kKiB * 300, kGiB) == MetadataSize{kMiB * 2, kMiB * 2});
}

TEST_CASE("making a volume stays flat: what formatting writes is bounded for every size") {
  for (Bytes volume = kMinVolume; volume <= kMaxVolume; volume = volume * 2) {
    const Bytes block = inner_block(volume);
    const Bytes capacity = first_capacity(block, volume);
    INFO(format_size(volume));
    CHECK(formatted_metadata(block, capacity, inner_metadata(block, capacity)) <= kMiB * 8);
  }
  CHECK(first_capacity(kKiB * 64, kGiB) == kGiB * 16);
  CHECK(first_capacity(kKiB * 64, kGiB * 3) == kGiB * 48);
  CHECK(first_capacity(kKiB * 64, kGiB * 100) == kGiB * 200);
  CHECK(first_capacity(kMiB, kTiB * 16) == kTiB * 16 + kGiB * 256);
}
