// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/calendar.h"

#include <array>
#include <cstdio>
#include <random>

#include "unit/catch.h"
#include "unit/policies/zones.h"

using namespace tclone;
using namespace tclone::policies;

namespace {

std::string next(const std::string& expression, const char* after, const Zone& zone = utc) {
  const auto calendar = parse_calendar(expression);
  if (!calendar) return calendar.error().text();
  const auto moment = next_elapse(*calendar, at(after), zone);
  return moment ? shown(*moment) : "never";
}

std::string output_of(const std::string& command) {
  std::string out;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) out.append(buffer.data(), n);
  ::pclose(pipe);
  return out;
}
bool has_systemd_analyze() {
  return output_of("systemd-analyze calendar --iterations=1 daily 2>&1").find("elapse") != std::string::npos;
}

using Random = std::mt19937;
int pick(Random& random, int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); }

std::string part(Random& random, int least, int most, int star) {
  if (pick(random, 0, 99) < star) return "*";
  std::string out;
  for (int n = pick(random, 1, 3); n > 0; --n) {
    const int form = pick(random, 0, 3);
    const int start = pick(random, least, form == 1 ? (least + most) / 2 : most - 1);
    out += (out.empty() ? "" : ",") + std::to_string(start);
    // Of seconds, systemd does not take a range of one value.
    if (form >= 2) out += ".." + std::to_string(pick(random, start + 1, most));
    if (form == 1 || form == 3) out += "/" + std::to_string(pick(random, 1, std::max(1, (most - least) / 2)));
  }
  return out;
}

std::string weekdays(Random& random) {
  static constexpr std::array kNames{"Mon", "tue", "Wednesday", "Thu", "Fri", "SAT", "Sunday"};
  std::string out;
  for (int n = pick(random, 1, 3); n > 0; --n) {
    const int day = pick(random, 0, 6);
    out += (out.empty() ? "" : ",") + std::string(kNames[static_cast<std::size_t>(day)]);
    if (pick(random, 0, 2) == 0) out += ".." + std::string(kNames[static_cast<std::size_t>(pick(random, day, 6))]);
  }
  return out;
}

/// An expression of the subset. Zones with summer time get no times of day that a change of the clocks can touch: what systemd
/// does with these depends on its C library's guess, and our own rule has tests of its own.
std::string expression(Random& random) {
  std::string out;
  const bool zoned = pick(random, 0, 4) == 0;
  if (pick(random, 0, 2) == 0) out += weekdays(random) + " ";
  const bool date = zoned || pick(random, 0, 3) != 0;
  if (date) {
    if (pick(random, 0, 2) != 0) out += (pick(random, 0, 3) == 0 ? part(random, 2024, 2040, 0) : "*") + "-";
    out += part(random, 1, 12, 60) + "-" + part(random, 1, 31, 50) + " ";
  }
  if (!date || pick(random, 0, 5) != 0 || zoned) {
    out += (zoned ? part(random, 4, 23, 0) : part(random, 0, 23, 40)) + ":" + part(random, 0, 59, 20);
    if (pick(random, 0, 1) == 0) out += ":" + part(random, 0, 59, 20);
    out += " ";
  }
  if (zoned) return out + (pick(random, 0, 1) == 0 ? "Europe/Berlin" : "America/New_York");
  if (pick(random, 0, 1) == 0) return out + "UTC";
  out.pop_back();
  return out;
}

Zone zone_of(const std::string& name) { return name.empty() || name == "UTC" ? Zone(utc) : clock_of(name); }

/// "2026-01-05 03:15:00" of each "Next elapse:" and "Iter." line, "never" where it says so; a new list with each expression.
std::vector<std::vector<std::string>> elapses(const std::string& text) {
  std::vector<std::vector<std::string>> out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find('\n', i), text.size());
    const std::string line = text.substr(i, end - i);
    i = end + 1;
    if (line.find("Normalized form:") != std::string::npos) out.emplace_back();
    const bool elapse = line.find("Next elapse: ") != std::string::npos || line.find("Iter. #") != std::string::npos;
    if (!elapse || out.empty()) continue;
    const std::string value = line.substr(line.find(": ") + 2);
    out.back().push_back(value == "never" ? value : value.substr(4, 19));
  }
  return out;
}

}  // namespace

TEST_CASE("a calendar expression elapses when systemd's manual says it does") {
  CHECK(next("*-*-* 03:15:00 UTC", "2026-01-01 03:14:59") == "2026-01-01 03:15:00");
  CHECK(next("*-*-* 03:15:00 UTC", "2026-01-01 03:15:00") == "2026-01-02 03:15:00");
  CHECK(next("Mon..Fri 10:00", "2026-01-02 10:00:00") == "2026-01-05 10:00:00");
  CHECK(next("*:0/7", "2026-01-01 00:56:00") == "2026-01-01 01:00:00");
  CHECK(next("2-29", "2026-01-01 00:00:00") == "2028-02-29 00:00:00");
  CHECK(next("*-2-30", "2026-01-01 00:00:00") == "never");
  CHECK(next("2026-1-1", "2026-01-01 00:00:00") == "never");
  CHECK(next("monthly", "2026-12-31 23:59:59") == "2027-01-01 00:00:00");
  CHECK(next("quarterly", "2026-01-01 00:00:00") == "2026-04-01 00:00:00");
  CHECK(next("*:*:0/20", "2026-01-01 00:00:45") == "2026-01-01 00:01:00");
  CHECK(next("*-*-1/2,5..7/2 *:0..30/10:5", "2026-01-01 00:00:05") == "2026-01-01 00:10:05");
  CHECK(next("*-*-* 00:00:30,40", "1969-12-31 23:59:59") == "1970-01-01 00:00:30");
  CHECK(next("2199-12-31", "2026-01-01 00:00:00") == "2199-12-31 00:00:00");
  CHECK(next("daily", "2199-12-31 00:00:00") == "never");
}

TEST_CASE("a time that the clocks skip has no run that day, one that they show twice has one") {
  const Zone berlin = clock_of(kBerlin);
  // On 2026-03-29 the clocks go from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
  CHECK(next("*-*-* 02:30", "2026-03-28 02:00:00", berlin) == "2026-03-30 00:30:00");
  CHECK(next("*-*-* 02:30", "2026-10-24 12:00:00", berlin) == "2026-10-25 00:30:00");
  CHECK(next("*-*-* 02:30", "2026-10-25 00:30:00", berlin) == "2026-10-26 01:30:00");
  CHECK(next("*:30", "2026-10-25 00:30:00", berlin) == "2026-10-25 02:30:00");
  CHECK(next("*:30", "2026-03-29 00:30:00", berlin) == "2026-03-29 01:30:00");
  CHECK(next("*-*-* 03:15", "2026-03-28 12:00:00", berlin) == "2026-03-29 01:15:00");
  CHECK(next("*-*-* 02:15", "2026-10-03 00:00:00", clock_of(kLordHowe)) == "2026-10-04 15:15:00");
  CHECK(next("*-*-* 12:00", "2026-06-01 00:00:00", clock_of(kKathmandu)) == "2026-06-01 06:15:00");
  CHECK(next("*-*-* 02:30", "2026-10-03 00:00:00", clock_of(kSydney)) == "2026-10-04 15:30:00");
}

TEST_CASE("what the subset does not have is refused by name") {
  const auto why = [](const char* text) {
    const auto parsed = parse_calendar(text);
    return parsed ? std::string("accepted") : parsed.error().why;
  };
  CHECK(why("*-*~1") == "days counted from the end of a month (~) are not supported");
  CHECK(why("10:00:00.5") == "fractions of a second are not supported");
  CHECK(why("@1700000000") == "a moment in seconds (@) is not supported");
  CHECK(why("Fri..Mon") == "\"Fri..Mon\" goes backwards; weeks begin on Monday");
  CHECK(why("") == "it is empty");
  CHECK(why("UTC") == "it has neither a day nor a time");
  CHECK(why("10:00 Mon") != "accepted");
  CHECK(why("*:*/5") != "accepted");
  CHECK(why("24:00") == "the hour \"24\" lies outside 0..23");
  CHECK(why("*-13-1") == "the month \"13\" lies outside 1..12");
  CHECK(why("*-*-5..3") == "the day \"5..3\" goes backwards");
  CHECK(why("*:0/0") == "the minute \"0/0\" has a step that is not a number from 1 upwards");
  CHECK(why("daily ") == "it begins or ends with a blank");
  CHECK(why("daily ../../etc/passwd") != "accepted");
  CHECK(why("daily UTC 10:00") != "accepted");
  CHECK(why("1:1:52..52") == "the second \"52..52\" is a range of one value");
  CHECK(why("1-2-3-4") != "accepted");
  CHECK(why("1:2:3:4") != "accepted");
  CHECK(why("*-*-* 10:00 Nowhere!") != "accepted");
  CHECK(why("1970-1-1 \x01") != "accepted");
}

TEST_CASE("the small hours are noticed in whatever form they are written") {
  const auto small = [](const char* text) { return elapses_in_the_small_hours(*parse_calendar(text)); };
  CHECK(small("02:30"));
  CHECK(small("0/3:00"));
  CHECK(small("*:00"));
  CHECK(small("0..2:15"));
  CHECK_FALSE(small("daily"));
  CHECK_FALSE(small("04:00"));
  CHECK_FALSE(small("0,4..23:00"));
}

TEST_CASE("calendars elapse as systemd-analyze says, thousands of them") {
  if (!has_systemd_analyze()) {
    WARN("there is no systemd-analyze here: not compared");
    return;
  }
  constexpr int kBases = 24, kEach = 125, kIterations = 4;
  Random random(20261201);
  std::size_t compared = 0;
  std::size_t differ =
      0;  // systemd 252 misses a Sunday, 2028-01-02, of "Sun *-*-2/14,20": a few of thousands may differ
  for (int base = 0; base < kBases; ++base) {
    const std::int64_t from = at("2025-01-01") + pick(random, 0, 4 * 365 * 24 * 3600);
    std::vector<std::string> expressions;
    std::string command =
        "TZ=UTC SYSTEMD_COLORS=0 systemd-analyze calendar --iterations=" + std::to_string(kIterations) +
        " --base-time='" + shown(from) + " UTC'";
    for (int i = 0; i < kEach; ++i) command += " '" + expressions.emplace_back(expression(random)) + "'";
    const std::string said = output_of(command + " 2>&1");
    // It gives up on some where clocks change, after too many attempts.
    std::erase_if(expressions,
                  [&](const std::string& e) { return said.find("next elapse for '" + e + "'") != std::string::npos; });
    const auto theirs = elapses(said);
    const std::size_t trouble = said.find("Failed");
    INFO((trouble == std::string::npos ? "" : said.substr(trouble, 300)));
    REQUIRE(theirs.size() == expressions.size());
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      INFO(expressions[i] << " from " << shown(from));
      const auto calendar = parse_calendar(expressions[i]);
      REQUIRE(calendar);
      std::vector<std::string> ours;
      for (std::optional<std::int64_t> moment = from; ours.size() < kIterations;) {
        moment = next_elapse(*calendar, *moment, zone_of(calendar->zone));
        // It names the end only where there is nothing before it.
        if (!moment && !ours.empty()) break;
        ours.push_back(moment ? shown(*moment) : "never");
        if (!moment) break;
      }
      if (ours != theirs[i]) ++differ;
      if (differ > 3) CHECK(ours == theirs[i]);
      ++compared;
    }
  }
  CHECK(compared > static_cast<std::size_t>(kBases) * kEach * 95 / 100);
}
