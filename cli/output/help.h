// SPDX-License-Identifier: GPL-2.0-or-later
// Help texts, made from the table. Pure.
#pragma once

#include <string>
#include <string_view>

#include "cli/command/commands.h"

namespace tclone::cli {

[[nodiscard]] std::string program_help();
/// Of a first word that several commands share ("pool").
[[nodiscard]] std::string group_help(std::string_view group);
[[nodiscard]] std::string command_help(const Command& command);

/// Breaks text at blanks so that no line is longer than `width`; every line but the first begins with `indent`
/// blanks. An empty line in the text stays one.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t width, std::size_t indent = 0);

}  // namespace tclone::cli
