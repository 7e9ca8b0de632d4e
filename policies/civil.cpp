// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/civil.h"

#include <array>

namespace tclone::policies {
namespace {

constexpr std::int64_t kDay = 86400;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

/// Years that begin in March: the leap day is the last of them, and months follow a fixed pattern of lengths.
struct MarchYear {
  std::int64_t year;
  int month;  ///< 0 March to 11 February
};

Civil at_clock(std::int64_t seconds) {
  const std::int64_t days = floor_div(seconds, kDay);
  const int left = static_cast<int>(seconds - days * kDay);
  // 400 years are 146097 days; 719468 days lie between 0000-03-01 and 1970-01-01.
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = floor_div(shifted, 146097);
  const std::int64_t of_era = shifted - era * 146097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * of_year + 2) / 153;
  Civil out;
  out.day = static_cast<int>(of_year - (153 * march_month + 2) / 5 + 1);
  out.month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  out.year = static_cast<int>(year_of_era + era * 400 + (out.month <= 2 ? 1 : 0));
  out.hour = left / 3600;
  out.minute = left / 60 % 60;
  out.second = left % 60;
  return out;
}

}  // namespace

Civil utc(std::int64_t seconds) { return at_clock(seconds); }

std::int64_t days_of(int year, int month, int day) {
  const MarchYear march{month <= 2 ? year - 1 : year, month <= 2 ? month + 9 : month - 3};
  const std::int64_t era = floor_div(march.year, 400);
  const std::int64_t year_of_era = march.year - era * 400;
  const std::int64_t of_year = (153 * march.month + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719468;
}

std::int64_t clock_seconds(const Civil& at) {
  return days_of(at.year, at.month, at.day) * kDay + at.hour * 3600LL + at.minute * 60LL + at.second;
}

std::int64_t seconds_of(const Civil& at) { return clock_seconds(at) - at.offset; }

int weekday_of(std::int64_t days) {
  const std::int64_t since_monday = days + 3;  // 1970-01-01 was a Thursday
  return static_cast<int>(since_monday - floor_div(since_monday, 7) * 7);
}

int days_in_month(int year, int month) {
  const bool last = month == 12;
  return static_cast<int>(days_of(last ? year + 1 : year, last ? 1 : month + 1, 1) - days_of(year, month, 1));
}

IsoWeek iso_week(const Civil& at) {
  const std::int64_t day = days_of(at.year, at.month, at.day);
  const Civil thursday = at_clock((day - weekday_of(day) + 3) * kDay);
  const std::int64_t first = days_of(thursday.year, 1, 1);
  return {thursday.year, static_cast<int>((day - weekday_of(day) + 3 - first) / 7) + 1};
}

std::optional<std::int64_t> moment_of(const Civil& at, const Zone& zone) {
  const std::int64_t clock = clock_seconds(at);
  std::optional<std::int64_t> first;
  // No zone is more than a day from UTC, and none changes its offset twice within two days of one moment.
  for (const std::int64_t near : {clock - kDay, clock + kDay}) {
    const std::int64_t moment = clock - zone(near).offset;
    if (clock_seconds(zone(moment)) == clock && (!first || moment < *first)) first = moment;
  }
  return first;
}

}  // namespace tclone::policies
