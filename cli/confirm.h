// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "base/result.h"
#include "cli/invocation.h"

namespace tclone::cli {

/// Asks on the terminal whether to go on with `what` ("deletes db with its versions"), unless --yes or --dry-run was
/// given. usage error when there is no terminal to ask on; failed when the answer is not yes.
[[nodiscard]] Status confirm(const Invocation& call, const std::string& what);

}  // namespace tclone::cli
