// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/rules.h"

#include <charconv>

namespace tclone::state {
namespace {

bool is_name_start(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// The code point at `at`, moving `at` behind it; nothing when the bytes are no UTF-8 (RFC 3629: overlong forms,
// surrogates and numbers above U+10FFFF are none).
std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(at);
  if (lead < 0x80) return text[at++] & 0x7f;
  const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - at <= more) return std::nullopt;
  std::uint32_t point = lead & (0x3fU >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80U) return std::nullopt;
    point = (point << 6U) | (byte(at + i) & 0x3fU);
  }
  at += more + 1;
  if ((more == 2 && point < 0x800) || (more == 3 && point < 0x10000) || point > 0x10ffff) return std::nullopt;
  if (point >= 0xd800 && point <= 0xdfff) return std::nullopt;
  return point;
}

Wrong wrong_text(std::string_view text, bool many_lines) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto point = next_code_point(text, at);
    if (!point) return "must be valid UTF-8";
    if (many_lines && (*point == '\n' || *point == '\t')) continue;
    // C1 controls count too: U+009B begins an escape sequence on some terminals, as ESC [ does.
    if (*point < 0x20 || (*point >= 0x7f && *point < 0xa0))
      return many_lines ? "must not hold control characters other than newline and tab"
                        : "must not hold control characters";
  }
  return nullptr;
}

}  // namespace

bool is_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > 63 || !is_name_start(text[0])) return false;
  for (const char c : text)
    if (!is_name_start(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

Wrong wrong_name(std::string_view text) noexcept {
  return is_name(text) ? nullptr : "must be a name ([a-z0-9] and then at most 62 of [a-z0-9._-])";
}

Wrong wrong_pool_name(std::string_view text) noexcept {
  const bool good = is_name(text) && text.size() <= 40 && text.find('-') == std::string_view::npos;
  return good ? nullptr : "must be a pool name ([a-z0-9] and then at most 39 of [a-z0-9._])";
}

Wrong wrong_line(std::string_view text) noexcept { return wrong_text(text, false); }
Wrong wrong_message(std::string_view text) noexcept { return wrong_text(text, true); }

Wrong wrong_time(std::int64_t seconds) noexcept {
  return seconds >= 0 && seconds <= kMostTime ? nullptr : "must be a time from 1970 to 9999";
}

Wrong wrong_size(Bytes size, const SizeRule& rule) noexcept {
  const bool good = size.n >= rule.least && size.n <= kMostNumber && size.n % rule.multiple == 0;
  return good ? nullptr : rule.why;
}

std::optional<std::pair<std::string, std::uint64_t>> parse_version_name(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || !is_name(text.substr(0, at))) return std::nullopt;
  const std::string_view digits = text.substr(at + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (digits[0] == '0' || number > kMostNumber) return std::nullopt;
  return std::pair{std::string(text.substr(0, at)), number};
}

}  // namespace tclone::state
