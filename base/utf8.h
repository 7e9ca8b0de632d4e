// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tclone::utf8 {

/// The code point at `at`, moving `at` behind it; nothing when the bytes are no UTF-8 (RFC 3629: overlong forms, surrogates and
/// numbers above U+10FFFF are none). `at` is less than the text's size.
[[nodiscard]] std::optional<std::uint32_t> next(std::string_view text, std::size_t& at) noexcept;

/// C1 controls count too: U+009B begins an escape sequence on some terminals, as ESC [ does.
[[nodiscard]] constexpr bool is_control(std::uint32_t point) noexcept {
  return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

}  // namespace tclone::utf8
