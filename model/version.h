// SPDX-License-Identifier: GPL-2.0-or-later
// One immutable point of a volume, and how it is referred to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/units.h"
#include "base/uuid.h"
#include "model/filesystem.h"

namespace tclone {

/// Names one version for good: the uuid decides, volume and number are how people call it. A rename rewrites
/// the names; a nil uuid never occurs in a record.
struct VersionRef {
  std::string volume;
  std::uint64_t number = 0;
  Uuid uuid;
  bool operator==(const VersionRef&) const = default;
  /// "db@7"
  [[nodiscard]] std::string text() const { return volume + "@" + std::to_string(number); }
};

/// versions/<volume>@<number>.toml: an immutable point of a volume.
struct Version {
  std::string volume;
  std::uint64_t number = 0;  ///< from 1 upwards, never reused within a volume
  Uuid uuid;
  std::string vault;  ///< the vault it lives in
  ThinId thin;        ///< in that vault's inner pool
  Bytes size;
  FsKind fs = FsKind::none;
  /// The external origin its thin must be activated with (thin-provisioning.rst: every descendant of a thin
  /// with an external origin needs the same one), if any.
  std::optional<VersionRef> basis;
  std::int64_t time = 0;  ///< seconds since the epoch, UTC
  std::string message;
  bool operator==(const Version&) const = default;
  [[nodiscard]] VersionRef ref() const { return {volume, number, uuid}; }
};

}  // namespace tclone
