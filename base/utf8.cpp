// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/utf8.h"

namespace tclone::utf8 {

std::optional<std::uint32_t> next(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(at);
  if (lead < 0x80) return text[at++] & 0x7f;
  const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - at <= more) return std::nullopt;
  std::uint32_t point = lead & (0x3fU >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80U) return std::nullopt;
    point = (point << 6U) | (byte(at + i) & 0x3fU);
  }
  at += more + 1;
  if ((more == 2 && point < 0x800) || (more == 3 && point < 0x10000) || point > 0x10ffff) return std::nullopt;
  if (point >= 0xd800 && point <= 0xdfff) return std::nullopt;
  return point;
}

}  // namespace tclone::utf8
