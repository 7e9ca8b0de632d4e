// SPDX-License-Identifier: GPL-2.0-or-later
// Clocks for the tests: POSIX TZ strings need no time zone database.
#pragma once

#include <cstdlib>
#include <ctime>
#include <string>

#include "policies/civil.h"

inline constexpr const char* kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";
inline constexpr const char* kSydney = "AEST-10AEDT,M10.1.0,M4.1.0/3";
inline constexpr const char* kLordHowe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";  // half an hour of summer time
inline constexpr const char* kKathmandu = "<+0545>-5:45";

inline tclone::policies::Zone clock_of(const std::string& tz) {
  return [tz](std::int64_t seconds) {
    static std::string set;
    if (set != tz) {
      ::setenv("TZ", tz.c_str(), 1);
      ::tzset();
      set = tz;
    }
    const auto t = static_cast<std::time_t>(seconds);
    std::tm local{};
    ::localtime_r(&t, &local);
    return tclone::policies::Civil{local.tm_year + 1900,
                                   local.tm_mon + 1,
                                   local.tm_mday,
                                   local.tm_hour,
                                   local.tm_min,
                                   local.tm_sec,
                                   static_cast<int>(local.tm_gmtoff)};
  };
}

/// "2026-03-29 02:30:00" of a clock without an offset.
inline std::int64_t at(const char* text) {
  tclone::policies::Civil c;
  if (std::sscanf(text, "%d-%d-%d %d:%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute, &c.second) < 3)
    std::abort();
  return tclone::policies::clock_seconds(c);
}

inline std::string shown(std::int64_t seconds) {
  const auto c = tclone::policies::utc(seconds);
  char out[80];
  std::snprintf(out, sizeof out, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
  return out;
}
