// SPDX-License-Identifier: GPL-2.0-or-later
// Compares what the records of an active pool say with what is there: lineage, transaction ids, thin ids of the outer
// pool and of every open vault, LUKS headers, key files, device-mapper devices and their tables, capacity, journal,
// anything suspended or idle.
#pragma once

#include <string>
#include <vector>

#include "dm/device_mapper.h"
#include "state/lineage.h"

namespace tclone::lab {

struct PoolLook {
  std::vector<std::string> wrong;  ///< each contradiction, a sentence
  std::string same;      ///< what makes two pools the same to their user: names, sizes, origins, versions, tags, keys
  std::string exact;     ///< also everything else that must not change by recovering once more
  std::string room;      ///< how large the vaults are
  unsigned stocked = 0;  ///< vaults made ahead, which `same` leaves out: they come and go in the background
  Records records;
};

struct Wanted {
  bool later_keys = false;  ///< the pool is an older image: key files of later vaults are fine
  bool thin_check = false;  ///< of each layer that is active
  bool written = false;  ///< volumes were written to since the last command: how much room they may want is not known
};

/// Looks at an active pool under /var/lib/tclone; the pool must be at rest. An error when it cannot be looked at.
[[nodiscard]] Result<PoolLook> look_at_pool(const std::string& pool, dm::DeviceMapper& mapper, Wanted wanted = {});

}  // namespace tclone::lab
