// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace tclone::cli {

/// Fills the stock of vaults of a pool up again, in a process of its own (`tclone pool stock POOL`) that nobody waits for:
/// a session of its own, with nothing open but /dev/null. Whether it succeeds matters to the speed of the next clone only;
/// that it could not be started is said.
void refill_stock(const std::string& pool);

}  // namespace tclone::cli
