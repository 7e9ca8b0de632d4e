// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/reader.h"

namespace tclone::state {
namespace {

const char* must_be(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::text: return "must be a string";
    case Node::Kind::integer: return "must be an integer";
    case Node::Kind::boolean: return "must be true or false";
    case Node::Kind::time: return "must be a time like 2024-05-01T12:00:00Z";
    case Node::Kind::list: return "must be a list";
    case Node::Kind::table: return "must be a table";
    case Node::Kind::other: break;
  }
  return "is of a wrong type";
}

}  // namespace

void Reader::refuse(unsigned line, std::string_view key, std::string_view why) {
  if (!source_.status) return;
  source_.status = fail(Code::damaged, source_.file + ":" + std::to_string(line),
                        prefix_ + std::string(key) + ": " + std::string(why), "tclone doctor tells what can be done");
}

const Node* Reader::find(const char* key) const {
  for (const Node& item : table_.items)
    if (item.key == key) return &item;
  return nullptr;
}

const Node* Reader::take(const char* key, Node::Kind kind, bool required) {
  if (!source_.status) return nullptr;
  const Node* node = find(key);
  if (node == nullptr) {
    if (required) refuse(table_.line, key, "is missing");
    return nullptr;
  }
  seen_[static_cast<std::size_t>(node - table_.items.data())] = true;
  if (node->kind == kind) return node;
  refuse(node->line, key, must_be(kind));
  return nullptr;
}

const std::vector<Node>* Reader::take_list(const char* key, Node::Kind kind) {
  const Node* node = take(key, Node::Kind::list);
  if (node == nullptr) return nullptr;
  for (const Node& item : node->items) {
    if (item.kind == kind) continue;
    refuse(item.line, key, std::string("each item ") + must_be(kind));
    return nullptr;
  }
  return &node->items;
}

void Reader::require(bool good, const char* key, Wrong why) {
  if (good) return;
  const Node* node = find(key);
  refuse(node != nullptr ? node->line : table_.line, key, why);
}

void Reader::finish() {
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i]) continue;
    // The key is what a stranger wrote, and goes to a terminal.
    const std::string& key = table_.items[i].key;
    const bool plain = wrong_line(key) == nullptr && key.size() <= 64;
    return refuse(table_.items[i].line, plain ? key : "(unprintable)", "is no key of this record");
  }
}

void Reader::checked(const char* key, std::string& value, Wrong (*wrong)(std::string_view) noexcept) {
  const Node* node = take(key, Node::Kind::text);
  if (node == nullptr) return;
  if (const Wrong why = wrong(node->text)) return refuse(node->line, key, why);
  value = node->text;
}

void Reader::name_or_none(const char* key, std::string& value) {
  checked(key, value,
          [](std::string_view text) noexcept -> Wrong { return text.empty() ? nullptr : wrong_name(text); });
}

void Reader::one_of(const char* key, std::string& value, std::span<const char* const> known) {
  const Node* node = take(key, Node::Kind::text);
  if (node == nullptr) return;
  for (const char* one : known) {
    if (node->text == one) {
      value = node->text;
      return;
    }
  }
  refuse(node->line, key, "is none of the known values");
}

void Reader::version_name(const char* key, std::string& volume, std::uint64_t& number) {
  const Node* node = take(key, Node::Kind::text);
  if (node == nullptr) return;
  auto parsed = parse_version_name(node->text);
  if (!parsed) return refuse(node->line, key, "must be a version like db@7");
  volume = std::move(parsed->first);
  number = parsed->second;
}

void Reader::uuid(const char* key, Uuid& value) {
  const Node* node = take(key, Node::Kind::text);
  if (node == nullptr) return;
  const Result<Uuid> parsed = Uuid::parse(node->text);
  if (!parsed) return refuse(node->line, key, "must be a UUID");
  if (parsed->nil()) return refuse(node->line, key, "must not be the nil UUID");
  value = *parsed;
}

void Reader::number(const char* key, std::uint64_t& value, std::uint64_t least, std::uint64_t most) {
  const Node* node = take(key, Node::Kind::integer);
  if (node == nullptr) return;
  const auto number = static_cast<std::uint64_t>(node->integer);
  if (node->integer < 0 || number < least || number > most)
    return refuse(node->line, key, "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
  value = number;
}

void Reader::number(const char* key, std::uint32_t& value, std::uint64_t least, std::uint32_t most) {
  std::uint64_t wide = value;
  number(key, wide, least, std::uint64_t{most});
  value = static_cast<std::uint32_t>(wide);
}

void Reader::count(const char* key, std::uint32_t& value, std::uint32_t most) {
  if (find(key) != nullptr) number(key, value, 1, most);
}

void Reader::size(const char* key, Bytes& value, const SizeRule& rule) {
  const Node* node = take(key, Node::Kind::integer);
  if (node == nullptr) return;
  const Bytes size{static_cast<std::uint64_t>(node->integer)};
  if (node->integer < 0) return refuse(node->line, key, rule.why);
  if (const Wrong why = wrong_size(size, rule)) return refuse(node->line, key, why);
  value = size;
}

void Reader::flag(const char* key, bool& value) {
  if (const Node* node = take(key, Node::Kind::boolean)) value = node->boolean;
}

void Reader::time(const char* key, std::int64_t& seconds) {
  const Node* node = take(key, Node::Kind::time);
  if (node == nullptr) return;
  if (const Wrong why = wrong_time(node->integer)) return refuse(node->line, key, why);
  seconds = node->integer;
}

void Reader::ref(const char* key, std::optional<VersionRef>& value) {
  optional_table(key, value, [](Reader& sub, VersionRef& to) {
    sub.version_name("version", to.volume, to.number);
    sub.uuid("uuid", to.uuid);
  });
}

void Reader::numbers(const char* key, std::vector<std::uint64_t>& values) {
  const auto* items = take_list(key, Node::Kind::integer);
  if (items == nullptr) return;
  for (const Node& item : *items) {
    if (item.integer < 1) return refuse(item.line, key, "must be a list of numbers from 1 upwards");
    values.push_back(static_cast<std::uint64_t>(item.integer));
  }
}

void Reader::thins(const char* key, std::vector<ThinId>& values) {
  const auto* items = take_list(key, Node::Kind::integer);
  if (items == nullptr) return;
  for (const Node& item : *items) {
    if (item.integer < 0 || item.integer > std::int64_t{kMaxThinId})
      return refuse(item.line, key, "must be a list of thin ids from 0 to 16777215");
    values.push_back(ThinId{static_cast<std::uint32_t>(item.integer)});
  }
}

void Reader::lines(const char* key, std::vector<std::string>& values) {
  const auto* items = take_list(key, Node::Kind::text);
  if (items == nullptr) return;
  for (const Node& item : *items) {
    if (const Wrong why = wrong_line(item.text)) return refuse(item.line, key, why);
    values.push_back(item.text);
  }
}

void Reader::names(const char* key, std::vector<std::string>& values) {
  const auto* items = take_list(key, Node::Kind::text);
  if (items == nullptr) return;
  for (const Node& item : *items) {
    if (const Wrong why = wrong_name(item.text)) return refuse(item.line, key, why);
    values.push_back(item.text);
  }
}

void Reader::version_names(const char* key, std::vector<std::pair<std::string, std::uint64_t>>& values) {
  const auto* items = take_list(key, Node::Kind::text);
  if (items == nullptr) return;
  for (const Node& item : *items) {
    auto parsed = parse_version_name(item.text);
    if (!parsed) return refuse(item.line, key, "must be versions like db@7");
    values.push_back(std::move(*parsed));
  }
}

void Reader::tags(const char* key, std::map<std::string, std::uint64_t>& values) {
  const Node* node = take(key, Node::Kind::table);
  if (node == nullptr) return;
  for (const Node& item : node->items) {
    if (!is_name(item.key)) return refuse(item.line, key, "a tag must be a name like latest");
    if (item.kind != Node::Kind::integer || item.integer < 1)
      return refuse(item.line, std::string(key) + "." + item.key, "must be a version number from 1 upwards");
    values.emplace(item.key, static_cast<std::uint64_t>(item.integer));
  }
}

}  // namespace tclone::state
