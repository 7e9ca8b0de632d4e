// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/sizing.h"

#include <algorithm>

namespace tclone::policies {
namespace {

constexpr Bytes kMaxMetadata{16ULL * 1024 * 1024 * 1024 - 128ULL * 1024 * 1024};  // 15.875 GiB, 1 MiB aligned
constexpr std::size_t kMaxDevices = 32;

constexpr Bytes clamp(Bytes v, Bytes low, Bytes high) { return std::min(std::max(v, low), high); }

constexpr Bytes kMostAhead = kMiB * 32;

/// What the writable volumes could still add to the metadata of their pool.
Bytes all_metadata_ahead(Bytes inner, Bytes writable) { return Bytes{48} * (round_up(writable, inner) / inner); }
Bytes metadata_ahead(Bytes inner, Bytes writable) { return std::min(all_metadata_ahead(inner, writable), kMostAhead); }

}  // namespace

Bytes outer_block(Bytes pool) { return pool <= kTiB * 64 ? kMiB : kMiB * 4; }

Bytes reserve(Bytes pool_data) { return clamp({pool_data.n / 20}, kMiB * 16, kGiB * 4); }

Result<PoolLayout> lay_out_pool(const std::vector<Bytes>& devices) {
  if (devices.empty() || devices.size() > kMaxDevices) {
    return fail(Code::usage, "pool", "a pool takes 1 to 32 devices");
  }
  Bytes total{};
  for (const Bytes d : devices) total = total + round_down(d, kMiB);
  PoolLayout out;
  out.block = outer_block(total);
  const Bytes state = clamp(round_up({total.n / 256}, kMiB), kMiB * 64, kGiB);
  const Bytes metadata = clamp(round_up({total.n / out.block.n * 64 * 16}, kMiB), kMiB * 16, kMaxMetadata);
  Bytes at = kMiB;  // behind the label
  const auto take = [&at](Bytes length) {
    const Stretch s{0, at, length};
    at = at + length;
    return s;
  };
  out.state = take(state);
  out.metadata = take(metadata);
  out.spare = take(metadata);
  for (std::uint32_t i = 0; i < devices.size(); ++i) {
    const Bytes start = i == 0 ? at : kMiB;
    const Bytes end = round_down(devices[i], kMiB);
    // The first device must hold every area and some data; a further one its label and some data.
    if (end.n < start.n + 32 * kMiB.n || (i == 0 && devices[i] < kMinPool)) {
      return fail(Code::usage, "pool",
                  "device " + std::to_string(i + 1) + " is too small (" + format_size(devices[i]) + ")",
                  "a pool needs at least " + format_size(std::max(kMinPool, at + kMiB * 32)) +
                      " on its first device and 33M on each further one");
    }
    out.data.push_back({i, start, round_down(end - start, out.block)});
  }
  return out;
}

Result<Bytes> volume_size(Bytes asked) {
  if (asked < kMinVolume || asked > kMaxVolume) {
    return fail(Code::usage, format_size(asked), "not a possible size of a volume",
                "choose between " + format_size(kMinVolume) + " and " + format_size(kMaxVolume));
  }
  return round_up(asked, kKiB * 64);
}

std::vector<Stretch> grown_data(const std::vector<Stretch>& data, const std::vector<Bytes>& devices, Bytes block) {
  std::vector<Stretch> out = data;
  for (std::uint32_t i = 0; i < devices.size(); ++i) {
    Bytes used = kMiB;  // the label
    for (const Stretch& s : out) {
      if (s.device == i) used = std::max(used, s.start + s.length);
    }
    const Bytes end = round_down(devices[i], kMiB);
    if (end < used + block) continue;
    const Bytes more = round_down(end - used, block);
    if (!out.empty() && out.back().device == i && out.back().start + out.back().length == used) {
      out.back().length = out.back().length + more;
    } else {
      out.push_back({i, used, more});
    }
  }
  return out;
}

Bytes inner_block(Bytes volume) {
  Bytes block = kKiB * 64;
  while (volume.n / block.n > kTiB.n / (kKiB.n * 64)) block = block * 2;
  return block;
}

Bytes needed_capacity(Bytes block, std::uint64_t used_blocks, Bytes writable) {
  return block * used_blocks + round_up(writable, block);
}

Bytes first_capacity(Bytes block, Bytes volume) {
  return round_up(std::max(volume + std::min(volume, kGiB * 256), std::min(volume * 16, kGiB * 64)), block);
}

Bytes formatted_metadata(Bytes block, Bytes capacity, Bytes metadata) {
  constexpr std::uint64_t kPerBitmap =
      16320;  // entries of two bits in 4096 bytes less a header (persistent-data, disk_bitmap_header)
  const std::uint64_t bitmaps = capacity / block / kPerBitmap + metadata / (kKiB * 4) / kPerBitmap + 2;
  return kKiB * 4 * (bitmaps + 32);
}

Bytes grown_capacity(Bytes block, Bytes present, Bytes needed) {
  if (needed <= present) return present;
  return round_up(std::max(needed, Bytes{present.n + present.n / 2}), block);
}

Bytes inner_metadata(Bytes block, Bytes capacity) {
  return clamp(round_up(Bytes{96} * (capacity / block), kMiB), kMiB * 16, kMaxMetadata);
}

Bytes metadata_for_use(Bytes inner, Bytes used, Bytes writable) {
  return std::min(round_up((used + metadata_ahead(inner, writable)) * 2, kMiB), kMaxMetadata);
}

bool metadata_near_end(std::uint64_t used, std::uint64_t total) { return used * 10 >= total * 9; }
bool metadata_filling(std::uint64_t used, std::uint64_t total) { return used * 10 >= total * 8; }

Bytes provisioned_metadata(Bytes outer, Bytes inner, Bytes used, Bytes writable, Bytes device) {
  const Bytes want = std::max(round_up(used + metadata_ahead(inner, writable), outer), outer);
  return std::min(want, round_up(device, outer));
}

MetadataSize metadata_size(Bytes outer, Bytes inner, Bytes capacity, Bytes used, Bytes writable) {
  const Bytes ahead = all_metadata_ahead(inner, writable);
  if (ahead <= kMostAhead) {
    const Bytes whole = round_up({(used + ahead).n / 4 * 5}, std::max(outer, kMiB));
    return {whole, whole};
  }
  const Bytes device = std::max(inner_metadata(inner, capacity), metadata_for_use(inner, used, writable));
  return {device, provisioned_metadata(outer, inner, used, writable, device)};
}

bool metadata_suffices(Bytes device, Bytes inner, Bytes used, Bytes writable) {
  return (used + all_metadata_ahead(inner, writable)).n <= device.n / 10 * 9;
}

}  // namespace tclone::policies
