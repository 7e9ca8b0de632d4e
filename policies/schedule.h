// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a policy is due, where cron asks every few minutes. Pure: the stamp of the last attempt, the clock and the zones are facts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policies/calendar.h"

namespace tclone::policies {

/// A clock of that name: "UTC", an IANA name, "" for local time.
using ZoneOf = std::function<Zone(const std::string&)>;

struct Schedule {
  std::vector<Calendar> at;
  std::int64_t jitter = 0;  ///< seconds; at most this much is added to each time, always the same
  bool catch_up = true;
  std::uint64_t seed = 0;  ///< of this host and policy
};

/// How much is added to each time: fixed per seed, from 0 up to and including the jitter.
[[nodiscard]] std::int64_t delay_of(const Schedule& schedule);
/// A seed of two names; the same everywhere and always (FNV-1a).
[[nodiscard]] std::uint64_t seed_of(std::string_view host, std::string_view policy);

/// The first time after `after` at which one of the calendars elapses, the delay included; nullopt: never.
[[nodiscard]] std::optional<std::int64_t> next_due(const Schedule& schedule, std::int64_t after, const ZoneOf& zone);

/// How late cron may ask without catch_up: twice the five minutes of the shipped line.
constexpr std::int64_t kOnTime = 600;

struct Due {
  bool now = false;                   ///< it is to run
  bool stamp = false;                 ///< there is no stamp to go by: one of the present moment is to be written
  bool from_future = false;           ///< the stamp lies ahead of the clock, which was put back since
  std::optional<std::int64_t> since;  ///< when it became due
  std::optional<std::int64_t> next;   ///< the next time after now
};
/// `last` is when it was last attempted. Without a stamp, or with one that lies ahead of the clock by more than kClockTolerance,
/// it is not due: what is missed cannot be told, and installing a policy must not fire it. The new stamp lets the next time count.
[[nodiscard]] Due due(const Schedule& schedule, std::optional<std::int64_t> last, std::int64_t now, const ZoneOf& zone);

}  // namespace tclone::policies
