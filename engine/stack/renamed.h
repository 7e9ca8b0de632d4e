// SPDX-License-Identifier: GPL-2.0-or-later
// Devices of a pool that somebody has given other names (dmsetup rename).
#pragma once

#include <vector>

#include "engine/core/env.h"
#include "state/lineage.h"

namespace tclone::engine {

/// One error for each (dm/by_uuid.h). Asks for every device of the host. `all` may be partial or empty: of the pool's own layers
/// it is known at any rate.
[[nodiscard]] Result<std::vector<Error>> renamed_devices(Env& env, const std::string& pool, const Uuid& uuid,
                                                         const Records& all);

/// The first of them. For before a pool is taken down: what has another name would stay, and with it what is below.
[[nodiscard]] Status refuse_renamed(Env& env, const std::string& pool);

}  // namespace tclone::engine
