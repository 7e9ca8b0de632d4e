// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/host/policy_fields.h"

#include <algorithm>

#include "state/host/policy_file.h"
#include "state/rules.h"

namespace tclone::state {

void HandTable::refuse(unsigned line, std::string_view key, std::string_view why) {
  if (!source_.status) return;
  source_.status = fail(Code::usage, source_.file + ":" + std::to_string(line),
                        prefix_ + std::string(key) + ": " + std::string(why), "correct the file; see tclone-policy(5)");
}

const Node* HandTable::any(const char* key) {
  if (!source_.status) return nullptr;
  for (std::size_t i = 0; i < table_.items.size(); ++i) {
    if (table_.items[i].key != key) continue;
    seen_[i] = true;
    return &table_.items[i];
  }
  return nullptr;
}

const Node* HandTable::of_kind(const char* key, Node::Kind kind, const char* must) {
  const Node* node = any(key);
  if (node == nullptr || node->kind == kind) return node;
  refuse(node->line, key, must);
  return nullptr;
}

void HandTable::text(const char* key, std::string& value, const Check& check) {
  const Node* node = of_kind(key, Node::Kind::text, "must be a string");
  if (node == nullptr) return;
  if (const Status good = check(node->text); !good) return refuse(node->line, key, good.error().why);
  value = node->text;
}

void HandTable::flag(const char* key, bool& value) {
  if (const Node* node = of_kind(key, Node::Kind::boolean, "must be true or false")) value = node->boolean;
}

void HandTable::span(const char* key, std::int64_t& seconds) {
  const Node* node = of_kind(key, Node::Kind::text, "must be a string such as \"10m\"");
  if (node == nullptr) return;
  const auto parsed = parse_span(node->text);
  if (!parsed) return refuse(node->line, key, parsed.error().why);
  seconds = *parsed;
}

void HandTable::count(const char* key, std::uint64_t& value, std::uint64_t most) {
  const Node* node = of_kind(key, Node::Kind::integer, "must be an integer");
  if (node == nullptr) return;
  if (node->integer < 0 || static_cast<std::uint64_t>(node->integer) > most)
    return refuse(node->line, key, "must be a number from 0 to " + std::to_string(most));
  value = static_cast<std::uint64_t>(node->integer);
}

void HandTable::list(const char* key, std::vector<std::string>& values, const Check& check, bool distinct) {
  const Node* node = of_kind(key, Node::Kind::list, "must be a list of strings");
  if (node == nullptr) return;
  values.clear();
  for (const Node& item : node->items) {
    if (item.kind != Node::Kind::text) return refuse(item.line, key, "each item must be a string");
    if (const Status good = check(item.text); !good) return refuse(item.line, key, good.error().why);
    if (distinct && std::find(values.begin(), values.end(), item.text) != values.end())
      return refuse(item.line, key, item.text + " is listed twice");
    values.push_back(item.text);
  }
}

void HandTable::finish() {
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i]) continue;
    // The key goes to a terminal.
    const std::string& key = table_.items[i].key;
    const bool plain = wrong_line(key) == nullptr && key.size() <= 64;
    return refuse(table_.items[i].line, plain ? key : "(unprintable)", "unknown key");
  }
}

}  // namespace tclone::state
