// SPDX-License-Identifier: GPL-2.0-or-later
// How a command that changes something begins.
#pragma once

#include <functional>
#include <string>

#include "engine/core/session.h"
#include "engine/core/work.h"

namespace tclone::engine {

/// Takes the pool's lock, finishes or undoes what a crash left, and compares the kernel's transaction id with the record's
/// (damaged, naming both, when they differ without a journal). `first` is done before the lock is taken, with the pool as it
/// is then; not in a dry run, which takes no lock and recovers nothing.
/// \param w  of the command, empty: may_begin_anew is set
[[nodiscard]] Result<Session> begin_change(Env& env, Work& w, const std::string& asked,
                                           const std::function<void(Session&)>& first = {});

}  // namespace tclone::engine
