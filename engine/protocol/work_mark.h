// SPDX-License-Identifier: GPL-2.0-or-later
// The mark of a command at work: what it leaves in /run when it is killed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/core/session.h"
#include "engine/core/work.h"

namespace tclone::engine {

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
[[nodiscard]] Status close_or_leave(Session& s, Work& w, WorkMark& mark);

}  // namespace tclone::engine
