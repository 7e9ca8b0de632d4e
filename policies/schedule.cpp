// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/schedule.h"

#include <algorithm>

#include "policies/retention.h"

namespace tclone::policies {

std::uint64_t seed_of(std::string_view host, std::string_view policy) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  };
  add(host);
  add("\n");
  add(policy);
  return hash;
}

std::int64_t delay_of(const Schedule& schedule) {
  if (schedule.jitter <= 0) return 0;
  // The low bits of this hash are its worst.
  return static_cast<std::int64_t>((schedule.seed >> 16U) % (static_cast<std::uint64_t>(schedule.jitter) + 1));
}

std::optional<std::int64_t> next_due(const Schedule& schedule, std::int64_t after, const ZoneOf& zone) {
  const std::int64_t delay = delay_of(schedule);
  std::optional<std::int64_t> first;
  for (const Calendar& calendar : schedule.at) {
    const auto at = next_elapse(calendar, after - delay, zone(calendar.zone));
    if (at && (!first || *at + delay < *first)) first = *at + delay;
  }
  return first;
}

Due due(const Schedule& schedule, std::optional<std::int64_t> last, std::int64_t now, const ZoneOf& zone) {
  Due out;
  out.next = next_due(schedule, now, zone);
  if (schedule.at.empty()) return out;
  out.from_future = last && *last > now + kClockTolerance;
  if (!last || out.from_future) {
    out.stamp = true;
    return out;
  }
  const std::int64_t from = schedule.catch_up ? *last : std::max(*last, now - kOnTime);
  const auto since = next_due(schedule, from, zone);
  if (since && *since <= now) {
    out.now = true;
    out.since = since;
  }
  return out;
}

}  // namespace tclone::policies
