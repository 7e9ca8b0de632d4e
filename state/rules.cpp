// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/rules.h"

#include <charconv>

#include "base/utf8.h"

namespace tclone::state {
namespace {

bool is_name_start(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

Wrong wrong_text(std::string_view text, bool many_lines) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto point = utf8::next(text, at);
    if (!point) return "must be valid UTF-8";
    if (many_lines && (*point == '\n' || *point == '\t')) continue;
    if (utf8::is_control(*point))
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
