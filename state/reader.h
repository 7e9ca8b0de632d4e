// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the fields of a record from a parsed TOML table, strictly: each field must be there, of its type and in its
// range, and no other may be. Has the same calls as Writer. The first error is kept ("volumes/db.toml:7: size: must
// be ..."), and nothing is read after it. Private to this room.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/version.h"
#include "state/rules.h"
#include "state/toml_tree.h"
#include "state/writer.h"

namespace tclone::state {

class Reader {
 public:
  struct Source {
    std::string file;
    Status status;
  };
  /// Both must outlive the reader.
  Reader(Source& source, const Node& table, std::string prefix = {})
      : source_(source), table_(table), prefix_(std::move(prefix)), seen_(table.items.size(), false) {}

  void name(const char* key, std::string& value) { checked(key, value, wrong_name); }
  void pool_name(const char* key, std::string& value) { checked(key, value, wrong_pool_name); }
  void name_or_none(const char* key, std::string& value);
  void line(const char* key, std::string& value) { checked(key, value, wrong_line); }
  void message(const char* key, std::string& value) { checked(key, value, wrong_message); }
  void one_of(const char* key, std::string& value, std::span<const char* const> known);
  void version_name(const char* key, std::string& volume, std::uint64_t& number);
  void uuid(const char* key, Uuid& value);
  void thin(const char* key, ThinId& value) { number(key, value.n, 0, kMaxThinId); }
  void number(const char* key, std::uint64_t& value, std::uint64_t least, std::uint64_t most);
  void number(const char* key, std::uint32_t& value, std::uint64_t least, std::uint32_t most);
  /// From 1 upwards, or missing for 0.
  void count(const char* key, std::uint32_t& value, std::uint32_t most);
  void size(const char* key, Bytes& value, const SizeRule& rule);
  void flag(const char* key, bool& value);
  void time(const char* key, std::int64_t& seconds);
  void ref(const char* key, std::optional<VersionRef>& value);
  void numbers(const char* key, std::vector<std::uint64_t>& values);
  void thins(const char* key, std::vector<ThinId>& values);
  void lines(const char* key, std::vector<std::string>& values);
  void names(const char* key, std::vector<std::string>& values);
  void version_names(const char* key, std::vector<std::pair<std::string, std::uint64_t>>& values);
  void tags(const char* key, std::map<std::string, std::uint64_t>& values);

  template <class T, std::size_t N>
  void choice(const char* key, T& value, const Choice<T> (&choices)[N]) {
    const Node* node = take(key, Node::Kind::text);
    if (node == nullptr) return;
    for (const auto& c : choices) {
      if (node->text == c.text) {
        value = c.value;
        return;
      }
    }
    refuse(node->line, key, "is none of the known values");
  }
  template <class Fields>
  void table(const char* key, Fields fields) {
    if (const Node* node = take(key, Node::Kind::table)) read_table(*node, prefix_ + key + ".", fields);
  }
  template <class T, class Fields>
  void optional_table(const char* key, std::optional<T>& value, Fields fields) {
    const Node* node = take(key, Node::Kind::table, false);
    if (node == nullptr) return;
    value.emplace();
    read_table(*node, prefix_ + key + ".", [&](Reader& sub) { fields(sub, *value); });
  }
  template <class T, class Fields>
  void tables(const char* key, std::vector<T>& values, Fields fields) {
    const Node* node = take(key, Node::Kind::list, false);
    if (node == nullptr) return;
    for (const Node& item : node->items) {
      if (item.kind != Node::Kind::table) return refuse(item.line, key, "must be a list of tables");
      const std::string place = prefix_ + key + "[" + std::to_string(values.size()) + "].";
      T& value = values.emplace_back();
      read_table(item, place, [&](Reader& sub) { fields(sub, value); });
      if (!source_.status) return;
    }
  }
  template <class T, class Fields>
  void rows(const char* key, std::vector<T>& values, Fields fields) {
    tables(key, values, fields);
  }
  /// A rule over several fields; the message names `key`.
  void require(bool good, const char* key, Wrong why);
  /// Refuses what no field has asked for. Called last.
  void finish();

 private:
  /// The value of a key when it is there and of that kind; else nullptr, and an error unless it may be missing.
  [[nodiscard]] const Node* take(const char* key, Node::Kind kind, bool required = true);
  [[nodiscard]] const Node* find(const char* key) const;
  void checked(const char* key, std::string& value, Wrong (*wrong)(std::string_view) noexcept);
  void refuse(unsigned line, std::string_view key, std::string_view why);
  /// The items of a list of that kind; nullptr after an error.
  [[nodiscard]] const std::vector<Node>* take_list(const char* key, Node::Kind kind);
  template <class Fields>
  void read_table(const Node& node, std::string prefix, Fields fields) {
    Reader sub(source_, node, std::move(prefix));
    fields(sub);
    sub.finish();
  }

  Source& source_;
  const Node& table_;
  std::string prefix_;      ///< "after.vaults[0]." in that table
  std::vector<bool> seen_;  ///< which of the table's items were asked for
};

}  // namespace tclone::state
