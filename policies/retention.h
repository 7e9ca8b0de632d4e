// SPDX-License-Identifier: GPL-2.0-or-later
// Which versions of a volume stay and which go, each with its reasons. Pure: the clock, the zone and what stands in the way of
// a removal are facts. tclone-policy(5) has the rules in words; tests/unit/policies/retention_test.cpp the properties.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/policy.h"
#include "policies/civil.h"

namespace tclone::policies {

/// Why a version stays. The first group never gives way, the second is what [keep] asks for.
enum class Reason : std::uint8_t {
  foreign,  ///< not made by this policy
  future,   ///< its time lies ahead of the clock
  newest,   ///< the newest of its volume, or of the policy in it
  basis,    ///< something stands on it
  origin,   ///< a clone goes back to it
  tag,      ///< a tag other than latest names it
  pinned,   ///< pinned, active or open
  sending,  ///< a transfer reads it
  leased,   ///< `tclone lease`
  young,    ///< younger than min_age
  last,
  within,
  hourly,
  daily,
  weekly,
  monthly,
  yearly,
  oldest,
};
/// Whether it is one of [keep]'s rules, which `free` may overrule.
[[nodiscard]] constexpr bool is_rule(Reason reason) { return reason >= Reason::last; }

/// A reason with what it is about: "web1", "stable".
struct Because {
  Reason reason = Reason::newest;
  std::string detail;
  bool operator==(const Because&) const = default;
};
/// "origin of web1", "tag stable", "daily"
[[nodiscard]] std::string text_of(const Because& because);

/// A version as retention sees it.
struct Candidate {
  std::uint64_t number = 0;
  std::int64_t time = 0;               ///< seconds since the epoch
  bool own = true;                     ///< this policy published it
  std::vector<Because> protections{};  ///< what never gives way, as far as the caller knows it
};

struct Verdict {
  std::uint64_t number = 0;
  std::int64_t time = 0;
  bool keep = true;
  std::vector<Because> reasons;  ///< in the order of Reason; empty: no rule keeps it
  bool operator==(const Verdict&) const = default;
};

/// A clock that is this much ahead of ours is still taken for the same.
constexpr std::int64_t kClockTolerance = 300;

/// A verdict for each version of one volume, in ascending order of number, whatever order they come in.
[[nodiscard]] std::vector<Verdict> retain(const Keep& keep, std::vector<Candidate> versions, std::int64_t now,
                                          const Zone& zone);

/// Of what stays: the number of the oldest version that only rules keep and that is not among the newest `last` (at least one);
/// 0 when there is none. What goes next while the pool has less than Keep::free.
[[nodiscard]] std::uint64_t next_to_thin_out(const Keep& keep, const std::vector<Verdict>& verdicts);

/// Whether so much free space of so much falls short of the goal.
[[nodiscard]] bool below_goal(const FreeGoal& goal, Bytes free, Bytes total);

}  // namespace tclone::policies
