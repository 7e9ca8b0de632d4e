// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tclone {

/// An RFC 4122 UUID as a value. The default value is the nil UUID and means "none".
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;

  /// A random (version 4) UUID from getrandom(2).
  [[nodiscard]] static Uuid random();
  /// Reads the 36-character form; usage error otherwise. Upper-case digits are accepted.
  [[nodiscard]] static Result<Uuid> parse(std::string_view text);
  [[nodiscard]] bool nil() const noexcept { return *this == Uuid{}; }
  /// "8-4-4-4-12", lower case.
  [[nodiscard]] std::string text() const;
  /// 32 lower-case digits, for device-mapper UUIDs.
  [[nodiscard]] std::string compact() const;
};

}  // namespace tclone
