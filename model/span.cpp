// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/span.h"

#include <array>

namespace tclone {
namespace {

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr std::array<Unit, 5> kUnits{{{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};
constexpr std::int64_t kMost = 1000LL * 366 * 86400;

std::int64_t unit_of(char letter) {
  for (const Unit& unit : kUnits) {
    if (unit.letter == letter) return unit.seconds;
  }
  return 0;
}

}  // namespace

Result<std::int64_t> parse_span(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::usage, "\"" + std::string(text) + "\"", "is not a length of time",
                "write a number with s, m, h, d or w, such as 36h or 1h 30m");
  };
  std::int64_t total = 0;
  bool any = false;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    std::int64_t number = 0;
    const std::size_t first = i;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
      number = number * 10 + (text[i] - '0');
      if (number > kMost) return wrong();
    }
    if (i == first) return wrong();
    if (i == text.size() || text[i] == ' ') {
      if (any || text.find_first_not_of(' ', i) != std::string_view::npos) return wrong();
      total = number;
    } else {
      const std::int64_t unit = unit_of(text[i++]);
      if (unit == 0) return wrong();
      total += number > kMost / unit ? kMost + 1 : number * unit;
    }
    any = true;
    if (total > kMost) return wrong();
  }
  if (!any) return wrong();
  return total;
}

std::string format_span(std::int64_t seconds) {
  std::string out;
  for (const Unit& unit : kUnits) {
    if (seconds < unit.seconds) continue;
    out += (out.empty() ? "" : " ") + std::to_string(seconds / unit.seconds) + unit.letter;
    seconds %= unit.seconds;
  }
  return out.empty() ? "0s" : out;
}

}  // namespace tclone
