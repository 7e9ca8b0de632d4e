// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output/render_policy.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/output/text_table.h"

namespace tclone::cli {
namespace {

using Json = nlohmann::ordered_json;

Json of(const Reach& reach) { return reach.span > 0 ? Json(span_text(reach.span)) : Json(reach.count); }
Json of(const std::optional<FreeGoal>& goal) {
  if (!goal) return nullptr;
  return goal->percent > 0 ? std::to_string(goal->percent) + "%" : std::to_string(goal->bytes.n);
}

Json of(const Keep& keep) {
  return {{"versions", keep.all ? "all" : "own"},
          {"last", keep.last},
          {"within", span_text(keep.within)},
          {"hourly", of(keep.hourly)},
          {"daily", of(keep.daily)},
          {"weekly", of(keep.weekly)},
          {"monthly", of(keep.monthly)},
          {"yearly", of(keep.yearly)},
          {"min_age", span_text(keep.min_age)},
          {"free", of(keep.free)}};
}

/// The keys of the file, in its order and with its values; null where there is none.
Json settings(const Policy& p) {
  return {
      {"pool", p.pool.empty() ? Json(nullptr) : Json(p.pool)},
      {"volumes", p.volumes},
      {"at", p.at},
      {"timezone", p.timezone},
      {"jitter", span_text(p.jitter)},
      {"catch_up", p.catch_up},
      {"tags", p.tags},
      {"message", p.message},
      {"only_if_changed", p.only_if_changed},
      {"keep", p.keep ? of(*p.keep) : Json(nullptr)},
      {"hooks", {{"pre", p.hooks.pre}, {"post", p.hooks.post}, {"timeout", span_text(p.hooks.timeout)}}},
      {"after", {{"restart", p.after.restart}, {"refresh", p.after.refresh}, {"stagger", span_text(p.after.stagger)}}}};
}

Json of(const engine::PolicyView& view) {
  return {{"name", view.name},
          {"file", view.file},
          {"settings", view.policy ? settings(*view.policy) : Json(nullptr)},
          {"trouble", view.trouble ? Json(view.trouble->text()) : Json(nullptr)},
          {"warnings", view.warnings},
          {"next", view.next ? Json(rfc3339(*view.next)) : Json(nullptr)}};
}

std::string dumped(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// JSON's strings, numbers, booleans and lists of strings are TOML's as well.
std::string lines_of(const Json& table) {
  std::string out;
  for (const auto& [key, value] : table.items())
    if (!value.is_null() && !value.is_object()) out += key + " = " + dumped(value) + "\n";
  for (const auto& [key, value] : table.items())
    if (value.is_object()) out += "\n[" + key + "]\n" + lines_of(value);
  return out;
}

}  // namespace

std::string span_text(std::int64_t seconds) {
  constexpr std::array<std::pair<char, std::int64_t>, 5> kUnits{
      {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};
  std::string out;
  for (const auto& [unit, length] : kUnits) {
    if (seconds < length) continue;
    out += (out.empty() ? "" : " ") + std::to_string(seconds / length) + unit;
    seconds %= length;
  }
  return out.empty() ? "0s" : out;
}

std::string text::policies(const std::vector<engine::PolicyView>& views) {
  if (views.empty()) return {};
  TextTable table({"NAME", "POOL", "VOLUMES", "NEXT"});
  for (const engine::PolicyView& view : views) {
    if (!view.policy) {
      table.row({printable(view.name), "-", "-", "invalid: see tclone policy check"});
      continue;
    }
    const Policy& p = *view.policy;
    table.row({view.name, p.pool.empty() ? "-" : p.pool, joined(p.volumes),
               view.next      ? rfc3339(*view.next)
               : p.at.empty() ? "by hand"
                              : "never"});
  }
  return table.text();
}

std::string text::policy(const engine::PolicyView& view) {
  std::string out = "# " + printable(view.file) + "\n";
  if (view.next) out += "# due next: " + rfc3339(*view.next) + "\n";
  return out + "format = 1\n" + lines_of(settings(*view.policy));
}

std::string json::policies(const std::vector<engine::PolicyView>& views) {
  Json list = Json::array();
  for (const engine::PolicyView& view : views) list.push_back(of(view));
  return dumped({{"policies", list}}, 2) + "\n";
}

std::string json::policy(const engine::PolicyView& view) { return dumped(of(view), 2) + "\n"; }

}  // namespace tclone::cli
