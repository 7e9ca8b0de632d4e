// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of `doctor`. Each looks, mends nothing, and adds what it found.
#pragma once

#include <vector>

#include "engine/core/lookup.h"
#include "engine/look/views.h"

namespace tclone::engine {

using Findings = std::vector<Finding>;

/// Header, key file, interrupted rekey and inner pool of every vault. `answers`: whether the outer pool tells its status. What
/// stands on one that does not is not read: it may never answer.
void look_at_vaults(Session& s, DeviceIndex& device_index, const Records& all, bool answers, Findings& out);

}  // namespace tclone::engine
