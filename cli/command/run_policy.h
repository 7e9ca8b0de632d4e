// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "cli/command/run.h"

namespace tclone::cli {

/// Prints all mistakes; the exit code is that of the first.
[[nodiscard]] Ran run_policy_check(const Invocation& call, const engine::Paths& paths, Output& out);
[[nodiscard]] Ran run_policy_list(const Invocation& call, const engine::Paths& paths, Output& out);
[[nodiscard]] Ran run_policy_show(const Invocation& call, const engine::Paths& paths, Output& out);

}  // namespace tclone::cli
