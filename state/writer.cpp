// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/writer.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace tclone::state {
namespace {

std::string joined(const std::vector<std::string>& values, const char* open, const char* between, const char* close) {
  if (values.empty()) return "[]";
  std::string out = open;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out += between;
    out += values[i];
  }
  return out + close;
}

}  // namespace

std::string Writer::quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void Writer::put(const char* key, const std::string& value) {
  if (in_row_ && !first_) sink_.out += ", ";
  first_ = false;
  sink_.out.append(key).append(" = ").append(value);
  if (!in_row_) sink_.out += '\n';
}

void Writer::refuse(const char* key, Wrong why) {
  if (!sink_.status) return;
  sink_.status = fail(Code::usage, sink_.file, prefix_ + key + ": " + why);
}

void Writer::checked(const char* key, const std::string& value, Wrong wrong) {
  if (wrong != nullptr) return refuse(key, wrong);
  put(key, quoted(value));
}

Writer Writer::begin_table(const char* key, const char* open, const char* close) {
  sink_.out.append("\n").append(open).append(prefix_).append(key).append(close).append("\n");
  Writer sub(sink_);
  sub.prefix_ = prefix_ + key + ".";
  return sub;
}

void Writer::one_of(const char* key, const std::string& value, std::span<const char* const> known) {
  for (const char* one : known)
    if (value == one) return put(key, quoted(value));
  refuse(key, "is none of the known values");
}

void Writer::version_name(const char* key, const std::string& volume, std::uint64_t number) {
  const std::string text = volume + "@" + std::to_string(number);
  if (!parse_version_name(text)) return refuse(key, "must be a version like db@7");
  put(key, quoted(text));
}

void Writer::uuid(const char* key, const Uuid& value) {
  if (value.nil()) return refuse(key, "must not be the nil UUID");
  put(key, quoted(value.text()));
}

void Writer::number(const char* key, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value < least || value > most) {
    const std::string why = "must be a number from " + std::to_string(least) + " to " + std::to_string(most);
    return refuse(key, why.c_str());
  }
  put(key, std::to_string(value));
}

void Writer::size(const char* key, Bytes value, const SizeRule& rule) {
  if (const Wrong wrong = wrong_size(value, rule)) return refuse(key, wrong);
  put(key, std::to_string(value.n));
}

void Writer::time(const char* key, std::int64_t seconds) {
  if (const Wrong wrong = wrong_time(seconds)) return refuse(key, wrong);
  const std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::days{seconds / 86400}}};
  const std::int64_t rest = seconds % 86400;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), static_cast<int>(rest / 3600),
                static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
  put(key, text.data());
}

void Writer::ref(const char* key, const std::optional<VersionRef>& value) {
  if (!value) return;
  if (!parse_version_name(value->text())) return refuse(key, "must be a version like db@7");
  if (value->uuid.nil()) return refuse(key, "must not have the nil UUID");
  put(key, "{ version = " + quoted(value->text()) + ", uuid = " + quoted(value->uuid.text()) + " }");
}

void Writer::numbers(const char* key, const std::vector<std::uint64_t>& values) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const std::uint64_t value : values) {
    if (value == 0 || value > kMostNumber) return refuse(key, "must be a list of numbers from 1 upwards");
    texts.push_back(std::to_string(value));
  }
  put(key, joined(texts, "[", ", ", "]"));
}

void Writer::thins(const char* key, const std::vector<ThinId>& values) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const ThinId value : values) {
    if (value.n > kMaxThinId) return refuse(key, "must be a list of thin ids from 0 to 16777215");
    texts.push_back(std::to_string(value.n));
  }
  put(key, joined(texts, "[", ", ", "]"));
}

void Writer::lines(const char* key, const std::vector<std::string>& values) {
  std::vector<std::string> texts;
  for (const std::string& value : values) {
    if (const Wrong wrong = wrong_line(value)) return refuse(key, wrong);
    texts.push_back(quoted(value));
  }
  put(key, joined(texts, "[\n  ", ",\n  ", ",\n]"));
}

void Writer::names(const char* key, const std::vector<std::string>& values) {
  for (const std::string& value : values)
    if (const Wrong wrong = wrong_name(value)) return refuse(key, wrong);
  lines(key, values);
}

void Writer::version_names(const char* key, const std::vector<std::pair<std::string, std::uint64_t>>& values) {
  std::vector<std::string> texts;
  for (const auto& [volume, number] : values) {
    texts.push_back(volume + "@" + std::to_string(number));
    if (!parse_version_name(texts.back())) return refuse(key, "must be versions like db@7");
  }
  lines(key, texts);
}

void Writer::tags(const char* key, const std::map<std::string, std::uint64_t>& values) {
  Writer sub = begin_table(key, "[", "]");
  for (const auto& [tag, number] : values) {
    if (!is_name(tag)) return sub.refuse(tag.c_str(), wrong_name(tag));
    sub.number(quoted(tag).c_str(), number, 1, kMostNumber);
  }
}

}  // namespace tclone::state
