// SPDX-License-Identifier: GPL-2.0-or-later
// The pool itself.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.h"
#include "base/uuid.h"

namespace tclone {

/// What the outer pool does with writes when it is full (thin-pool feature error_if_no_space).
enum class WhenFull { queue, error };

/// pool.toml
struct PoolRecord {
  Uuid uuid;
  std::string name;
  std::uint64_t transaction = 0;  ///< equals the kernel's transaction id of the outer pool
  std::uint32_t next_outer = 1;   ///< next outer thin id
  std::uint32_t sector_size = 4096;
  Bytes block;  ///< outer block size, as in the label
  WhenFull when_full = WhenFull::queue;
  std::int64_t created = 0;
  std::uint32_t stock = 0;  ///< how many vaults are kept made ahead for own-key clones
  Bytes stock_for;          ///< size of the volume that the next one is made for: that of the latest clone
  bool operator==(const PoolRecord&) const = default;
};

}  // namespace tclone
