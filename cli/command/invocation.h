// SPDX-License-Identifier: GPL-2.0-or-later
// A command line that was understood: a command of the table and what was given with it, as text.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "cli/command/commands.h"

namespace tclone::cli {

struct Globals {
  std::string pool;  ///< -p, else TCLONE_POOL, else ""
  bool json = false;
  bool dry_run = false;
  bool quiet = false;
  bool timings = false;
  bool help = false;
  int verbose = 0;
  log::Level level = log::Level::warn;  ///< from -v and TCLONE_LOG
  std::chrono::seconds lock_timeout{30};
};

class Invocation {
 public:
  explicit Invocation(const Command& command) : command_(&command) {}

  [[nodiscard]] const Command& command() const { return *command_; }
  /// Whether an option or positional was given. Asking for one that the command's entry does not have is a mistake
  /// in this program: std::logic_error.
  [[nodiscard]] bool has(std::string_view name) const { return !all(name).empty(); }
  /// Its value, or "" when it was not given.
  [[nodiscard]] std::string one(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& all(std::string_view name) const;

  void put(std::string_view name, std::vector<std::string> values);

  Globals globals;

 private:
  const Command* command_;
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
};

}  // namespace tclone::cli
