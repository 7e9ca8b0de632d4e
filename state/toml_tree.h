// SPDX-License-Identifier: GPL-2.0-or-later
// A TOML document as plain values. toml++ is slow to compile and its types are wide; this is all of it that the
// rest of the room sees. Private to this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tclone::state {

struct Node {
  enum class Kind {
    text,
    integer,
    boolean,
    time,  ///< a date-time with an offset and whole seconds; `integer` is seconds since the epoch
    list,
    table,
    other,  ///< a float, a local or broken-down time: no record has one
  };
  Kind kind = Kind::table;
  unsigned line = 1;  ///< in the file, from 1
  std::string key;    ///< of an entry of a table
  std::string text;
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Node> items;  ///< of a list in order, of a table by key
};

/// Parses a whole file. `file` is for the message ("volumes/db.toml:3"). damaged when it is no TOML, or nests
/// deeper than any record does. Never throws, whatever the bytes are (a fuzzer feeds it).
[[nodiscard]] Result<Node> parse_toml(const std::string& file, std::string_view text);

}  // namespace tclone::state
