// SPDX-License-Identifier: GPL-2.0-or-later
// What people may call things. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tclone::names {

/// Volumes: `[a-z0-9][a-z0-9._-]{0,62}`.
[[nodiscard]] Status check_volume_name(std::string_view name);
/// Pools: like volumes without a dash, at most 40 characters: "tclone-<pool>-<volume>@<number>" must stay
/// below the 128 bytes of a device-mapper name.
[[nodiscard]] Status check_pool_name(std::string_view name);
/// Tags: like volumes, but not a number, since "db@7" is version 7. "latest" moves by itself and is refused here.
[[nodiscard]] Status check_tag(std::string_view tag);
/// A version's message: at most 1000 bytes of text without control characters.
[[nodiscard]] Status check_message(std::string_view message);

/// "db", "db@7" or "db@stable".
struct Target {
  std::string volume;
  std::optional<std::uint64_t> number;
  std::string tag;  ///< empty when number is set or nothing follows the name
  [[nodiscard]] bool has_version() const { return number.has_value() || !tag.empty(); }
  [[nodiscard]] std::string text() const;
};
[[nodiscard]] Result<Target> parse_target(std::string_view text);
/// What may stand after the @ or in --to: a number or a tag.
[[nodiscard]] Result<Target> parse_selector(std::string_view volume, std::string_view selector);

}  // namespace tclone::names
