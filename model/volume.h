// SPDX-License-Identifier: GPL-2.0-or-later
// One writable volume.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/version.h"

namespace tclone {

/// volumes/<name>.toml: something writable.
struct Volume {
  std::string name;
  Uuid uuid;
  std::string vault;
  ThinId thin;
  Bytes size;
  FsKind fs = FsKind::none;
  std::int64_t created = 0;
  /// The version it was cloned, reverted or refreshed from; none for a base volume.
  std::optional<VersionRef> origin;
  /// External origin of its present thin: equals origin for an own-key clone, else inherited, else none.
  std::optional<VersionRef> basis;
  bool own_key = false;  ///< an own-key clone (or a clone put in another vault), as against shared-key
  std::string follows;   ///< the tag refresh goes to; "latest" unless --follow said otherwise; "" if no clone
  std::uint64_t next_version = 1;
  std::vector<std::uint64_t> versions;        ///< numbers that exist, ascending
  std::map<std::string, std::uint64_t> tags;  ///< tag -> number; "latest" always names the newest, if any
  bool operator==(const Volume&) const = default;
};

}  // namespace tclone
