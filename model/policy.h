// SPDX-License-Identifier: GPL-2.0-or-later
// The values of a policy file, tclone-policy(5). Lengths of time are in seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace tclone {

/// How far a rule of [keep] reaches: so many periods that have a version, or the periods of a length of time.
struct Reach {
  std::uint64_t count = 0;  ///< 0 with a span of 0: the rule is off
  std::int64_t span = 0;
  bool operator==(const Reach&) const = default;
  [[nodiscard]] bool on() const { return count > 0 || span > 0; }
};

/// Free space of the pool below which versions are thinned out further.
struct FreeGoal {
  std::uint32_t percent = 0;  ///< of the pool; 0: `bytes` counts
  Bytes bytes;
  bool operator==(const FreeGoal&) const = default;
};

/// [keep]: which versions stay.
struct Keep {
  bool all = false;  ///< versions that others made count and go as well
  std::uint64_t last = 0;
  std::int64_t within = 0;
  Reach hourly, daily, weekly, monthly, yearly;
  std::int64_t min_age = 0;
  std::optional<FreeGoal> free;
  bool operator==(const Keep&) const = default;
};

/// [hooks]: programs of the host with their arguments; no shell.
struct Hooks {
  std::vector<std::string> pre, post;
  std::int64_t timeout = 60;
  bool operator==(const Hooks&) const = default;
};

/// [after]: who is brought to the new version.
struct After {
  std::vector<std::string> restart;  ///< systemd units
  std::vector<std::string> refresh;  ///< clones
  std::int64_t stagger = 0;          ///< between two of them
  bool operator==(const After&) const = default;
};

struct Policy {
  std::string name;  ///< the file's name without .toml
  std::string pool;  ///< "": the only pool, or the default one
  std::vector<std::string> volumes;
  std::vector<std::string> at;  ///< calendar expressions; empty: by hand only
  std::string timezone = "UTC";
  std::int64_t jitter = 0;
  bool catch_up = true;
  std::vector<std::string> tags;
  std::string message;
  bool only_if_changed = false;
  std::optional<Keep> keep;
  Hooks hooks;
  After after;
  bool operator==(const Policy&) const = default;
};

}  // namespace tclone
