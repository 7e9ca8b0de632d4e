// SPDX-License-Identifier: GPL-2.0-or-later
// Suspending a volume freezes the filesystem on it, which writes all that is cached of it while every writer waits: seconds, or
// more than the guard allows (freeze_super() in the kernel's fs/super.c blocks writers before it syncs). So that is written before.
#pragma once

#include <string>
#include <vector>

#include "engine/api/api.h"
#include "engine/core/session.h"

namespace tclone::engine {

/// Before the lock is taken, because it may take long. Nothing is done where a write could wait for ever: a pool that has no
/// room or takes no changes, a layer that is suspended. Best effort: what cannot be written now is written by the freeze.
/// \returns a step, with its time, for each volume that is in use.
std::vector<StepTime> write_out(Session& seen, const std::vector<std::string>& volumes);

}  // namespace tclone::engine
