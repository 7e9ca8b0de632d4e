// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/names.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"

namespace tclone::names {
namespace {

bool alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool well_formed(std::string_view name, std::size_t most) {
  return !name.empty() && name.size() <= most && alnum(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return alnum(c) || c == '.' || c == '_' || c == '-'; });
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Names come from the command line: what is shown of a bad one is bounded and printable.
std::string shown(std::string_view name) {
  std::string out(name.substr(0, 80));
  for (char& c : out) {
    if (c < 0x20 || c == 0x7f) c = '?';
  }
  return "'" + out + "'";
}

constexpr const char* kRule = "a name has 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit";

}  // namespace

Status check_volume_name(std::string_view name) {
  if (!well_formed(name, 63)) return fail(Code::usage, shown(name), "not a valid name", kRule);
  return {};
}

Status check_pool_name(std::string_view name) {
  if (!well_formed(name, 40) || name.find('-') != std::string_view::npos) {
    return fail(Code::usage, shown(name), "not a valid pool name",
                "a pool's name has 1 to 40 of a-z 0-9 . _ (no dash) and begins with a letter or digit");
  }
  return {};
}

Status check_tag(std::string_view tag) {
  if (!well_formed(tag, 63)) return fail(Code::usage, shown(tag), "not a valid tag", kRule);
  if (all_digits(tag)) return fail(Code::usage, shown(tag), "a tag cannot be a number", "numbers name versions");
  if (tag == "latest") {
    return fail(Code::usage, "latest", "this tag always names the newest version by itself", "choose another tag");
  }
  return {};
}

Status check_message(std::string_view message) {
  if (message.size() > 1000) return fail(Code::usage, "message", "longer than 1000 bytes");
  for (std::size_t at = 0; at < message.size();) {
    const auto point = utf8::next(message, at);
    if (!point) return fail(Code::usage, "message", "not valid UTF-8");
    if (utf8::is_control(*point)) return fail(Code::usage, "message", "contains a control character");
  }
  return {};
}

std::string Target::text() const {
  if (number) return volume + "@" + std::to_string(*number);
  return tag.empty() ? volume : volume + "@" + tag;
}

Result<Target> parse_selector(std::string_view volume, std::string_view selector) {
  Target out;
  out.volume = volume;
  if (all_digits(selector)) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(selector.data(), selector.data() + selector.size(), number);
    if (error != std::errc{} || number == 0 || selector.front() == '0') {
      return fail(Code::usage, shown(selector), "not a version number", "versions are numbered from 1");
    }
    out.number = number;
    return out;
  }
  if (!well_formed(selector, 63)) {
    return fail(Code::usage, shown(selector), "neither a version number nor a tag", kRule);
  }
  out.tag = selector;
  return out;
}

Result<Target> parse_target(std::string_view text) {
  const std::size_t at = text.find('@');
  TC_CHECK(check_volume_name(text.substr(0, at)));
  if (at == std::string_view::npos) {
    Target out;
    out.volume = text;
    return out;
  }
  return parse_selector(text.substr(0, at), text.substr(at + 1));
}

}  // namespace tclone::names
