// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"

#include <array>
#include <cstdio>

namespace tclone {
namespace {

constexpr std::uint64_t kMost = (1ULL << 63) - 1;

int shift_of(char unit) {
  switch (unit) {
    case 'B': return 0;
    case 'K': return 10;
    case 'M': return 20;
    case 'G': return 30;
    case 'T': return 40;
    case 'P': return 50;
    default: return -1;
  }
}

}  // namespace

Result<Bytes> parse_size(std::string_view text) {
  const auto bad = [&](const char* why) {
    return fail(Code::usage, std::string(text), why, "a size is written like 10G, 512M or 1.5T");
  };
  std::size_t at = 0;
  std::uint64_t whole = 0;
  const auto digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  if (!digit()) return bad("not a size");
  while (digit()) {
    const auto d = static_cast<std::uint64_t>(text[at++] - '0');
    if (whole > (kMost - d) / 10) return bad("a size too large");
    whole = whole * 10 + d;
  }
  std::uint64_t part = 0;
  std::uint64_t scale = 1;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digit()) return bad("not a size");
    while (digit()) {
      if (scale > 1000000) return bad("too many decimals in a size");
      part = part * 10 + static_cast<std::uint64_t>(text[at++] - '0');
      scale *= 10;
    }
  }
  int shift = 0;
  if (at < text.size()) {
    char unit = text[at++];
    if (unit >= 'a' && unit <= 'z') unit = static_cast<char>(unit - 'a' + 'A');
    shift = shift_of(unit);
    if (shift < 0) return bad("an unknown unit in a size");
    const std::string_view rest = text.substr(at);
    if (!(rest.empty() || (shift > 0 && (rest == "iB" || rest == "B")))) return bad("not a size");
  }
  if (whole > (kMost >> shift)) return bad("a size too large");
  const std::uint64_t fraction = part << shift;
  if (fraction % scale != 0) return bad("a size that is not a whole number of bytes");
  const std::uint64_t bytes = (whole << shift) + fraction / scale;
  if (bytes == 0) return bad("a size of zero");
  return Bytes{bytes};
}

std::string format_size(Bytes b) {
  static constexpr std::array<char, 6> kUnits{'B', 'K', 'M', 'G', 'T', 'P'};
  std::size_t unit = 0;
  std::uint64_t div = 1;
  while (unit + 1 < kUnits.size() && b.n / div >= 1024) {
    div *= 1024;
    ++unit;
  }
  const std::uint64_t tenths = div == 1 ? b.n * 10 : (b.n / div) * 10 + (b.n % div) * 10 / div;
  std::array<char, 40> text{};
  if (tenths % 10 == 0) {
    std::snprintf(text.data(), text.size(), "%llu%c", static_cast<unsigned long long>(tenths / 10), kUnits[unit]);
  } else {
    std::snprintf(text.data(), text.size(), "%llu.%llu%c", static_cast<unsigned long long>(tenths / 10),
                  static_cast<unsigned long long>(tenths % 10), kUnits[unit]);
  }
  return text.data();
}

}  // namespace tclone
