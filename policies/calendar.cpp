// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/calendar.h"

#include <algorithm>
#include <array>

namespace tclone::policies {
namespace {

constexpr int kFirstYear = 1970, kLastYear = 2199;

/// The smallest value of the part that is not below `from`.
std::optional<int> at_least(const std::vector<CalendarRange>& part, int from, int least, int most) {
  from = std::max(from, least);
  if (from > most) return std::nullopt;
  if (part.empty()) return from;
  std::optional<int> best;
  for (const CalendarRange& range : part) {
    int value = range.start;
    if (value < from) {
      if (range.step == 0) continue;
      value += (from - value + range.step - 1) / range.step * range.step;
    }
    if (value <= std::min(range.stop, most) && (!best || value < *best)) best = value;
  }
  return best;
}

bool on_weekday(const Calendar& calendar, int year, int month, int day) {
  return (calendar.weekdays >> static_cast<unsigned>(weekday_of(days_of(year, month, day))) & 1U) != 0;
}

/// The first matching time of day that is not before hour:minute:second of `from`.
bool to_time(const Calendar& c, Civil& from) {
  int minute = from.minute;
  int second = from.second;
  for (int hour = from.hour;; ++hour) {
    const auto h = at_least(c.hour, hour, 0, 23);
    if (!h) return false;
    if (*h != from.hour) minute = second = 0;
    hour = *h;
    for (;; ++minute, second = 0) {
      const auto m = at_least(c.minute, minute, 0, 59);
      if (!m) break;
      if (*m != minute) second = 0;
      minute = *m;
      if (const auto s = at_least(c.second, second, 0, 59)) {
        from.hour = hour;
        from.minute = minute;
        from.second = *s;
        return true;
      }
    }
    minute = second = 0;
  }
}

/// The first matching local time that is not before `from`.
std::optional<Civil> not_before(const Calendar& c, Civil from) {
  const auto reset = [&](int month, int day) {
    from.month = month;
    from.day = day;
    from.hour = from.minute = from.second = 0;
  };
  for (;;) {
    const auto year = at_least(c.year, from.year, kFirstYear, kLastYear);
    if (!year) return std::nullopt;
    if (*year != from.year) reset(1, 1);
    from.year = *year;
    const auto month = at_least(c.month, from.month, 1, 12);
    if (!month) {
      ++from.year;
      reset(1, 1);
      continue;
    }
    if (*month != from.month) reset(*month, 1);
    const auto day = at_least(c.day, from.day, 1, days_in_month(from.year, from.month));
    if (!day) {
      reset(from.month + 1, 1);
      continue;
    }
    if (*day != from.day) reset(from.month, *day);
    if (on_weekday(c, from.year, from.month, from.day) && to_time(c, from)) return from;
    reset(from.month, from.day + 1);
  }
}

}  // namespace

std::optional<std::int64_t> next_elapse(const Calendar& calendar, std::int64_t after, const Zone& zone) {
  // Clocks that were just put back show earlier times again: what they show is begun with, and what is past is passed over.
  Civil from = zone(after);
  for (;;) {
    const auto local = not_before(calendar, from);
    if (!local) return std::nullopt;
    if (const auto moment = moment_of(*local, zone); moment && *moment > after) return moment;
    from = utc(clock_seconds(*local) + 1);
  }
}

bool elapses_in_the_small_hours(const Calendar& calendar) {
  const auto hour = at_least(calendar.hour, 1, 1, 3);
  return hour.has_value();
}

}  // namespace tclone::policies
