// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a TOML table that people write: every key may be missing and then keeps its default, none that is unknown is accepted.
// The first error is kept, with file, line and key. Private to this room.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "state/toml_tree.h"

namespace tclone::state {

class HandTable {
 public:
  struct Source {
    std::string file;
    Status status;
  };
  /// Why a text is not accepted, or nothing.
  using Check = std::function<Status(std::string_view)>;

  /// Both must outlive it.
  HandTable(Source& source, const Node& table, std::string prefix = {})
      : source_(source), table_(table), prefix_(std::move(prefix)), seen_(table.items.size(), false) {}

  void text(const char* key, std::string& value, const Check& check);
  void flag(const char* key, bool& value);
  /// A string such as "10m".
  void span(const char* key, std::int64_t& seconds);
  void count(const char* key, std::uint64_t& value, std::uint64_t most);
  void list(const char* key, std::vector<std::string>& values, const Check& check, bool distinct = true);
  /// The value whatever its kind is; nullptr when it is missing.
  [[nodiscard]] const Node* any(const char* key);
  /// As any(), of that kind only.
  [[nodiscard]] const Node* of_kind(const char* key, Node::Kind kind, const char* must);
  [[nodiscard]] Source& source() { return source_; }
  void refuse(unsigned line, std::string_view key, std::string_view why);
  /// Refuses a key that nothing has asked for. Called last.
  void finish();

 private:
  Source& source_;
  const Node& table_;
  std::string prefix_;
  std::vector<bool> seen_;
};

}  // namespace tclone::state
