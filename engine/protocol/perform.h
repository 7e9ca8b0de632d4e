// SPDX-License-Identifier: GPL-2.0-or-later
// The act to each action's text (plan/actions.h).
#pragma once

#include "engine/core/session.h"
#include "engine/core/work.h"
#include "plan/actions.h"

namespace tclone::engine {

/// Carries out one action. Each may be repeated after a crash: what is there already, or gone already, is fine.
[[nodiscard]] Status perform(Session& s, Work& w, const plan::Action& action);

/// Shared with recovery.
[[nodiscard]] Status delete_thin(Session& s, Work& w, const InnerRef& target);
[[nodiscard]] Status destroy_vault(Session& s, Work& w, const OuterRef& target);
/// Only the header and the key file: the thin stays.
[[nodiscard]] Status shred_header(Session& s, Work& w, const OuterRef& target);
[[nodiscard]] Status reset_vault(Session& s, Work& w, const OuterRef& target);
/// What the kernel says when a thin cannot be deleted; busy, naming the device, when somebody has one on it that is not ours,
/// or has given ours another name.
[[nodiscard]] Status explain_busy_thin(Session& s, const Status& deleted, const std::string& pool, ThinId thin);

/// Sends set_transaction_id and looks whether the kernel has it: true committed, false not. An error means unknown.
[[nodiscard]] Result<bool> commit(Session& s, const plan::Commit& commit);

}  // namespace tclone::engine
