// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/schedule.h"

#include "unit/catch.h"
#include "unit/policies/zones.h"

using namespace tclone::policies;

namespace {

Zone zone_of(const std::string& name) { return name == "UTC" ? Zone(utc) : clock_of(kBerlin); }

Schedule daily(std::int64_t jitter = 0, bool catch_up = true) {
  Schedule out;
  out.at = {*parse_calendar("*-*-* 03:15:00 UTC")};
  out.jitter = jitter;
  out.catch_up = catch_up;
  out.seed = seed_of("host", "nightly");
  return out;
}

}  // namespace

TEST_CASE("a policy is due once a scheduled time has passed since the last attempt") {
  const Schedule s = daily();
  CHECK_FALSE(due(s, at("2026-01-01 03:15:00"), at("2026-01-02 03:14:59"), zone_of).now);
  const Due d = due(s, at("2026-01-01 03:15:00"), at("2026-01-02 03:15:00"), zone_of);
  CHECK(d.now);
  CHECK(d.since == at("2026-01-02 03:15:00"));
  CHECK(d.next == at("2026-01-03 03:15:00"));
  CHECK_FALSE(due(s, at("2026-01-02 03:15:00"), at("2026-01-02 03:20:00"), zone_of).now);
}

TEST_CASE("a policy without a stamp is not due, and a stamp is asked for") {
  const Due d = due(daily(), std::nullopt, at("2026-01-02 04:00:00"), zone_of);
  CHECK_FALSE(d.now);
  CHECK(d.stamp);
}

TEST_CASE("what was missed is caught up with once, or not at all without catch_up") {
  const auto month_ago = at("2026-01-01 03:15:00");
  const auto now = at("2026-02-01 12:00:00");
  CHECK(due(daily(), month_ago, now, zone_of).now);
  CHECK_FALSE(due(daily(), now, now + 300, zone_of).now);
  CHECK_FALSE(due(daily(0, false), month_ago, now, zone_of).now);
  // cron asks every five minutes, and may be late itself.
  CHECK(due(daily(0, false), month_ago, at("2026-02-01 03:19:59"), zone_of).now);
  CHECK(due(daily(0, false), month_ago, at("2026-02-01 03:24:59"), zone_of).now);
  CHECK_FALSE(due(daily(0, false), month_ago, at("2026-02-01 03:25:01"), zone_of).now);
}

TEST_CASE("a stamp that lies in the future does not stop a policy for longer than until its next time") {
  const auto now = at("2026-01-02 12:00:00");
  const Due d = due(daily(), at("2031-01-01"), now, zone_of);
  CHECK_FALSE(d.now);
  CHECK(d.stamp);
  CHECK(d.from_future);
  CHECK(due(daily(), now, at("2026-01-03 03:15:00"), zone_of).now);
  // A few seconds are not a wrong clock.
  CHECK_FALSE(due(daily(), now + 60, now, zone_of).from_future);
}

TEST_CASE("the jitter is the same every time, within its bounds, and differs between hosts and policies") {
  std::set<std::int64_t> delays;
  for (int i = 0; i < 200; ++i) {
    Schedule s = daily(600);
    s.seed = seed_of("host" + std::to_string(i), "nightly");
    const auto delay = delay_of(s);
    CHECK(delay >= 0);
    CHECK(delay <= 600);
    CHECK(delay == delay_of(s));
    delays.insert(delay);
    const auto time = at("2026-01-02 03:15:00") + delay;
    CHECK_FALSE(due(s, at("2026-01-01 12:00:00"), time - 1, zone_of).now);
    CHECK(due(s, at("2026-01-01 12:00:00"), time, zone_of).now);
    CHECK_FALSE(due(s, time, time + 60, zone_of).now);
  }
  CHECK(delays.size() > 100);
}

TEST_CASE("several times are one schedule, and a policy without times is never due") {
  Schedule s = daily();
  s.at.push_back(*parse_calendar("*-*-* 15:00"));
  CHECK(next_due(s, at("2026-07-01 03:15:00"), zone_of) == at("2026-07-01 13:00:00"));  // 15:00 of the local clock
  s.at.clear();
  const Due d = due(s, std::nullopt, at("2026-07-01"), zone_of);
  CHECK_FALSE(d.now);
  CHECK_FALSE(d.stamp);
  CHECK_FALSE(d.next);
}

TEST_CASE("a year of five-minute questions runs a daily policy once a day, also where clocks change") {
  Schedule s = daily();
  s.at = {*parse_calendar("*-*-* 04:00")};
  std::int64_t last = at("2026-01-01");
  int runs = 0;
  for (std::int64_t now = last; now < at("2027-01-01"); now += 300) {
    if (!due(s, last, now, zone_of).now) continue;
    last = now;
    ++runs;
  }
  CHECK(runs == 365);
}
