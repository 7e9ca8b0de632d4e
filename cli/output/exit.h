// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "base/result.h"

namespace tclone::cli {

/// The exit code of the program: a Code's number is the code (tclone(1), EXIT STATUS).
[[nodiscard]] constexpr int exit_code(const Error& error) noexcept { return static_cast<int>(error.code); }

}  // namespace tclone::cli
