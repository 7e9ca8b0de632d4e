// SPDX-License-Identifier: GPL-2.0-or-later
// What is closed because nothing uses it any more.
#pragma once

#include "engine/core/session.h"
#include "engine/core/work.h"

namespace tclone::engine {

/// Closes what this session left idle, and what stands idle below that.
[[nodiscard]] Status close_unused(Session& s, Work& w);
/// Marks every open vault and active version of the pool as possibly idle: after a crash.
[[nodiscard]] Status mark_all_unused(Session& s, Work& w);

}  // namespace tclone::engine
