// SPDX-License-Identifier: GPL-2.0-or-later
#include "policies/retention.h"

#include <algorithm>
#include <array>
#include <set>

namespace tclone::policies {
namespace {

/// What tells two periods apart; of one kind of period only.
using Period = std::array<int, 5>;

Period hour_of(const Civil& t) {
  return {t.year, t.month, t.day, t.hour, t.offset};
}  // the hour that comes twice is two
Period day_of(const Civil& t) { return {t.year, t.month, t.day}; }
Period week_of(const Civil& t) {
  const IsoWeek week = iso_week(t);
  return {week.year, week.week};
}
Period month_of(const Civil& t) { return {t.year, t.month}; }
Period year_of(const Civil& t) { return {t.year}; }

struct Rule {
  Reason reason;
  Reach Keep::*reach;
  Period (*period)(const Civil&);
};
constexpr std::array<Rule, 5> kRules{{{Reason::hourly, &Keep::hourly, hour_of},
                                      {Reason::daily, &Keep::daily, day_of},
                                      {Reason::weekly, &Keep::weekly, week_of},
                                      {Reason::monthly, &Keep::monthly, month_of},
                                      {Reason::yearly, &Keep::yearly, year_of}}};

/// A version that counts, with the place of its verdict.
struct Counted {
  std::size_t at;
  std::int64_t time;
  Civil civil;
};

/// Marks the newest version of each period that the rule reaches. Returns whether the rule is full: it has all the periods it
/// asks for. `versions` are newest first.
bool apply(const Rule& rule, const Reach& reach, const std::vector<Counted>& versions, std::vector<Verdict>& out) {
  const std::int64_t edge = versions.front().time - reach.span;
  std::set<Period> seen;  // a clock that was put back comes through the same period again
  for (const Counted& version : versions) {
    if (reach.span > 0 && version.time < edge) continue;
    const Period period = rule.period(version.civil);
    if (seen.contains(period)) continue;
    if (reach.span == 0 && seen.size() == reach.count) break;
    seen.insert(period);
    out[version.at].reasons.push_back({rule.reason, {}});
  }
  if (reach.span == 0) return seen.size() >= reach.count;
  return versions.back().time <= edge;
}

void apply_rules(const Keep& keep, const std::vector<Counted>& versions, std::vector<Verdict>& out) {
  if (versions.empty()) return;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    if (i < keep.last) out[versions[i].at].reasons.push_back({Reason::last, {}});
    if (keep.within > 0 && versions[i].time >= versions.front().time - keep.within) {
      out[versions[i].at].reasons.push_back({Reason::within, {}});
    }
  }
  // A rule that is not full reaches further back than any that is: the oldest version stays for it, so that history grows to
  // the length that was asked for. Were only one rule asked, a further one could take the oldest away.
  bool full = true;
  for (const Rule& rule : kRules) {
    const Reach& reach = keep.*rule.reach;
    if (reach.on() && !apply(rule, reach, versions, out)) full = false;
  }
  if (!full) out[versions.back().at].reasons.push_back({Reason::oldest, {}});
}

const char* word_of(Reason reason) {
  constexpr std::array kWords{"not of this policy",
                              "time in the future",
                              "newest",
                              "basis of",
                              "origin of",
                              "tag",
                              "in use",
                              "being sent",
                              "leased",
                              "younger than",
                              "last",
                              "within",
                              "hourly",
                              "daily",
                              "weekly",
                              "monthly",
                              "yearly",
                              "oldest"};
  return kWords.at(static_cast<std::size_t>(reason));
}

}  // namespace

std::string text_of(const Because& because) {
  const std::string word = word_of(because.reason);
  if (because.detail.empty()) return word;
  const bool joined = because.reason == Reason::basis || because.reason == Reason::origin ||
                      because.reason == Reason::tag || because.reason == Reason::young;
  return joined ? word + " " + because.detail : word + " (" + because.detail + ")";
}

std::vector<Verdict> retain(const Keep& keep, std::vector<Candidate> versions, std::int64_t now, const Zone& zone) {
  std::sort(versions.begin(), versions.end(),
            [](const Candidate& a, const Candidate& b) { return a.number < b.number; });
  std::vector<Verdict> out;
  std::vector<Counted> counted;
  out.reserve(versions.size());
  counted.reserve(versions.size());
  std::size_t newest = versions.size();  // of those that may go
  for (std::size_t i = 0; i < versions.size(); ++i) {
    Candidate& version = versions[i];
    Verdict& verdict = out.emplace_back(Verdict{version.number, version.time, true, std::move(version.protections)});
    const bool foreign = !version.own && !keep.all;
    const bool future = version.time > now + kClockTolerance;
    if (foreign) verdict.reasons.push_back({Reason::foreign, {}});
    if (future) verdict.reasons.push_back({Reason::future, {}});
    if (!foreign) newest = i;
    if (foreign || future) continue;
    if (keep.min_age > 0 && now - version.time < keep.min_age) verdict.reasons.push_back({Reason::young, {}});
    counted.push_back({i, version.time, zone(version.time)});
  }
  if (!out.empty()) out.back().reasons.push_back({Reason::newest, {}});
  if (newest + 1 < out.size()) out[newest].reasons.push_back({Reason::newest, {}});
  std::reverse(counted.begin(), counted.end());
  apply_rules(keep, counted, out);
  for (Verdict& verdict : out) {
    std::stable_sort(verdict.reasons.begin(), verdict.reasons.end(),
                     [](const Because& a, const Because& b) { return a.reason < b.reason; });
    verdict.keep = !verdict.reasons.empty();
  }
  return out;
}

std::uint64_t next_to_thin_out(const Keep& keep, const std::vector<Verdict>& verdicts) {
  std::uint64_t kept = 0;
  for (const Verdict& v : verdicts) {
    if (v.keep &&
        std::none_of(v.reasons.begin(), v.reasons.end(), [](const Because& b) { return b.reason == Reason::foreign; }))
      ++kept;
  }
  for (const Verdict& v : verdicts) {
    if (kept <= std::max<std::uint64_t>(keep.last, 1)) return 0;
    if (!v.keep ||
        std::any_of(v.reasons.begin(), v.reasons.end(), [](const Because& b) { return b.reason == Reason::foreign; }))
      continue;
    const bool only_rules =
        std::all_of(v.reasons.begin(), v.reasons.end(), [](const Because& b) { return is_rule(b.reason); });
    const bool last =
        std::any_of(v.reasons.begin(), v.reasons.end(), [](const Because& b) { return b.reason == Reason::last; });
    if (only_rules && !last) return v.number;
  }
  return 0;
}

bool below_goal(const FreeGoal& goal, Bytes free, Bytes total) {
  if (goal.percent == 0) return free < goal.bytes;
  return free.n < total.n / 100 * goal.percent;
}

}  // namespace tclone::policies
