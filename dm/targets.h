// SPDX-License-Identifier: GPL-2.0-or-later
// Table lines as pure functions; each has its grammar above it, from Documentation/admin-guide/device-mapper.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "dm/types.h"

namespace tclone::dm {

/// A stretch of a device given as "major:minor".
struct Piece {
  std::string dev;
  Sectors start, length;
};

/// linear: `<dev path> <offset>`, one line a piece, concatenated.
[[nodiscard]] Table linear(std::span<const Piece> pieces);

/// striped over one device, `1 <chunk size> <dev path> <offset>`: it maps as linear does, but hands an empty flush on at
/// sector 0 instead of at `piece.start` (dm-stripe.c, stripe_map), whatever the kernel's version.
/// @param chunk at least a page; divides the piece's length.
[[nodiscard]] Table linear_flushing_at_zero(const Piece& piece, Sectors chunk);

struct PoolOptions {
  Sectors block;                ///< 128 (64 KiB) to 2097152 (1 GiB), a multiple of 128
  std::uint64_t low_water = 0;  ///< blocks
  bool zero = true;             ///< false adds skip_block_zeroing
  bool error_if_full = false;
  bool discard_passdown = true;
};
/// thin-pool: `<metadata dev> <data dev> <block size> <low water mark> [<number of feature args> <args>*]`
[[nodiscard]] Table thin_pool(const std::string& metadata, const std::string& data, Sectors length,
                              const PoolOptions& options);
/// thin: `<pool dev> <dev id> [<external origin dev>]`
[[nodiscard]] Table thin(const std::string& pool, ThinId id, Sectors length,
                         const std::optional<std::string>& external_origin = std::nullopt);

// Messages of a thin-pool.
[[nodiscard]] std::string create_thin(ThinId id);
[[nodiscard]] std::string create_snap(ThinId id, ThinId origin);
[[nodiscard]] std::string delete_thin(ThinId id);
[[nodiscard]] std::string set_transaction_id(std::uint64_t from, std::uint64_t to);

/// The thin id named by a `thin` target's parameters; damaged otherwise.
[[nodiscard]] Result<ThinId> thin_id_of(const Target& target);

[[nodiscard]] Result<PoolStatus> parse_pool_status(const std::string& params);
[[nodiscard]] Result<ThinStatus> parse_thin_status(const std::string& params);

/// "ok", "read-only", "needs check", "out of data space", "out of metadata", "failed".
[[nodiscard]] std::string health_text(const PoolStatus& status);

}  // namespace tclone::dm
