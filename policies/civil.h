// SPDX-License-Identifier: GPL-2.0-or-later
// Calendar arithmetic on the proleptic Gregorian calendar, without a time zone database: whoever calls passes a Zone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace tclone::policies {

/// A local time, and how far east of UTC that zone is at that moment.
struct Civil {
  int year = 1970;
  int month = 1;   ///< 1 to 12
  int day = 1;     ///< 1 to 31
  int hour = 0;    ///< 0 to 23
  int minute = 0;  ///< 0 to 59
  int second = 0;  ///< 0 to 59; a leap second is the 59th again
  int offset = 0;  ///< seconds east of UTC
  bool operator==(const Civil&) const = default;
};

/// What a clock in that zone shows at a moment, in seconds since 1970-01-01 00:00:00 UTC. Total: it never fails.
using Zone = std::function<Civil(std::int64_t)>;

/// UTC as a Zone.
[[nodiscard]] Civil utc(std::int64_t seconds);

/// Days from 1970-01-01 to that date, negative before it. The day may lie outside the month: 32 is the month's last and one more.
[[nodiscard]] std::int64_t days_of(int year, int month, int day);
/// Seconds from 1970-01-01 00:00:00 of the same clock, Civil::offset left out.
[[nodiscard]] std::int64_t clock_seconds(const Civil& at);
/// The moment of a local time that has its offset.
[[nodiscard]] std::int64_t seconds_of(const Civil& at);

/// 0 Monday to 6 Sunday, of days since 1970-01-01.
[[nodiscard]] int weekday_of(std::int64_t days);
[[nodiscard]] int days_in_month(int year, int month);

/// ISO 8601: the week belongs to the year in which its Thursday lies.
struct IsoWeek {
  int year = 0;
  int week = 0;  ///< 1 to 53
  bool operator==(const IsoWeek&) const = default;
};
[[nodiscard]] IsoWeek iso_week(const Civil& at);

/// The earliest moment at which the clocks of the zone show this local time (its offset is not looked at); nullopt when they
/// skip it. A clock that is put back shows some times twice: the first of the two is meant.
[[nodiscard]] std::optional<std::int64_t> moment_of(const Civil& at, const Zone& zone);

}  // namespace tclone::policies
