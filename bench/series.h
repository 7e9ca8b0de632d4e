// SPDX-License-Identifier: GPL-2.0-or-later
// The table: every row with its goal, the keys it is made of, and why it is missed where it is.
#pragma once

#include <span>

#include "bench/statistics.h"

namespace tclone::bench {

/// In the order of the table.
[[nodiscard]] std::span<const Row> rows();

}  // namespace tclone::bench
