// SPDX-License-Identifier: GPL-2.0-or-later
// Completion scripts, made from the table. Pure. Names are asked of `tclone __names` when TAB is pressed.
#pragma once

#include <string>

#include "cli/command/commands.h"

namespace tclone::cli {

[[nodiscard]] std::string complete_bash();
[[nodiscard]] std::string complete_zsh();
[[nodiscard]] std::string complete_fish();

/// What `tclone __names` is asked for this kind, or "" when names do not complete it.
[[nodiscard]] std::string_view names_of(Kind kind);
/// Key sources, as they begin.
constexpr std::string_view kKeySources = "file: prompt stdin keyring: credential: exec: token";

}  // namespace tclone::cli
