// SPDX-License-Identifier: GPL-2.0-or-later
// The label decoder. The input becomes a block of 4096 bytes with the right magic and checksum, or else no run would
// get behind them. What is accepted must encode to the very same bytes.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "state/label.h"

namespace {

std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit) table[i] = (table[i] >> 1U) ^ ((table[i] & 1U) != 0 ? 0xedb88320U : 0U);
  }
  return table;
}

void seal(std::array<std::byte, 4096>& block) {
  static const auto table = crc_table();
  std::memcpy(block.data(), "tclone pool\n\x1a\0\0\0", 16);
  std::memset(block.data() + 24, 0, 4);
  std::uint32_t crc = ~0U;
  for (const std::byte byte : block) crc = table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xffU] ^ (crc >> 8U);
  crc = ~crc;
  for (std::size_t i = 0; i < 4; ++i) block[24 + i] = static_cast<std::byte>(crc >> (8 * i));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto raw = std::as_bytes(std::span(data, size));
  static_cast<void>(tclone::is_label(raw));
  static_cast<void>(tclone::decode_label(raw));
  std::array<std::byte, 4096> block{};
  std::copy_n(raw.begin(), std::min(size, block.size()), block.begin());
  seal(block);
  const auto label = tclone::decode_label(block);
  if (!label) return 0;
  const auto again = tclone::encode_label(*label);
  if (!again || !std::equal(again->begin(), again->end(), block.begin(), block.end())) std::abort();
  return 0;
}
