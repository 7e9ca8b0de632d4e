// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/toml_tree.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "base/utf8.h"

namespace tclone::state {
/// What toml++ takes to be impossible has happened: hostile bytes reach some of its assertions (3.3: malformed times and
/// keys), which would end the program, or with NDEBUG be undefined behaviour. Thrown instead, and caught in parse_toml.
struct ImpossibleToml {};
[[noreturn]] void throw_impossible() { throw ImpossibleToml{}; }
}  // namespace tclone::state
#undef NDEBUG  // with it toml++ turns these assertions into assumptions
#define TOML_ASSERT(expr)                             \
  do {                                                \
    if (!(expr)) ::tclone::state::throw_impossible(); \
  } while (false)

// The limit counts arrays and inline tables; the depth of headers and dotted keys is checked by find_trap below.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace tclone::state {
namespace {

constexpr unsigned kMostNesting = 8;      // a row of a list in a table of the journal: 4
constexpr unsigned kMostDotsInLine = 16;  // [after.volumes.tags]: 2

/// Skips the string that begins at `at` (its opening quote) and returns the position behind it.
std::size_t behind_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool many_lines = text.substr(at, 3) == std::string(3, quote);
  if (!many_lines && text.substr(at, 2) == std::string(2, quote)) return at + 2;
  at += many_lines ? 3 : 1;
  while (at < text.size()) {
    if (text[at] == '\\' && quote == '"') {
      at += 2;
    } else if (!many_lines && (text[at] == quote || text[at] == '\n')) {
      return at + 1;
    } else if (many_lines && text.substr(at, 3) == std::string(3, quote)) {
      at += 3;
      for (int more = 0; more < 2 && at < text.size() && text[at] == quote; ++more) ++at;  // """x""""" ends in ""
      return at;
    } else {
      ++at;
    }
  }
  return text.size();
}

/// The first line of what toml++ must not be given, although it is a parser: it recurses once a level of nesting and,
/// up to and including 3.3, without a limit for the parts of a dotted key when the tables are destroyed.
std::optional<unsigned> find_trap(std::string_view text) {
  unsigned line = 1;
  unsigned depth = 0;
  unsigned dots = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      const std::size_t end = behind_string(text, at);
      for (; at < end; ++at)
        if (text[at] == '\n') ++line;
      continue;
    }
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '\n') {
      ++line;
      dots = 0;
    }
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == '.') ++dots;
    if (depth > kMostNesting || dots > kMostDotsInLine) return line;
    ++at;
  }
  return std::nullopt;
}

/// A failure of `only_ascii`: the line, and what is wrong there.
struct NotAscii {
  unsigned line;
  const char* why;
};

/// Appends the character at text[at] as an escape of a basic string, and moves `at` behind it; false if it is not UTF-8.
bool append_escaped(std::string& out, std::string_view text, std::size_t& at) {
  const auto point = utf8::next(text, at);
  if (!point) return false;
  char escape[11];
  std::snprintf(escape, sizeof escape, "\\U%08X", static_cast<unsigned>(*point));
  out.append(escape);
  return true;
}

/// Copies the basic string text[at, end) with its characters outside of ASCII as escapes.
std::optional<const char*> append_basic(std::string& out, std::string_view text, std::size_t at, std::size_t end) {
  while (at < end) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x80) {
      if (!append_escaped(out, text, at)) return "not valid UTF-8";
    } else {
      out.push_back(text[at++]);
      if (c == '\\' && at < end) {
        if (static_cast<unsigned char>(text[at]) >= 0x80) return "not valid TOML: an unknown escape";
        out.push_back(text[at++]);
      }
    }
  }
  return std::nullopt;
}

/// The same document in ASCII. toml++ 3.3 asks of every other character whether it is white space and calls the rest of
/// its range unreachable (found by tests/fuzz), so it is never shown one: in a basic string each becomes an escape, in
/// a comment a question mark. Elsewhere TOML allows none but in a literal string, which is refused.
tl::expected<std::string, NotAscii> only_ascii(std::string_view text) {
  const auto foreign = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  std::string out;
  out.reserve(text.size());
  unsigned line = 1;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text[at] == '"' || text[at] == '\'') {
      end = std::min(behind_string(text, at), text.size());
    } else if (text[at] == '#') {
      end = std::min(text.find('\n', at), text.size());
    }
    const std::string_view piece = text.substr(at, end - at);
    if (std::none_of(piece.begin(), piece.end(), foreign)) {
      out.append(piece);
    } else if (text[at] == '#') {
      std::replace_copy_if(piece.begin(), piece.end(), std::back_inserter(out), foreign, '?');
    } else if (text[at] == '"') {
      if (const auto why = append_basic(out, text, at, end)) return tl::unexpected(NotAscii{line, *why});
    } else {
      return tl::unexpected(NotAscii{line, "characters outside of ASCII must stand in double quotes"});
    }
    line += static_cast<unsigned>(std::count(piece.begin(), piece.end(), '\n'));
    at = end;
  }
  return out;
}

void put_time(const toml::date_time& from, Node& to) {
  const std::chrono::year_month_day day{std::chrono::year(from.date.year), std::chrono::month(from.date.month),
                                        std::chrono::day(from.date.day)};
  if (!day.ok() || !from.offset || from.time.nanosecond != 0) return;
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  to.kind = Node::Kind::time;
  to.integer = days * 86400 + std::int64_t{from.time.hour} * 3600 + std::int64_t{from.time.minute} * 60 +
               from.time.second - std::int64_t{from.offset->minutes} * 60;
}

// Recursion ends at kMostNesting and kMostDotsInLine, which find_trap has made sure of.
void convert(const toml::node& from, Node& to) {
  to.line = from.source().begin.line;
  to.kind = Node::Kind::other;
  if (const auto* table = from.as_table()) {
    to.kind = Node::Kind::table;
    to.items.reserve(table->size());
    for (const auto& [key, value] : *table) {
      Node& item = to.items.emplace_back();
      convert(value, item);
      item.key = key.str();
    }
  } else if (const auto* list = from.as_array()) {
    to.kind = Node::Kind::list;
    to.items.reserve(list->size());
    for (const toml::node& value : *list) convert(value, to.items.emplace_back());
  } else if (const auto* text = from.as_string()) {
    to.kind = Node::Kind::text;
    to.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    to.kind = Node::Kind::integer;
    to.integer = integer->get();
  } else if (const auto* boolean = from.as_boolean()) {
    to.kind = Node::Kind::boolean;
    to.boolean = boolean->get();
  } else if (const auto* time = from.as_date_time()) {
    put_time(time->get(), to);
  }
}

}  // namespace

Result<Node> parse_toml(const std::string& file, std::string_view text) {
  if (const auto trap = find_trap(text))
    return fail(Code::damaged, file + ":" + std::to_string(*trap), "nests deeper than any record does");
  const auto ascii = only_ascii(text);
  if (!ascii) return fail(Code::damaged, file + ":" + std::to_string(ascii.error().line), ascii.error().why);
  std::optional<toml::parse_result> result;
  try {
    result.emplace(toml::parse(*ascii));
  } catch (const ImpossibleToml&) {
    return fail(Code::damaged, file + ":1", "not valid TOML");
  }
  const toml::parse_result& parsed = *result;
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(Code::damaged, file + ":" + std::to_string(error.source().begin.line),
                "not valid TOML: " + std::string(error.description()));
  }
  Node root;
  convert(parsed.table(), root);
  root.line = 1;
  return root;
}

}  // namespace tclone::state
