// SPDX-License-Identifier: GPL-2.0-or-later
// The part of systemd's calendar expressions (systemd.time(7)) that a policy may use where cron starts it:
//
//   [WEEKDAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]] [ZONE]      or one word such as "daily"
//
// Each part is `*` or a list of VALUE, VALUE..VALUE, VALUE/STEP and VALUE..VALUE/STEP. What is left out of the grammar is
// refused by name: `~` (days from a month's end), fractions of seconds, `@SECONDS`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/civil.h"

namespace tclone::policies {

/// `start`, then every `step`th up to `stop`. A step of 0 is one value.
struct CalendarRange {
  int start = 0;
  int stop = 0;
  int step = 0;
  bool operator==(const CalendarRange&) const = default;
};

struct Calendar {
  std::string text;                                                   ///< as it was written
  std::string zone;                                                   ///< "UTC", an IANA name, or "" for local time
  std::uint8_t weekdays = 0x7f;                                       ///< bit 0 Monday to bit 6 Sunday
  std::vector<CalendarRange> year, month, day, hour, minute, second;  ///< empty: every value
};

/// usage error that names the expression, the part that is wrong and why.
[[nodiscard]] Result<Calendar> parse_calendar(std::string_view text);

/// The first moment after `after` at which it elapses, up to the end of 2199; nullopt when there is none. A local time that
/// the zone's clocks skip has no run that day; one that they show twice has one.
[[nodiscard]] std::optional<std::int64_t> next_elapse(const Calendar& calendar, std::int64_t after, const Zone& zone);

/// Whether it can elapse between 01:00:00 and 03:59:59: where clocks change, these times are skipped or come twice.
[[nodiscard]] bool elapses_in_the_small_hours(const Calendar& calendar);

}  // namespace tclone::policies
