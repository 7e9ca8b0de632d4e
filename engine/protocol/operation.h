// SPDX-License-Identifier: GPL-2.0-or-later
// The operation protocol (ARCHITECTURE.md): prepare, journal, reversible steps, commit, records, cleanup, best effort.
#pragma once

#include "engine/api/api.h"
#include "engine/core/session.h"
#include "engine/core/work.h"
#include "plan/plan.h"

namespace tclone::engine {

/// What run_plan advises when a signal came before the commit. Of a command made of several operations it may be true of the
/// last one only: that command has to say something else.
inline constexpr const char* kNothingChanged = "nothing was changed";

/// Runs a plan, or with Env::dry_run only tells its steps. When it returns an error, nothing has changed, unless the
/// error says that recovery is needed (Code::damaged). A failure after the commit is a warning in the outcome where
/// it leaves the operation whole (best effort), and an error where cleanup remain: the next command pays them.
[[nodiscard]] Result<Outcome> run_plan(Session& s, Work& w, plan::Plan plan);

/// Facts every plan wants.
[[nodiscard]] plan::Common common_facts(const Session& s);

}  // namespace tclone::engine
