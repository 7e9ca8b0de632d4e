// SPDX-License-Identifier: GPL-2.0-or-later
// What other commands use of activation; the commands themselves are in api.h.
#pragma once

#include <string>

#include "engine/api/api.h"

namespace tclone::engine {

/// activate() of every volume, with a warning for each that cannot be.
[[nodiscard]] Result<Outcome> activate_volumes(Env& env, const std::string& pool);

}  // namespace tclone::engine
