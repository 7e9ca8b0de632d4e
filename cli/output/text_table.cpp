// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output/text_table.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace tclone::cli {

void TextTable::align(std::size_t column, Align how) {
  if (align_.size() <= column) align_.resize(column + 1, Align::left);
  align_[column] = how;
}

std::string TextTable::text(std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    out += indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t pad = widths[i] - width_of(row[i]);
      const bool right = i < align_.size() && align_[i] == Align::right;
      if (i != 0) out += "  ";
      out.append(right ? pad : 0, ' ').append(row[i]).append(right ? 0 : pad, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n";
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return out;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

std::string rfc3339(std::int64_t seconds) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds{std::chrono::seconds{seconds}});
  const std::chrono::year_month_day day{days};
  const std::int64_t rest = seconds - std::int64_t{days.time_since_epoch().count()} * 86400;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), static_cast<int>(rest / 3600),
                static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
  return text.data();
}

}  // namespace tclone::cli
