// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/operation.h"

#include <array>
#include <charconv>
#include <sstream>
#include <utility>

namespace tclone::lab::model {
namespace {

constexpr std::array kKinds{std::pair{Fault::Kind::kill, "kill"}, std::pair{Fault::Kind::fail, "fail"},
                            std::pair{Fault::Kind::interrupt, "int"}, std::pair{Fault::Kind::terminate, "term"}};
constexpr std::array kThens{std::pair{Fault::Then::recover, "recover"}, std::pair{Fault::Then::cut, "cut"},
                            std::pair{Fault::Then::killed_recovery, "killed"},
                            std::pair{Fault::Then::next_command, "next"}};

template <class Names, class Value>
const char* name_of(const Names& names, Value value) {
  for (const auto& [v, name] : names) {
    if (v == value) return name;
  }
  return "?";
}

template <class Names, class Value>
bool value_of(const Names& names, const std::string& text, Value& out) {
  for (const auto& [v, name] : names) {
    if (text == name) {
      out = v;
      return true;
    }
  }
  return false;
}

/// "kill#12+cut", without the exclamation mark.
bool parse_fault(const std::string& text, Fault& out) {
  const std::size_t hash = text.find('#'), plus = text.find('+');
  if (hash == std::string::npos || plus == std::string::npos || plus < hash) return false;
  const char* first = text.data() + hash + 1;
  const char* last = text.data() + plus;
  const auto number = std::from_chars(first, last, out.point);
  return number.ec == std::errc{} && number.ptr == last && out.point > 0 &&
         value_of(kKinds, text.substr(0, hash), out.kind) && value_of(kThens, text.substr(plus + 1), out.then);
}

}  // namespace

std::string Operation::text() const {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  if (fault.kind == Fault::Kind::none) return out;
  return out + " !" + name_of(kKinds, fault.kind) + "#" + std::to_string(fault.point) + "+" +
         name_of(kThens, fault.then);
}

std::optional<Operation> parse_operation(const std::string& line) {
  Operation out;
  std::istringstream in(line);
  for (std::string word; in >> word;) {
    if (word.front() == '#') break;
    if (out.fault.kind != Fault::Kind::none) return std::nullopt;  // nothing follows a fault
    if (word.front() == '!') {
      if (!parse_fault(word.substr(1), out.fault)) return std::nullopt;
    } else {
      out.words.push_back(word);
    }
  }
  if (out.words.empty()) return std::nullopt;
  return out;
}

}  // namespace tclone::lab::model
