// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/policy/look.h"

#include <fstream>

#include "engine/policy/zone.h"
#include "policies/schedule.h"
#include "state/host/policy_file.h"

namespace tclone::engine {
namespace {

constexpr std::int64_t kMonth = 30LL * 86400;

/// What makes the jitter of two hosts differ.
std::string this_host() {
  std::ifstream in("/etc/machine-id");
  std::string id;
  in >> id;
  return id;
}

tl::unexpected<Error> wrong(const PolicyFile& file, unsigned line, const std::string& key, const std::string& why) {
  return fail(Code::usage, file.path + ":" + std::to_string(line), key + ": " + why,
              "correct the file; see tclone-policy(5)");
}

/// Whether the zone's offset is not the same all year.
bool changes_clocks(const std::string& name, std::int64_t now) {
  const policies::Zone zone = zone_of(name);
  const int offset = zone(now).offset;
  for (int month = 1; month <= 12; ++month)
    if (zone(now + month * kMonth).offset != offset) return true;
  return false;
}

Result<std::vector<policies::Calendar>> calendars(const PolicyFile& file) {
  std::vector<policies::Calendar> out;
  for (std::size_t i = 0; i < file.policy.at.size(); ++i) {
    const unsigned line = file.at_lines[i];
    auto calendar = policies::parse_calendar(file.policy.at[i]);
    if (!calendar) return wrong(file, line, "at", calendar.error().text());
    if (!zone_exists(calendar->zone)) return wrong(file, line, "at", "this host knows no time zone " + calendar->zone);
    out.push_back(std::move(*calendar));
  }
  return out;
}

void warn(PolicyView& view, const std::vector<policies::Calendar>& at, std::int64_t now) {
  for (const policies::Calendar& one : at) {
    if (policies::elapses_in_the_small_hours(one) && changes_clocks(one.zone, now))
      view.warnings.push_back("at: \"" + one.text +
                              "\" is between 01:00 and 03:59 of a zone whose clocks change: such times are skipped or "
                              "come twice a year; write it in UTC");
    if (!policies::next_elapse(one, now, zone_of(one.zone)))
      view.warnings.push_back("at: \"" + one.text + "\" never comes again");
  }
  if (view.policy->keep && *view.policy->keep == Keep{})
    view.warnings.emplace_back("[keep] has no rule: of this policy's versions only the newest stays");
}

Status examine(PolicyView& view, PolicyFile file, std::int64_t now) {
  if (!zone_exists(file.policy.timezone))
    return wrong(file, file.timezone_line, "timezone", "this host knows no time zone " + file.policy.timezone);
  policies::Schedule schedule{TC_TRY(calendars(file)), file.policy.jitter, file.policy.catch_up,
                              policies::seed_of(this_host(), file.policy.name)};
  view.policy = std::move(file.policy);
  view.next = policies::next_due(schedule, now, zone_of);
  warn(view, schedule.at, now);
  return {};
}

}  // namespace

PolicyView look_at_policy(const Paths& paths, const std::string& name, std::int64_t now) {
  PolicyView view;
  view.name = name;
  view.file = policy_directory(paths.etc) + "/" + name + ".toml";
  auto file = read_policy(paths.etc, name);
  const Status good = file ? examine(view, std::move(*file), now) : Status(tl::unexpected(file.error()));
  if (!good) view.trouble = good.error();
  return view;
}

Result<std::vector<PolicyView>> look_at_policies(const Paths& paths, std::int64_t now) {
  std::vector<PolicyView> out;
  for (const std::string& name : TC_TRY(known_policies(paths.etc))) out.push_back(look_at_policy(paths, name, now));
  return out;
}

}  // namespace tclone::engine
