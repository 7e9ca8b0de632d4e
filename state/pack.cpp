// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/pack.h"

#include <algorithm>
#include <array>

namespace tclone::state {

void PackWriter::integer(std::uint64_t value) {
  std::array<char, 10> bytes{};
  std::size_t used = 0;
  for (; value >= 0x80; value >>= 7U) bytes[used++] = static_cast<char>(value | 0x80U);
  bytes[used++] = static_cast<char>(value);
  out_.append(bytes.data(), used);
}

void PackWriter::text(std::string_view value) {
  integer(value.size());
  out_.append(value);
}

void PackWriter::uuid(const char*, const Uuid& value) { out_.append(value.bytes.begin(), value.bytes.end()); }

void PackWriter::ref(const char* key, const std::optional<VersionRef>& value) {
  optional_table(key, value, [](PackWriter& sub, const VersionRef& to) {
    sub.text(to.volume);
    sub.integer(to.number);
    sub.uuid("uuid", to.uuid);
  });
}

void PackWriter::numbers(const char*, const std::vector<std::uint64_t>& values) {
  integer(values.size());
  for (const std::uint64_t value : values) integer(value);
}

void PackWriter::thins(const char*, const std::vector<ThinId>& values) {
  integer(values.size());
  for (const ThinId value : values) integer(value.n);
}

void PackWriter::tags(const char*, const std::map<std::string, std::uint64_t>& values) {
  integer(values.size());
  for (const auto& [tag, number] : values) {
    text(tag);
    integer(number);
  }
}

std::uint64_t PackReader::integer() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; good_ && shift < 64 && !left_.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  good_ = false;
  return 0;
}

std::uint64_t PackReader::length() {
  const std::uint64_t value = integer();
  if (value <= left_.size()) return value;
  good_ = false;
  return 0;
}

std::string_view PackReader::text() {
  const std::string_view value = left_.substr(0, length());
  left_.remove_prefix(value.size());
  return value;
}

std::uint64_t PackReader::below(std::uint64_t end) {
  const std::uint64_t value = integer();
  if (value < end) return value;
  good_ = false;
  return 0;
}

void PackReader::checked(std::string& value, Wrong (*wrong)(std::string_view) noexcept) {
  const std::string_view read = text();
  good_ = good_ && wrong(read) == nullptr;
  if (good_) value = read;
}

void PackReader::name_or_none(const char*, std::string& value) {
  checked(value, [](std::string_view text) noexcept -> Wrong { return text.empty() ? nullptr : wrong_name(text); });
}

void PackReader::one_of(const char*, std::string& value, std::span<const char* const> known) {
  const std::string_view read = text();
  good_ = good_ && std::find(known.begin(), known.end(), read) != known.end();
  if (good_) value = read;
}

void PackReader::uuid(const char*, Uuid& value) {
  if (left_.size() < value.bytes.size()) good_ = false;
  if (!good_) return;
  std::copy_n(left_.begin(), value.bytes.size(), value.bytes.begin());
  left_.remove_prefix(value.bytes.size());
  good_ = !value.nil();
}

void PackReader::number(const char*, std::uint64_t& value, std::uint64_t least, std::uint64_t most) {
  value = integer();
  good_ = good_ && value >= least && value <= most;
}

void PackReader::number(const char* key, std::uint32_t& value, std::uint64_t least, std::uint32_t most) {
  std::uint64_t wide = 0;
  number(key, wide, least, std::uint64_t{most});
  value = static_cast<std::uint32_t>(wide);
}

void PackReader::size(const char*, Bytes& value, const SizeRule& rule) {
  value.n = integer();
  good_ = good_ && wrong_size(value, rule) == nullptr;
}

void PackReader::time(const char*, std::int64_t& seconds) {
  seconds = static_cast<std::int64_t>(integer());
  good_ = good_ && wrong_time(seconds) == nullptr;
}

void PackReader::ref(const char* key, std::optional<VersionRef>& value) {
  optional_table(key, value, [](PackReader& sub, VersionRef& to) {
    sub.name("volume", to.volume);
    sub.number("number", to.number, 1, kMostNumber);
    sub.uuid("uuid", to.uuid);
  });
}

void PackReader::numbers(const char* key, std::vector<std::uint64_t>& values) {
  for (std::uint64_t left = length(); good_ && left > 0; --left) number(key, values.emplace_back(), 1, kMostNumber);
}

void PackReader::thins(const char* key, std::vector<ThinId>& values) {
  for (std::uint64_t left = length(); good_ && left > 0; --left) thin(key, values.emplace_back());
}

void PackReader::tags(const char* key, std::map<std::string, std::uint64_t>& values) {
  for (std::uint64_t left = length(); good_ && left > 0; --left) {
    std::string tag;
    std::uint64_t number_of = 0;
    name(key, tag);
    number(key, number_of, 1, kMostNumber);
    if (good_) values.emplace_hint(values.end(), std::move(tag), number_of);
  }
}

}  // namespace tclone::state
