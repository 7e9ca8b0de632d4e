// SPDX-License-Identifier: GPL-2.0-or-later
// The layers of a vault that somebody else has suspended (dm/suspended.h).
#pragma once

#include "engine/core/session.h"
#include "engine/core/work.h"

namespace tclone::engine {

/// busy, as dm::refuse_suspended, for a vault: its inner pool, and what that stands on. Secrets once a session.
[[nodiscard]] Status refuse_suspended(Session& s, Work& w, ThinId outer);

}  // namespace tclone::engine
