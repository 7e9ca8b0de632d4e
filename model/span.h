// SPDX-License-Identifier: GPL-2.0-or-later
// Lengths of time as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tclone {

/// Seconds of "90s", "10m", "36h", "14d", "8w" or several of them ("1h 30m", "1h30m"); a number alone is seconds.
/// usage error for anything else, and for more than 1000 years.
[[nodiscard]] Result<std::int64_t> parse_span(std::string_view text);
/// The shortest spelling that parse_span reads: "10m", "1h 30m", "0s".
[[nodiscard]] std::string format_span(std::int64_t seconds);

}  // namespace tclone
