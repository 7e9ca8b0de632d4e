// SPDX-License-Identifier: GPL-2.0-or-later
// Writes records as TOML text. Has the same calls as Reader, so that fields.h describes each record once for both.
// A value that the reader would refuse is a usage error; the first one is kept and ends the writing. Private to
// this room.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/version.h"
#include "state/rules.h"

namespace tclone::state {

/// A value of an enumeration and how a record spells it.
template <class T>
struct Choice {
  T value;
  const char* text;
};

class Writer {
 public:
  struct Sink {
    std::string file;
    std::string out;
    Status status;
  };
  explicit Writer(Sink& sink) : sink_(sink) {}

  void name(const char* key, const std::string& value) { checked(key, value, wrong_name(value)); }
  void pool_name(const char* key, const std::string& value) { checked(key, value, wrong_pool_name(value)); }
  void name_or_none(const char* key, const std::string& value) {
    checked(key, value, value.empty() ? nullptr : wrong_name(value));
  }
  void line(const char* key, const std::string& value) { checked(key, value, wrong_line(value)); }
  void message(const char* key, const std::string& value) { checked(key, value, wrong_message(value)); }
  void one_of(const char* key, const std::string& value, std::span<const char* const> known);
  void version_name(const char* key, const std::string& volume, std::uint64_t number);
  void uuid(const char* key, const Uuid& value);
  void thin(const char* key, ThinId value) { number(key, value.n, 0, kMaxThinId); }
  void number(const char* key, std::uint64_t value, std::uint64_t least, std::uint64_t most);
  void count(const char* key, std::uint32_t value, std::uint32_t most) {
    if (value != 0) number(key, value, 1, most);
  }
  void size(const char* key, Bytes value, const SizeRule& rule);
  void flag(const char* key, bool value) { put(key, value ? "true" : "false"); }
  void time(const char* key, std::int64_t seconds);
  void ref(const char* key, const std::optional<VersionRef>& value);
  void numbers(const char* key, const std::vector<std::uint64_t>& values);
  void thins(const char* key, const std::vector<ThinId>& values);
  void lines(const char* key, const std::vector<std::string>& values);
  void names(const char* key, const std::vector<std::string>& values);
  void version_names(const char* key, const std::vector<std::pair<std::string, std::uint64_t>>& values);
  void tags(const char* key, const std::map<std::string, std::uint64_t>& values);

  template <class T, std::size_t N>
  void choice(const char* key, T value, const Choice<T> (&choices)[N]) {
    for (const auto& c : choices)
      if (c.value == value) return put(key, quoted(c.text));
    refuse(key, "is none of the known values");
  }
  /// A [table] of its own. Plain fields of the enclosing table come before it.
  template <class Fields>
  void table(const char* key, Fields fields) {
    Writer sub = begin_table(key, "[", "]");
    fields(sub);
  }
  template <class T, class Fields>
  void optional_table(const char* key, const std::optional<T>& value, Fields fields) {
    if (!value) return;
    Writer sub = begin_table(key, "[", "]");
    fields(sub, *value);
  }
  /// One [[table]] an item; nothing at all for none.
  template <class T, class Fields>
  void tables(const char* key, const std::vector<T>& values, Fields fields) {
    for (const T& value : values) {
      Writer sub = begin_table(key, "[[", "]]");
      fields(sub, value);
    }
  }
  /// A list with one { row } a line; nothing at all for none.
  template <class T, class Fields>
  void rows(const char* key, const std::vector<T>& values, Fields fields) {
    if (values.empty()) return;
    sink_.out += std::string(key) + " = [\n";
    for (const T& value : values) {
      sink_.out += "  { ";
      Writer sub(sink_);
      sub.in_row_ = true;
      fields(sub, value);
      sink_.out += " },\n";
    }
    sink_.out += "]\n";
  }
  void require(bool good, const char* key, Wrong why) {
    if (!good) refuse(key, why);
  }

 private:
  void put(const char* key, const std::string& value);
  void checked(const char* key, const std::string& value, Wrong wrong);
  void refuse(const char* key, Wrong why);
  [[nodiscard]] Writer begin_table(const char* key, const char* open, const char* close);
  [[nodiscard]] static std::string quoted(std::string_view text);

  Sink& sink_;
  std::string prefix_;   ///< "after.vaults." in a table of that name
  bool in_row_ = false;  ///< fields are separated by commas, not lines
  bool first_ = true;
};

}  // namespace tclone::state
