// SPDX-License-Identifier: GPL-2.0-or-later
// Standard output and standard error of one command. Results on the one, everything else on the other.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cli/command/invocation.h"
#include "engine/api/api.h"

namespace tclone::cli {

class Output {
 public:
  using Clock = std::chrono::steady_clock;

  /// `begun` is when the program began its work, which the last line of the timings counts from.
  explicit Output(const Globals& globals, Clock::time_point begun = Clock::now()) : globals_(globals), begun_(begun) {}

  [[nodiscard]] bool json() const { return globals_.json; }
  [[nodiscard]] bool dry_run() const { return globals_.dry_run; }
  /// A result.
  void print(std::string_view text) { out_ += text; }
  /// A result that only confirms: left out with -q.
  void confirm(std::string_view text) {
    if (!globals_.quiet) out_ += text;
  }
  /// Warnings and timings of an operation; its result is the caller's.
  void remarks(const engine::Outcome& outcome);
  /// One line on standard error, at once.
  static void say(std::string_view line);
  /// Writes what was printed. A reader that has gone away is no error; a full disk is.
  [[nodiscard]] Status flush();
  /// The error as text on standard error, and with --json as an object on standard output instead of any result.
  void fail(const Error& error);

 private:
  Globals globals_;
  Clock::time_point begun_;
  std::string out_;
};

}  // namespace tclone::cli
