// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/uuid.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace tclone {

Uuid Uuid::random() {
  Uuid u;
  std::size_t done = 0;
  while (done < u.bytes.size()) {
    const ssize_t got = getrandom(u.bytes.data() + done, u.bytes.size() - done, 0);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      std::abort();  // getrandom(2) without flags fails for no other reason than a broken kernel
    }
  }
  u.bytes[6] = static_cast<std::uint8_t>((u.bytes[6] & 0x0fU) | 0x40U);
  u.bytes[8] = static_cast<std::uint8_t>((u.bytes[8] & 0x3fU) | 0x80U);
  return u;
}

std::string Uuid::compact() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(32);
  for (const std::uint8_t b : bytes) {
    out += kHex[b >> 4U];
    out += kHex[b & 15U];
  }
  return out;
}

std::string Uuid::text() const {
  std::string out = compact();
  for (const std::size_t at : {20U, 16U, 12U, 8U}) out.insert(at, 1, '-');
  return out;
}

Result<Uuid> Uuid::parse(std::string_view text) {
  Uuid u;
  std::size_t nibble = 0;
  const auto bad = [&] { return fail(Code::usage, std::string(text), "not a UUID"); };
  if (text.size() != 36) return bad();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (c != '-') return bad();
      continue;
    }
    unsigned v = 0;
    if (c >= '0' && c <= '9') {
      v = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      v = static_cast<unsigned>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      v = static_cast<unsigned>(c - 'A') + 10;
    } else {
      return bad();
    }
    u.bytes[nibble / 2] = static_cast<std::uint8_t>(u.bytes[nibble / 2] | (nibble % 2 == 0 ? v << 4U : v));
    ++nibble;
  }
  return u;
}

}  // namespace tclone
