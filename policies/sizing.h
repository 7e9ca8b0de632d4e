// SPDX-License-Identifier: GPL-2.0-or-later
// How large things are made. Pure arithmetic; tests/unit/policies/sizing_test.cpp holds the properties.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace tclone::policies {

// ---- pool ---------------------------------------------------------------------------------------------------

struct Stretch {
  std::uint32_t device = 0;
  Bytes start, length;
};

/// Where the areas of a pool lie; all multiples of 1 MiB.
struct PoolLayout {
  Bytes block;  ///< of the outer pool
  Stretch state, metadata, spare;
  std::vector<Stretch> data;  ///< one a device
};

/// The smallest device or file that makes a pool.
constexpr Bytes kMinPool{160ULL << 20U};
/// Outer block size by pool size: 1 MiB up to 64 TiB, then 4 MiB. Coarse blocks cost nothing because outer thins are
/// never snapshotted, and keep outer metadata small.
[[nodiscard]] Bytes outer_block(Bytes pool);
/// Lays out the devices in order: label on each, state, metadata and spare on the first, data on all.
/// Metadata has room for the pool growing sixteenfold (64 bytes a mapping). usage error: too small or too many.
[[nodiscard]] Result<PoolLayout> lay_out_pool(const std::vector<Bytes>& devices);
/// The data extents of a pool whose devices have these sizes now: the last one made longer where its device grew, or a
/// new one behind it, because what is concatenated already must keep its place. Returns the present ones when nothing
/// grew by a whole block.
[[nodiscard]] std::vector<Stretch> grown_data(const std::vector<Stretch>& data, const std::vector<Bytes>& devices,
                                              Bytes block);
/// Free space below which commands that need more are refused: 5 %, at least 16 MiB, at most 4 GiB.
[[nodiscard]] Bytes reserve(Bytes pool_data);

// ---- vault --------------------------------------------------------------------------------------------------
// On the outer thin: [header 2 MiB][metadata, virtual 16 GiB][data]

constexpr Bytes kHeader{2ULL << 20U};
/// Room kept for inner metadata: the format's own maximum is 15.875 GiB.
constexpr Bytes kMetadataRoom{16ULL << 30U};
/// A repair writes to the half that is not in use.
constexpr Bytes kMetadataHalf{kMetadataRoom.n / 2};
/// Where in its room the inner metadata lies after so many repairs.
[[nodiscard]] constexpr Bytes metadata_start(std::uint32_t repairs) {
  return repairs % 2 == 0 ? Bytes{0} : kMetadataHalf;
}
/// Virtual size of every outer thin. It is fixed, so that a growing vault resizes only its linear data device, never
/// dm-crypt (whose resize would ask for the key again) nor the outer thin.
constexpr Bytes kOuterThin{1ULL << 50U};
constexpr Bytes kMinVolume{4ULL << 20U};
constexpr Bytes kMaxVolume{256ULL << 40U};

/// A volume's size as it is made: rounded up to 64 KiB. usage error outside kMinVolume..kMaxVolume.
[[nodiscard]] Result<Bytes> volume_size(Bytes asked);
/// Inner block size: 64 KiB up to 1 TiB, doubling beyond so that formatting stays flat (one 4 KiB bitmap block per
/// 16,384 blocks).
[[nodiscard]] Bytes inner_block(Bytes volume);
/// The capacity rule: capacity >= blocks used + sum of the sizes of the writable volumes, with which no inner pool can
/// run out of data space between two operations. Rounded up to whole blocks.
[[nodiscard]] Bytes needed_capacity(Bytes block, std::uint64_t used_blocks, Bytes writable);
/// The capacity a vault begins with: sixteen times its first volume where that is cheap (up to 64 GiB), so that clones
/// and publishes seldom grow it; then twice the volume, and from 256 GiB on 256 GiB more than it, because formatting writes
/// bitmaps for all of it, and most own-key clones are never cloned within their vault.
[[nodiscard]] Bytes first_capacity(Bytes block, Bytes volume);
/// What formatting an inner pool writes to its metadata: bitmaps of both space maps (one 4 KiB block per 16,320 blocks)
/// and some roots, with a little for the first operations.
[[nodiscard]] Bytes formatted_metadata(Bytes block, Bytes capacity, Bytes metadata);
/// The capacity to grow to when `needed` exceeds the present one: at least half as much again, so that publishes do not
/// grow it each time.
[[nodiscard]] Bytes grown_capacity(Bytes block, Bytes present, Bytes needed);
/// Size of the inner metadata device for a capacity: 96 bytes a block (twice what a dense tree takes, so that a
/// snapshot's whole tree can be copied), from 16 MiB up to 15.875 GiB, multiple of 1 MiB.
[[nodiscard]] Bytes inner_metadata(Bytes block, Bytes capacity);
/// The same for what is used of it, which versions make more of than capacity does: twice what is used and what the
/// writable volumes could still add, so that it grows seldom and long before its end. Multiple of 1 MiB.
[[nodiscard]] Bytes metadata_for_use(Bytes inner_block, Bytes used, Bytes writable);
/// Whether so much of a thin-pool's metadata is used that nothing new begins in it: nine tenths.
[[nodiscard]] bool metadata_near_end(std::uint64_t used, std::uint64_t total);
/// Whether it should be said: eight tenths.
[[nodiscard]] bool metadata_filling(std::uint64_t used, std::uint64_t total);
/// How much of the metadata area has outer blocks ahead of its use: what is used now, plus 48 bytes for every block
/// the writable volumes could still fill (at most 32 MiB), at least one outer block; whole outer blocks, never more
/// than the device. Running full, the outer pool then fails data writes only.
[[nodiscard]] Bytes provisioned_metadata(Bytes outer_block, Bytes inner_block, Bytes used, Bytes writable,
                                         Bytes device);

/// An inner metadata device, and how much of it has outer blocks.
struct MetadataSize {
  Bytes device, provisioned;
  bool operator==(const MetadataSize&) const = default;
};
/// The device is as large as what is provisioned wherever that is affordable (up to 32 MiB ahead, which serves some 43 GiB of
/// writable volumes): the kernel hands out metadata blocks from one end of the device to the other before it comes back to
/// freed ones (since Linux 5.13, dm-space-map-metadata.c, sm_metadata_new_block_), so a device with a tail that has no outer
/// blocks meets a full outer pool there sooner or later, and its pool is then read-only. Beyond that the device is
/// large enough for everything, and only its head provisioned. A fifth stays free for the kernel's own reserve of a tenth.
[[nodiscard]] MetadataSize metadata_size(Bytes outer_block, Bytes inner_block, Bytes capacity, Bytes used,
                                         Bytes writable);
/// Whether a device of this size still holds what is used and may come: it grows when it does not, not at every block.
[[nodiscard]] bool metadata_suffices(Bytes device, Bytes inner_block, Bytes used, Bytes writable);

}  // namespace tclone::policies
