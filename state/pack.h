// SPDX-License-Identifier: GPL-2.0-or-later
// Records as a few bytes each, for the index (state/index.h). Have the same calls as Reader and Writer, so that fields.h
// describes each record once for all four. Keys are not written: the bytes are for the very build that wrote them, and
// what they mean is where they stand. Private to this room.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/version.h"
#include "state/rules.h"
#include "state/writer.h"

namespace tclone::state {

/// Appends to a string. What it is given comes from a record that was read, so nothing is refused here.
class PackWriter {
 public:
  explicit PackWriter(std::string& out) : out_(out) {}

  void name(const char*, const std::string& value) { text(value); }
  void name_or_none(const char*, const std::string& value) { text(value); }
  void line(const char*, const std::string& value) { text(value); }
  void message(const char*, const std::string& value) { text(value); }
  void one_of(const char*, const std::string& value, std::span<const char* const>) { text(value); }
  void uuid(const char*, const Uuid& value);
  void thin(const char*, ThinId value) { integer(value.n); }
  void number(const char*, std::uint64_t value, std::uint64_t, std::uint64_t) { integer(value); }
  void count(const char*, std::uint32_t value, std::uint32_t) { integer(value); }
  void size(const char*, Bytes value, const SizeRule&) { integer(value.n); }
  void flag(const char*, bool value) { integer(value ? 1 : 0); }
  void time(const char*, std::int64_t seconds) { integer(static_cast<std::uint64_t>(seconds)); }
  void ref(const char* key, const std::optional<VersionRef>& value);
  void numbers(const char*, const std::vector<std::uint64_t>& values);
  void thins(const char*, const std::vector<ThinId>& values);
  void tags(const char*, const std::map<std::string, std::uint64_t>& values);

  template <class T, std::size_t N>
  void choice(const char*, T value, const Choice<T> (&choices)[N]) {
    std::uint64_t which = 0;
    while (which + 1 < N && choices[which].value != value) ++which;
    integer(which);
  }
  template <class Fields>
  void table(const char*, Fields fields) {
    fields(*this);
  }
  template <class T, class Fields>
  void optional_table(const char* key, const std::optional<T>& value, Fields fields) {
    flag(key, value.has_value());
    if (value) fields(*this, *value);
  }
  template <class T, class Fields>
  void rows(const char*, const std::vector<T>& values, Fields fields) {
    integer(values.size());
    for (const T& value : values) fields(*this, value);
  }
  void require(bool, const char*, Wrong) {}

  // What the index itself is made of.
  void integer(std::uint64_t value);  ///< seven bits a byte, the low ones first; the highest bit: more follow
  void text(std::string_view value);

 private:
  std::string& out_;
};

/// The way back, which trusts nothing: each length, range and rule is checked, and after the first thing that is wrong
/// good() is false and nothing more is read.
class PackReader {
 public:
  /// The bytes must outlive the reader.
  explicit PackReader(std::string_view bytes) : left_(bytes) {}
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return left_.empty(); }

  void name(const char*, std::string& value) { checked(value, wrong_name); }
  void name_or_none(const char*, std::string& value);
  void line(const char*, std::string& value) { checked(value, wrong_line); }
  void message(const char*, std::string& value) { checked(value, wrong_message); }
  void one_of(const char*, std::string& value, std::span<const char* const> known);
  void uuid(const char*, Uuid& value);
  void thin(const char* key, ThinId& value) { number(key, value.n, 0, kMaxThinId); }
  void number(const char*, std::uint64_t& value, std::uint64_t least, std::uint64_t most);
  void number(const char* key, std::uint32_t& value, std::uint64_t least, std::uint32_t most);
  void count(const char* key, std::uint32_t& value, std::uint32_t most) { number(key, value, 0, most); }
  void size(const char*, Bytes& value, const SizeRule& rule);
  void flag(const char*, bool& value) { value = below(2) == 1; }
  void time(const char*, std::int64_t& seconds);
  void ref(const char* key, std::optional<VersionRef>& value);
  void numbers(const char* key, std::vector<std::uint64_t>& values);
  void thins(const char* key, std::vector<ThinId>& values);
  void tags(const char* key, std::map<std::string, std::uint64_t>& values);

  template <class T, std::size_t N>
  void choice(const char*, T& value, const Choice<T> (&choices)[N]) {
    value = choices[below(N)].value;
  }
  template <class Fields>
  void table(const char*, Fields fields) {
    fields(*this);
  }
  template <class T, class Fields>
  void optional_table(const char*, std::optional<T>& value, Fields fields) {
    if (below(2) == 1) fields(*this, value.emplace());
  }
  template <class T, class Fields>
  void rows(const char*, std::vector<T>& values, Fields fields) {
    for (std::uint64_t left = length(); good_ && left > 0; --left) fields(*this, values.emplace_back());
  }
  void require(bool good, const char*, Wrong) { good_ = good_ && good; }

  [[nodiscard]] std::uint64_t integer();
  [[nodiscard]] std::string_view text();
  /// How many of something follow; each takes a byte at least, so no more than there are bytes left.
  [[nodiscard]] std::uint64_t length();

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t end);
  void checked(std::string& value, Wrong (*wrong)(std::string_view) noexcept);

  std::string_view left_;
  bool good_ = true;
};

}  // namespace tclone::state
