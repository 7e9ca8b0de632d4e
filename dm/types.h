// SPDX-License-Identifier: GPL-2.0-or-later
// Values of the device-mapper room; no C library in sight.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace tclone::dm {

/// One line of a table: `start length type params`.
struct Target {
  Sectors start;
  Sectors length;
  std::string type;
  std::string params;
  bool operator==(const Target&) const = default;
};
using Table = std::vector<Target>;

/// Whether the host may look at a device. `hidden` layers get the udev flags that keep every rule but the node
/// itself away (no blkid, no by-uuid link, no LVM scan); `visible` is what a user mounts; `low_priority` is visible
/// but loses the by-uuid link to another holder of the same filesystem UUID (clones and versions).
enum class Udev { hidden, visible, low_priority };

struct Spec {
  std::string name;
  std::string uuid;
  Table table;
  bool read_only = false;
  Udev udev = Udev::hidden;
};

/// What the kernel says of one device.
struct Info {
  std::uint32_t major = 0, minor = 0;
  std::int32_t open_count = 0;
  bool suspended = false;
  bool read_only = false;
  bool live_table = false;
  bool inactive_table = false;
  std::string uuid;
  std::uint32_t event_nr = 0;
  /// "253:7", as tables name a device.
  [[nodiscard]] std::string dev() const { return std::to_string(major) + ":" + std::to_string(minor); }
};

struct Named {
  std::string name;
  std::uint32_t major = 0, minor = 0;
};

enum class PoolMode { rw, ro, out_of_data_space, out_of_metadata, fail };

/// A thin-pool's status line (thin-provisioning.rst); unknown trailing words are passed over.
struct PoolStatus {
  PoolMode mode = PoolMode::fail;
  std::uint64_t transaction = 0;
  std::uint64_t used_metadata = 0, total_metadata = 0;  ///< 4 KiB blocks
  std::uint64_t used_data = 0, total_data = 0;          ///< blocks of the pool
  std::optional<std::uint64_t> held_root;
  bool needs_check = false;
  bool error_if_full = false;
  /// Whether its metadata takes changes. A pool out of data space does: deletions and growth are what helps it.
  [[nodiscard]] bool writable() const {
    return !needs_check && (mode == PoolMode::rw || mode == PoolMode::out_of_data_space);
  }
  bool operator==(const PoolStatus&) const = default;
};

struct ThinStatus {
  bool failed = false;
  Sectors mapped;
  std::optional<Sectors> highest;
  bool operator==(const ThinStatus&) const = default;
};

struct Version {
  std::uint32_t major = 0, minor = 0, patch = 0;
};

}  // namespace tclone::dm
