// SPDX-License-Identifier: GPL-2.0-or-later
// After a crash: the outer pool's transaction id says whether the journalled operation reached its commit point.
// Before it: undo what it claimed. After it: write its records, pay its cleanup. Never needs a key.
#pragma once

#include <string>
#include <vector>

#include "engine/core/session.h"

namespace tclone::engine {

struct Recovered {
  bool anything = false;
  std::string operation;  ///< that was under way
  bool finished = false;  ///< true: it had been committed and was finished; false: undone
};

/// For a session that holds the lock. Without a journal it only compares transaction ids and, when the last command
/// was killed, resumes and tidies what that left. Running it twice changes nothing more.
[[nodiscard]] Result<Recovered> recover_session(Session& s);

/// Undoes what a plan or journal claims; for an operation that failed before its commit.
[[nodiscard]] Status undo(Session& s, const ToUndo& to_undo);
/// Runs the cleanup that is owed after the commit.
[[nodiscard]] Status clean_up(Session& s, const Cleanup& cleanup);

/// Marks the pool as being worked on until destroyed, in /run: a command that is killed leaves the mark, and the next
/// one tidies devices, not just the journal.
class WorkMark {
 public:
  [[nodiscard]] static Result<WorkMark> set(const Session& s);
  [[nodiscard]] static bool left_behind(const Session& s);
  /// Writes into the mark that a volume which was active is about to be taken down; recovery brings it back.
  static void note(const Session& s, const std::string& volume);
  /// The volumes in a mark that was left behind. What its command waited for udev with is given back.
  [[nodiscard]] static std::vector<std::string> noted(const Session& s);
  WorkMark(WorkMark&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkMark& operator=(WorkMark&&) = delete;
  WorkMark(const WorkMark&) = delete;
  WorkMark& operator=(const WorkMark&) = delete;
  ~WorkMark();
  /// Stays behind, as if the command had been killed.
  void leave() { path_.clear(); }

 private:
  explicit WorkMark(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// close_unused(); what it cannot close is left to the next command by the mark.
[[nodiscard]] Status close_or_leave(Session& s, WorkMark& mark);

}  // namespace tclone::engine
