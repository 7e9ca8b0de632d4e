// SPDX-License-Identifier: GPL-2.0-or-later
// From argv to an Invocation, by the table. CLI11 and its exceptions stay in parse.cpp.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli/command/invocation.h"

namespace tclone::cli {

/// -h or --help was given: the text to print.
struct Help {
  std::string text;
};
using Parsed = std::variant<Invocation, Help>;

/// The value of an environment variable, or "".
using Environment = std::function<std::string(const char*)>;

/// `args` without the program's name. Error usage for whatever the table does not allow.
[[nodiscard]] Result<Parsed> parse(const std::vector<std::string>& args, const Environment& env);

}  // namespace tclone::cli
