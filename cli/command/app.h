// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command/parse.h"
#include "cli/command/run.h"

namespace tclone::cli {

/// What main knows about the process.
struct Host {
  Environment env;
  engine::Paths paths;
  bool root = false;
  /// Makes an Env and hands it to the function; fails when the kernel or a library lacks something. Called only for
  /// commands that work on pools.
  std::function<Ran(const Invocation&, const std::function<Ran(engine::Env&)>&)> with_env;
};

/// The whole program: parses, runs, reports. Returns the exit code.
[[nodiscard]] int run(const std::vector<std::string>& args, const Host& host);

}  // namespace tclone::cli
