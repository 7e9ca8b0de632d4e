// SPDX-License-Identifier: GPL-2.0-or-later
// Taking down what stands on a pool: volumes, versions, vaults.
#pragma once

#include <string>

#include "engine/core/session.h"
#include "engine/core/work.h"

namespace tclone::engine {

/// The refusal of close_active_pool() alone, for a dry run: busy, naming holders. Not active is fine.
[[nodiscard]] Status refuse_close(Env& env, const std::string& pool);

/// Volumes, versions and vaults down by the records; busy, naming holders, before anything is touched.
[[nodiscard]] Status close_everything(Session& s, Work& w);

/// The same by what the kernel lists, for a pool whose records cannot be read or whose metadata take no changes: what was
/// interrupted stays in the journal and is finished or undone after the next activation. busy when something is in use.
[[nodiscard]] Status close_by_devices(Env& env, const std::string& pool);

/// Recovery and close_everything(), or close_by_devices() with a warning where that cannot be: a pool whose device failed
/// must be possible to take down, or it could never be repaired.
[[nodiscard]] Status close_active_pool(Env& env, const std::string& pool);

}  // namespace tclone::engine
