// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tclone::cli {

/// Rows of cells, aligned in columns two blanks apart. Lines have no blanks at their end. Pure.
class TextTable {
 public:
  enum class Align { left, right };
  TextTable() = default;  ///< without a header
  explicit TextTable(std::vector<std::string> header) { row(std::move(header)); }
  void align(std::size_t column, Align how);
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::string text(std::string_view indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<Align> align_;
};

/// What is safe to send to a terminal: control characters become '?'. UTF-8 is left alone.
[[nodiscard]] std::string printable(std::string_view text);
/// Columns a terminal needs for UTF-8 text, one a character.
[[nodiscard]] std::size_t width_of(std::string_view text);
/// RFC 3339 in UTC: "2026-01-31T12:00:00Z".
[[nodiscard]] std::string rfc3339(std::int64_t seconds);

}  // namespace tclone::cli
