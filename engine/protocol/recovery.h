// SPDX-License-Identifier: GPL-2.0-or-later
// After a crash: the outer pool's transaction id says whether the journalled operation reached its commit point.
// Before it: undo what it claimed. After it: write its records, pay its cleanup. Never needs a key.
#pragma once

#include <string>
#include <vector>

#include "engine/core/session.h"
#include "engine/core/work.h"

namespace tclone::engine {

struct Recovered {
  bool anything = false;
  std::string operation;  ///< that was under way
  bool finished = false;  ///< true: it had been committed and was finished; false: undone
};

/// When devices are tidied: suspended ones resumed, layers without a user closed.
enum class Tidy {
  if_killed,  ///< when the last command left its mark
  always,     ///< also what somebody else has suspended: for a pool that is about to be closed
};

/// For a session that holds the lock. Without a journal it compares transaction ids and tidies devices as asked. Running it
/// twice changes nothing more. Leaves no mark when it succeeds: who goes on to change devices sets one afterwards.
[[nodiscard]] Result<Recovered> recover_session(Session& s, Tidy tidy = Tidy::if_killed);

/// Undoes what a plan or journal claims; for an operation that failed before its commit.
[[nodiscard]] Status undo(Session& s, Work& w, const ToUndo& to_undo);
/// Runs the cleanup that is owed after the commit.
[[nodiscard]] Status clean_up(Session& s, Work& w, const Cleanup& cleanup);

}  // namespace tclone::engine
