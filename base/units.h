// SPDX-License-Identifier: GPL-2.0-or-later
// Units are types: a sector count is never mistaken for a byte count, nor a thin id for a version number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tclone {

/// A number of bytes.
struct Bytes {
  std::uint64_t n = 0;
  auto operator<=>(const Bytes&) const = default;
  constexpr Bytes operator+(Bytes o) const { return {n + o.n}; }
  constexpr Bytes operator-(Bytes o) const { return {n - o.n}; }
  constexpr Bytes operator*(std::uint64_t f) const { return {n * f}; }
  constexpr std::uint64_t operator/(Bytes o) const { return n / o.n; }
};

/// A number of 512-byte sectors, the unit of every device-mapper table.
struct Sectors {
  std::uint64_t n = 0;
  auto operator<=>(const Sectors&) const = default;
  constexpr Sectors operator+(Sectors o) const { return {n + o.n}; }
  constexpr Sectors operator-(Sectors o) const { return {n - o.n}; }
};

constexpr Bytes kKiB{1024};
constexpr Bytes kMiB{1024ULL * 1024};
constexpr Bytes kGiB{1024ULL * 1024 * 1024};
constexpr Bytes kTiB{1024ULL * 1024 * 1024 * 1024};

/// Whole sectors in that many bytes (rounded down).
constexpr Sectors to_sectors(Bytes b) { return {b.n / 512}; }
constexpr Bytes to_bytes(Sectors s) { return {s.n * 512}; }
/// The smallest multiple of `unit` that is not below `b`; unit must not be zero.
constexpr Bytes round_up(Bytes b, Bytes unit) { return {(b.n + unit.n - 1) / unit.n * unit.n}; }
constexpr Bytes round_down(Bytes b, Bytes unit) { return {b.n / unit.n * unit.n}; }

/// Reads "10G", "512M", "64K", "1T", "4096" or "4096B" (powers of 1024, a fraction such as "1.5G" is
/// accepted when it gives whole bytes). Error: usage, for anything else, zero, or more than 8 EiB - 1.
[[nodiscard]] Result<Bytes> parse_size(std::string_view text);
/// "1.5G", "512M", "17K", "3B": at most one decimal, powers of 1024.
[[nodiscard]] std::string format_size(Bytes b);

/// A thin device id of one thin-pool: 24 bits, never reused within a pool.
struct ThinId {
  std::uint32_t n = 0;
  auto operator<=>(const ThinId&) const = default;
};
constexpr std::uint32_t kMaxThinId = 0xffffff;  // Documentation/admin-guide/device-mapper/thin-provisioning.rst

}  // namespace tclone
