// SPDX-License-Identifier: GPL-2.0-or-later
// The thin ids in a thin-pool's metadata, read from the device details tree itself (dm-thin-metadata.c,
// dm-btree-internal.h): starting thin_ls takes longer than everything else the checker does.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.h"

namespace tclone::lab {

/// As of the last commit; nobody must be writing to the pool meanwhile.
[[nodiscard]] Result<std::set<std::uint32_t>> thin_ids(const std::string& metadata_device);

}  // namespace tclone::lab
