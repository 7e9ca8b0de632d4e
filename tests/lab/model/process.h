// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace tclone::lab::model {

struct Ended {
  int status = 0;         ///< exit status, or 128 and the signal
  bool too_slow = false;  ///< it was killed because it had not ended in time
  std::string output;     ///< standard output and standard error, as they came
};

/// Runs a program (found in PATH) to its end, with these variables added to the environment and nothing on standard
/// input.
[[nodiscard]] Ended run_program(const std::vector<std::string>& words,
                                const std::vector<std::pair<std::string, std::string>>& env,
                                std::chrono::seconds limit);

}  // namespace tclone::lab::model
