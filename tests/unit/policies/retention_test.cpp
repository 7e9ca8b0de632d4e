// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/retention.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include "unit/catch.h"
#include "unit/policies/zones.h"

using namespace tclone::policies;
using tclone::FreeGoal;
using tclone::Keep;
using tclone::Reach;

namespace {

/// Versions 1, 2, 3... of these times.
std::vector<Candidate> versions(const std::vector<const char*>& times) {
  std::vector<Candidate> out;
  for (const char* time : times) out.push_back({out.size() + 1, at(time), true, {}});
  return out;
}
std::vector<Candidate> every(std::int64_t step, std::int64_t from, std::int64_t until) {
  std::vector<Candidate> out;
  for (std::int64_t t = from; t < until; t += step) out.push_back({out.size() + 1, t, true, {}});
  return out;
}

/// "1 4:daily,newest": what is kept and why.
std::string kept(const std::vector<Verdict>& verdicts) {
  std::string out;
  for (const Verdict& v : verdicts) {
    if (!v.keep) continue;
    out += (out.empty() ? "" : " ") + std::to_string(v.number) + ":";
    for (const Because& b : v.reasons) out += (out.back() == ':' ? "" : ",") + text_of(b);
  }
  return out;
}
std::set<std::uint64_t> removed(const std::vector<Verdict>& verdicts) {
  std::set<std::uint64_t> out;
  for (const Verdict& v : verdicts) {
    if (!v.keep) out.insert(v.number);
  }
  return out;
}
std::size_t count(const std::vector<Verdict>& verdicts, Reason reason) {
  return static_cast<std::size_t>(std::count_if(verdicts.begin(), verdicts.end(), [&](const Verdict& v) {
    return std::any_of(v.reasons.begin(), v.reasons.end(), [&](const Because& b) { return b.reason == reason; });
  }));
}

std::int64_t now_of(const std::vector<Candidate>& all) { return all.back().time + 60; }

using Random = std::mt19937;
std::uint64_t pick(Random& random, std::uint64_t most) {
  return std::uniform_int_distribution<std::uint64_t>(0, most)(random);
}

/// Times that mostly grow, with gaps, clocks that step back and forth, and a few things that hold on to versions.
std::vector<Candidate> some_versions(Random& random) {
  std::vector<Candidate> out;
  std::int64_t time = at("2026-01-01") + static_cast<std::int64_t>(pick(random, 400 * 86400));
  std::uint64_t number = 0;
  for (auto n = pick(random, 60); n > 0; --n) {
    number += 1 + pick(random, 2);
    time += static_cast<std::int64_t>(pick(random, pick(random, 9) == 0 ? 40 * 86400 : 9 * 3600));
    if (pick(random, 15) == 0) time -= static_cast<std::int64_t>(pick(random, 3 * 86400));
    Candidate c{number, time, pick(random, 6) != 0, {}};
    if (pick(random, 9) == 0) {
      static constexpr std::array kHolds{Reason::basis,  Reason::origin,  Reason::tag,
                                         Reason::pinned, Reason::sending, Reason::leased};
      c.protections.push_back({kHolds.at(pick(random, kHolds.size() - 1)), "it"});
    }
    out.push_back(c);
  }
  return out;
}
Reach some_reach(Random& random) {
  if (pick(random, 1) == 0) return {};
  if (pick(random, 1) == 0) return {pick(random, 8) + 1, 0};
  return {0, static_cast<std::int64_t>(pick(random, 30 * 86400)) + 1};
}
Keep some_keep(Random& random) {
  Keep keep;
  keep.all = pick(random, 3) == 0;
  keep.last = pick(random, 4);
  keep.within = pick(random, 2) == 0 ? static_cast<std::int64_t>(pick(random, 5 * 86400)) : 0;
  keep.hourly = some_reach(random);
  keep.daily = some_reach(random);
  keep.weekly = some_reach(random);
  keep.monthly = some_reach(random);
  keep.yearly = some_reach(random);
  keep.min_age = pick(random, 1) == 0 ? 3600 : 0;
  return keep;
}
Zone some_zone(Random& random) {
  static const std::array kZones{"UTC0", kBerlin, kSydney, kLordHowe, kKathmandu};
  return clock_of(kZones.at(pick(random, kZones.size() - 1)));
}

}  // namespace

TEST_CASE("the newest version of each day stands, and the oldest while there are too few days") {
  Keep keep;
  keep.daily = {3, 0};
  const auto three =
      versions({"2026-01-01 01:00:00", "2026-01-01 02:00:00", "2026-01-02 01:00:00", "2026-01-02 09:00:00"});
  CHECK(kept(retain(keep, three, now_of(three), utc)) == "1:oldest 2:daily 4:newest,daily");
  const auto four =
      versions({"2026-01-01 01:00:00", "2026-01-02 02:00:00", "2026-01-03 01:00:00", "2026-01-04 09:00:00"});
  CHECK(kept(retain(keep, four, now_of(four), utc)) == "2:daily 3:daily 4:newest,daily");
}

TEST_CASE("a number counts periods that have versions, a length of time counts from the newest version") {
  const auto gap =
      versions({"2026-01-01 12:00:00", "2026-01-02 12:00:00", "2026-03-01 12:00:00", "2026-03-02 12:00:00"});
  Keep keep;
  keep.daily = {4, 0};
  CHECK(removed(retain(keep, gap, now_of(gap), utc)).empty());
  keep.daily = {0, 2 * 86400};
  CHECK(kept(retain(keep, gap, now_of(gap), utc)) == "3:daily 4:newest,daily");
  // The host was off for a year: nothing is lost by that.
  CHECK(kept(retain(keep, gap, now_of(gap) + 365 * 86400, utc)) == "3:daily 4:newest,daily");
}

TEST_CASE("exactly at the edge is kept, a second before it is not") {
  Keep keep;
  keep.within = 86400;
  const auto edge = versions({"2026-01-01 11:59:59", "2026-01-01 12:00:00", "2026-01-02 12:00:00"});
  CHECK(kept(retain(keep, edge, now_of(edge), utc)) == "2:within 3:newest,within");
}

TEST_CASE("the hour that comes twice is two hours, the day of 23 or 25 hours is one day") {
  const Zone berlin = clock_of(kBerlin);
  Keep keep;
  keep.hourly = {48, 0};
  // 02:30 summer time, 02:30 winter time, 03:30.
  const auto twice = versions({"2026-10-25 00:30:00", "2026-10-25 01:30:00", "2026-10-25 02:30:00"});
  CHECK(count(retain(keep, twice, now_of(twice), berlin), Reason::hourly) == 3);
  keep = {};
  keep.daily = {60, 0};
  for (const char* day : {"2026-03-28 23:00:00", "2026-10-24 22:00:00"}) {  // local midnight
    const auto hours = every(3600, at(day), at(day) + (at(day) < at("2026-06-01") ? 23 : 25) * 3600);
    CHECK(count(retain(keep, hours, now_of(hours), berlin), Reason::daily) == 1);
    const auto more = every(3600, at(day), at(day) + 26 * 3600);
    CHECK(count(retain(keep, more, now_of(more), berlin), Reason::daily) == 2);
  }
}

TEST_CASE("sixty dailies across both changes of the clocks are sixty days") {
  Keep keep;
  keep.daily = {60, 0};
  for (const char* zone : {"UTC0", kBerlin, kSydney, kLordHowe, kKathmandu}) {
    for (const char* end : {"2026-04-20 12:00:00", "2026-11-20 12:00:00", "2026-10-31 23:59:00"}) {
      const auto all = every(3600, at(end) - 90 * 86400, at(end));
      const auto out = retain(keep, all, now_of(all), clock_of(zone));
      INFO(zone << " " << end);
      CHECK(count(out, Reason::daily) == 60);
      CHECK(out.size() - removed(out).size() == 60);
    }
  }
}

TEST_CASE("weeks are those of ISO 8601, over the turn of years") {
  Keep keep;
  keep.weekly = {10, 0};
  // Week 53 of 2026 lasts from Monday, 28 December, to Sunday, 3 January.
  const auto turn = versions({"2026-12-27", "2026-12-28", "2026-12-31", "2027-01-01", "2027-01-03", "2027-01-04"});
  CHECK(kept(retain(keep, turn, now_of(turn), utc)) == "1:weekly,oldest 5:weekly 6:newest,weekly");
  CHECK(iso_week({2026, 12, 31}) == IsoWeek{2026, 53});
  CHECK(iso_week({2027, 1, 3}) == IsoWeek{2026, 53});
  CHECK(iso_week({2024, 12, 30}) == IsoWeek{2025, 1});
  CHECK(iso_week({2023, 1, 1}) == IsoWeek{2022, 52});
}

TEST_CASE("numbers decide what is newer, not clocks") {
  Keep keep;
  keep.daily = {2, 0};
  // The clock was a month ahead for versions 2 and 3, then put right; 5 and 6 come through a day that was seen.
  const auto stepped = versions({"2026-01-01 08:00:00", "2026-02-01 08:00:00", "2026-02-01 09:00:00",
                                 "2026-01-01 10:00:00", "2026-01-02 08:00:00", "2026-01-02 09:00:00"});
  const auto out = retain(keep, stepped, at("2026-03-01"), utc);
  CHECK(kept(out) == "4:daily 6:newest,daily");
}

TEST_CASE("a time in the future is kept and counts for nothing") {
  Keep keep;
  keep.last = 1;
  const auto ahead = versions({"2026-01-01 08:00:00", "2026-01-01 09:00:00", "2026-01-02 09:05:01"});
  CHECK(kept(retain(keep, ahead, at("2026-01-02 09:00:00"), utc)) == "2:last 3:time in the future,newest");
  // Five minutes are within what clocks differ by.
  CHECK(kept(retain(keep, ahead, at("2026-01-02 09:00:01"), utc)) == "3:newest,last");
}

TEST_CASE("what holds on to a version keeps it, each with its reason") {
  Keep keep;
  keep.last = 1;
  for (const auto& [reason, text] : std::vector<std::pair<Reason, std::string>>{{Reason::basis, "basis of web1"},
                                                                                {Reason::origin, "origin of web1"},
                                                                                {Reason::tag, "tag web1"},
                                                                                {Reason::pinned, "in use (web1)"},
                                                                                {Reason::sending, "being sent (web1)"},
                                                                                {Reason::leased, "leased (web1)"}}) {
    auto all = versions({"2026-01-01", "2026-01-02", "2026-01-03"});
    all[0].protections = {{reason, "web1"}};
    CHECK(kept(retain(keep, all, now_of(all), utc)) == "1:" + text + " 3:newest,last");
  }
  auto young = versions({"2026-01-01 08:00:00", "2026-01-01 11:30:00", "2026-01-01 11:40:00"});
  keep.min_age = 3600;
  CHECK(kept(retain(keep, young, at("2026-01-01 12:00:00"), utc)) == "2:younger than 3:newest,younger than,last");
  CHECK(kept(retain(keep, young, at("2026-01-01 12:30:00"), utc)) == "3:newest,younger than,last");
}

TEST_CASE("what others made is not touched, unless all versions are meant") {
  auto all = versions({"2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"});
  all[0].own = all[3].own = false;
  Keep keep;
  keep.last = 1;
  CHECK(kept(retain(keep, all, now_of(all), utc)) == "1:not of this policy 3:newest,last 4:not of this policy,newest");
  keep.all = true;
  CHECK(kept(retain(keep, all, now_of(all), utc)) == "4:newest,last");
}

TEST_CASE("rules of a keep section stand for themselves, their union is kept") {
  Keep keep;
  keep.last = 2;
  keep.hourly = {3, 0};
  keep.daily = {2, 0};
  keep.monthly = {2, 0};
  const auto all = versions({"2025-11-30 12:00:00", "2025-12-31 12:00:00", "2026-01-01 10:00:00", "2026-01-02 10:00:00",
                             "2026-01-02 11:00:00", "2026-01-02 12:00:00", "2026-01-02 12:30:00"});
  CHECK(kept(retain(keep, all, now_of(all), utc)) ==
        "2:monthly 3:daily 4:hourly 5:hourly 6:last 7:newest,last,hourly,daily,monthly");
}

TEST_CASE("a year of versions every five minutes thins out to what is asked for, within its time") {
  const auto all = every(300, at("2026-01-01"), at("2027-01-01"));
  REQUIRE(all.size() == 105120);
  Keep keep;
  keep.last = 3;
  keep.hourly = {0, 36 * 3600};
  keep.daily = {14, 0};
  keep.weekly = {0, 8 * 7 * 86400};
  keep.monthly = {12, 0};
  const auto out = retain(keep, all, now_of(all), utc);
  CHECK(count(out, Reason::last) == 3);
  CHECK(count(out, Reason::hourly) == 37);  // the edge lies within an hour
  CHECK(count(out, Reason::daily) == 14);
  CHECK(count(out, Reason::weekly) == 9);
  CHECK(count(out, Reason::monthly) == 12);
  CHECK(out.size() - removed(out).size() == 2 + 37 + 12 + 6 + 11);  // what several rules keep is one version
}

TEST_CASE("a year lived through, with a removal after each publish, ends as the rules say") {
  Keep keep;
  keep.hourly = {24, 0};
  keep.daily = {7, 0};
  keep.monthly = {12, 0};
  std::vector<Candidate> held;
  std::uint64_t number = 0;
  for (std::int64_t now = at("2026-01-01"); now < at("2027-02-01"); now += 1800) {
    held.push_back({++number, now, true, {}});
    const auto gone = removed(retain(keep, held, now, utc));
    std::erase_if(held, [&](const Candidate& c) { return gone.contains(c.number); });
  }
  const auto out = retain(keep, held, held.back().time, utc);
  CHECK(count(out, Reason::hourly) == 24);
  CHECK(count(out, Reason::daily) == 7);
  CHECK(count(out, Reason::monthly) == 12);
  CHECK(removed(out).empty());
}

TEST_CASE("retention twice removes nothing more") {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const Keep keep = some_keep(random);
    auto all = some_versions(random);
    const Zone zone = some_zone(random);
    const std::int64_t now = (all.empty() ? 0 : all.back().time) + static_cast<std::int64_t>(pick(random, 7200)) - 3600;
    const auto gone = removed(retain(keep, all, now, zone));
    std::erase_if(all, [&](const Candidate& c) { return gone.contains(c.number); });
    CHECK(removed(retain(keep, all, now, zone)).empty());
  }
}

TEST_CASE("a rule more never removes more, and a longer reach neither") {
  Random random(2);
  static constexpr std::array kReaches{&Keep::hourly, &Keep::daily, &Keep::weekly, &Keep::monthly, &Keep::yearly};
  for (int i = 0; i < 3000; ++i) {
    Keep keep = some_keep(random);
    const auto all = some_versions(random);
    const Zone zone = some_zone(random);
    const std::int64_t now = all.empty() ? 0 : all.back().time + 60;
    const auto which = kReaches.at(pick(random, kReaches.size() - 1));
    keep.*which = {};
    const auto without = removed(retain(keep, all, now, zone));
    keep.*which = {pick(random, 8) + 1, 0};
    const auto with = removed(retain(keep, all, now, zone));
    CHECK(std::includes(without.begin(), without.end(), with.begin(), with.end()));
    (keep.*which).count += 3;
    const auto longer = removed(retain(keep, all, now, zone));
    CHECK(std::includes(with.begin(), with.end(), longer.begin(), longer.end()));
    keep.within += 86400;
    keep.last += 2;
    const auto last = removed(retain(keep, all, now, zone));
    CHECK(std::includes(longer.begin(), longer.end(), last.begin(), last.end()));
  }
}

TEST_CASE("the order in which versions come does not matter, and what is protected is never removed") {
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    const Keep keep = some_keep(random);
    auto all = some_versions(random);
    const Zone zone = some_zone(random);
    const std::int64_t now = all.empty() ? 0 : all.back().time + 60;
    const auto out = retain(keep, all, now, zone);
    const auto gone = removed(out);
    for (const Candidate& c : all) {
      const bool held = !c.protections.empty() || (!c.own && !keep.all) || c.time > now + kClockTolerance;
      if (held || c.number == all.back().number) CHECK_FALSE(gone.contains(c.number));
    }
    std::shuffle(all.begin(), all.end(), random);
    CHECK(retain(keep, all, now, zone) == out);
  }
}

TEST_CASE("while space is short, the oldest version that only rules keep goes, down to the last ones") {
  Keep keep;
  keep.last = 2;
  keep.daily = {10, 0};
  auto all = versions({"2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"});
  all[1].protections = {{Reason::tag, "stable"}};
  std::vector<std::uint64_t> order;
  for (;;) {
    const auto out = retain(keep, all, now_of(all), utc);
    const auto next = next_to_thin_out(keep, out);
    if (next == 0) break;
    order.push_back(next);
    std::erase_if(all, [&](const Candidate& c) { return c.number == next; });
  }
  CHECK(order == std::vector<std::uint64_t>{1, 3});
  keep.last = 0;
  CHECK(next_to_thin_out(keep, retain(keep, versions({"2026-01-01"}), at("2026-01-02"), utc)) == 0);
}

TEST_CASE("a goal of free space is a share of the pool or a size") {
  using tclone::kGiB;
  CHECK(below_goal({10, {}}, kGiB * 9, kGiB * 100));
  CHECK_FALSE(below_goal({10, {}}, kGiB * 10, kGiB * 100));
  CHECK(below_goal({0, kGiB}, kGiB - tclone::kKiB, kGiB * 100));
  CHECK_FALSE(below_goal({0, kGiB}, kGiB, kGiB * 100));
}

TEST_CASE("no versions, one version and no rule are answered as well") {
  CHECK(retain({}, {}, 0, utc).empty());
  CHECK(kept(retain({}, versions({"2026-01-01"}), at("2026-01-01"), utc)) == "1:newest");
  CHECK(kept(retain({}, versions({"2026-01-01", "2026-01-02"}), at("2026-01-03"), utc)) == "2:newest");
}
