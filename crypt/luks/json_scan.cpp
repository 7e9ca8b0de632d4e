// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/json_scan.h"

namespace tclone::crypt {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

/// The position behind the string that starts at `at` with a quote.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return text.size();
}

/// The position behind the value that starts at `at`: the first comma or closing bracket outside of it.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;
      --depth;
    }
    if (c == ',' && depth == 0) return at;
    ++at;
  }
  return at;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> json_members(std::string_view object) {
  std::vector<std::pair<std::string_view, std::string_view>> found;
  std::size_t at = skip_space(object, 0);
  if (at >= object.size() || object[at] != '{') return found;
  at = skip_space(object, at + 1);
  while (at < object.size() && object[at] == '"') {
    const std::size_t name_end = end_of_string(object, at);
    if (name_end - at < 2) break;
    const std::string_view name = object.substr(at + 1, name_end - at - 2);
    at = skip_space(object, name_end);
    if (at >= object.size() || object[at] != ':') break;
    at = skip_space(object, at + 1);
    const std::size_t value_end = end_of_value(object, at);
    found.emplace_back(name, trimmed(object.substr(at, value_end - at)));
    at = value_end;
    if (at >= object.size() || object[at] != ',') break;
    at = skip_space(object, at + 1);
  }
  return found;
}

std::string_view json_member(std::string_view object, std::string_view name) {
  for (const auto& [member, value] : json_members(object)) {
    if (member == name) return value;
  }
  return {};
}

}  // namespace tclone::crypt
