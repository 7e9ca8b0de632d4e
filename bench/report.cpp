// SPDX-License-Identifier: GPL-2.0-or-later
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/series.h"
#include "bench/tool.h"

namespace tclone::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Gathered {
  Summaries summaries;
  std::vector<std::string> facts, commands;
};

Result<std::vector<std::string>> lines_of(const std::string& path, bool needed) {
  std::ifstream in(path);
  if (!in && needed) return fail(Code::not_found, path, "it is not there: did the measuring end early?");
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) out.push_back(line);
  }
  return out;
}

/// `samples` holds "KEY NUMBER" a line. A line cut off by an early end is an error: half a number is a wrong one.
Result<Gathered> gather(const std::string& folder) {
  std::map<std::string, std::vector<double>> samples;
  for (const std::string& line : TC_TRY(lines_of(folder + "/samples", true))) {
    std::istringstream in(line);
    std::string key;
    std::string rest;
    double value = 0;
    if (!(in >> key >> value) || in >> rest) return fail(Code::damaged, folder + "/samples", "no sample: " + line);
    samples[key].push_back(value);
  }
  Gathered out;
  for (auto& [key, values] : samples) out.summaries[key] = *summarize(std::move(values));
  out.facts = TC_TRY(lines_of(folder + "/facts", false));
  out.commands = TC_TRY(lines_of(folder + "/commands", false));
  return out;
}

/// Three digits that count, and no exponent.
std::string number(double value) {
  const double size = std::abs(value);
  const int decimals = size >= 100 || value == std::floor(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string goal_of(const Row& row) {
  const std::string limit = number(row.limit);
  switch (row.rule) {
    case Rule::ratio_at_most:
    case Rule::above_empty_at_most: return "at most " + limit + " ×";
    case Rule::ratio_at_least: return "at least " + limit + " ×";
    case Rule::median_at_most: return "at most " + limit + " " + row.unit;
    case Rule::difference_at_most: return "at most " + limit + " more";
    case Rule::p99_above_at_most: return "at most " + limit + " " + row.unit + " above";
    case Rule::reported: break;
  }
  return "reported";
}

std::string measured(const Row& row, const Verdict& verdict, const Summaries& all) {
  const auto value = [&](const char* key) {
    const Summary& s = all.at(key);
    return number(row.rule == Rule::p99_above_at_most ? s.p99 : s.median);
  };
  const std::string unit = std::string(" ") + row.unit;
  const bool two = *row.b != '\0' && all.contains(row.b);
  switch (row.rule) {
    case Rule::above_empty_at_most: {
      const double empty = all.at(kEmptyProcess).median;
      return number(verdict.value) + " × (" + number(all.at(row.a).median - empty) + " / " +
             number(all.at(row.b).median - empty) + unit + ")";
    }
    case Rule::ratio_at_most:
    case Rule::ratio_at_least: return number(verdict.value) + " × (" + value(row.a) + " / " + value(row.b) + unit + ")";
    case Rule::difference_at_most:
    case Rule::p99_above_at_most:
      return number(verdict.value) + unit + " (" + value(row.a) + " − " + value(row.b) + ")";
    case Rule::median_at_most: return value(row.a) + unit;
    case Rule::reported: break;
  }
  return value(row.a) + (two ? " beside " + std::string(value(row.b)) : "") + unit;
}

const char* met_of(const std::optional<Verdict>& verdict) {
  if (!verdict) return "not measured";
  if (!verdict->met) return "–";
  return *verdict->met ? "yes" : "**no**";
}

/// Of every row, or of those that were measured.
std::string table_of(const Gathered& g, bool every) {
  std::string out = "| what | goal | measured | met |\n|---|---|---|---|\n";
  for (const Row& row : rows()) {
    const auto verdict = judge(row, g.summaries);
    if (!verdict && !every) continue;
    out += std::string("| ") + row.what + " | " + goal_of(row) + " | " +
           (verdict ? measured(row, *verdict, g.summaries) : std::string("–")) + " | " + met_of(verdict) + " |\n";
  }
  return out;
}

std::string remarks_of(const Gathered& g) {
  std::string out;
  for (const Row& row : rows()) {
    const auto verdict = judge(row, g.summaries);
    if (verdict && *row.remark != '\0' && !verdict->met.value_or(false))
      out += std::string("- ") + row.what + ": " + row.remark + ".\n";
  }
  return out;
}

std::string samples_of(const Gathered& g) {
  std::string out = "| key | runs | median | p99 | least | most | between quartiles |\n|---|---|---|---|---|---|---|\n";
  for (const auto& [key, s] : g.summaries) {
    out += "| " + key + " | " + std::to_string(s.count) + " | " + number(s.median) + " | " + number(s.p99) + " | " +
           number(s.lowest) + " | " + number(s.highest) + " | " + number(s.spread) + " |\n";
  }
  return out;
}

Json json_of(const Gathered& g) {
  Json table = Json::array();
  for (const Row& row : rows()) {
    const auto verdict = judge(row, g.summaries);
    table.push_back({{"series", row.series},
                     {"what", row.what},
                     {"goal", goal_of(row)},
                     {"value", verdict ? Json(verdict->value) : Json()},
                     {"met", verdict && verdict->met ? Json(*verdict->met) : Json()},
                     {"a", row.a},
                     {"b", *row.b != '\0' ? Json(row.b) : Json()},
                     {"unit", row.unit},
                     {"remark", row.remark}});
  }
  Json samples;
  for (const auto& [key, s] : g.summaries) {
    samples[key] = {{"runs", s.count},   {"median", s.median}, {"p99", s.p99},
                    {"least", s.lowest}, {"most", s.highest},  {"between_quartiles", s.spread}};
  }
  return {{"format", 1}, {"machine", g.facts}, {"commands", g.commands}, {"table", table}, {"samples", samples}};
}

std::string listed(const std::vector<std::string>& lines, const char* before) {
  std::string out;
  for (const std::string& line : lines) out += before + line + "\n";
  return out;
}

Status write(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  out.close();
  if (!out) return fail(Code::failed, path, "cannot be written");
  return {};
}

}  // namespace

Status report(const std::string& folder, const std::string& out) {
  const Gathered g = TC_TRY(gather(folder));
  std::cout << listed(g.facts, "") << "\n" << table_of(g, false);
  if (out.empty()) return {};
  TC_CHECK(write(out + "/results.json", json_of(g).dump(1) + "\n"));
  return write(
      out + "/RESULTS.md",
      "# Results\n\nMade by `./dev bench`; written anew by every whole run. Everything was measured in one run on one "
      "kernel, alternating, and\nnothing here may be compared with another run. Times are medians; \"inside\" is the "
      "process from the head of `main`, as\n`--timings` shows it altogether; the floor (`bench/floor.cpp`) is timed "
      "the same way. What was tried is in\n[EXPERIMENTS.md](EXPERIMENTS.md).\n\n" +
          listed(g.facts, "- ") + "\n" + table_of(g, true) + "\n## What is missed, and what to know\n\n" +
          remarks_of(g) +
          "\n## All samples\n\nThe unit follows the key: milliseconds, unless the table above says another.\n\n" +
          samples_of(g) + "\n## Commands\n\n```\n" + listed(g.commands, "") + "```\n");
}

}  // namespace tclone::bench
