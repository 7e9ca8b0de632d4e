// SPDX-License-Identifier: GPL-2.0-or-later
// What a value in a record may be. The reader and the writer of records ask the same functions, so that nothing is
// ever written that would not be read again. Private to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/units.h"

namespace tclone::state {

/// TOML integers are signed 64-bit numbers, so no count in a record is larger.
constexpr std::uint64_t kMostNumber = (1ULL << 63) - 1;
constexpr std::int64_t kMostTime = 253402300799;  ///< 9999-12-31T23:59:59Z, the last one RFC 3339 can write

/// What is wrong with a value, as the end of a sentence ("must be ..."), or nullptr.
using Wrong = const char*;

/// `[a-z0-9][a-z0-9._-]{0,62}`: never "..", never with a slash, so a name is always a safe file name.
[[nodiscard]] bool is_name(std::string_view text) noexcept;
[[nodiscard]] Wrong wrong_name(std::string_view text) noexcept;
/// As a name, at most 40 characters and without a dash (device-mapper names are split at dashes).
[[nodiscard]] Wrong wrong_pool_name(std::string_view text) noexcept;
/// UTF-8 on one line, without control characters.
[[nodiscard]] Wrong wrong_line(std::string_view text) noexcept;
/// UTF-8, without control characters other than newline and tab.
[[nodiscard]] Wrong wrong_message(std::string_view text) noexcept;
/// RFC 3339 years from 1970 to 9999.
[[nodiscard]] Wrong wrong_time(std::int64_t seconds) noexcept;

struct SizeRule {
  std::uint64_t least;  ///< 0 where "none" is a legal size, else the multiple
  std::uint64_t multiple;
  Wrong why;
};
constexpr SizeRule kWholeSectors{512, 512, "must be a positive multiple of 512"};
constexpr SizeRule kSectorsOrNone{0, 512, "must be a multiple of 512"};
constexpr SizeRule kThinBlock{65536, 65536, "must be a positive multiple of 65536"};
[[nodiscard]] Wrong wrong_size(Bytes size, const SizeRule& rule) noexcept;

/// "db@7" as volume and number; nothing but the one spelling the writer uses (no leading zero, no sign).
[[nodiscard]] std::optional<std::pair<std::string, std::uint64_t>> parse_version_name(std::string_view text);

}  // namespace tclone::state
