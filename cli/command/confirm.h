// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"
#include "cli/command/invocation.h"

namespace tclone::cli {

/// Asks on the terminal whether to go on, where the command has --yes and neither that nor --dry-run was given.
/// usage error when there is no terminal to ask on; failed when the answer is not yes.
[[nodiscard]] Status confirm(const Invocation& call);

}  // namespace tclone::cli
