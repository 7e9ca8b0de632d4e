// SPDX-License-Identifier: GPL-2.0-or-later
// Samples and what is said of them. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tclone::bench {

/// Of one key; the samples in no particular order.
struct Summary {
  std::size_t count = 0;
  double median = 0, p99 = 0, lowest = 0, highest = 0;
  double spread = 0;  ///< between the quartiles
};

/// Linear between the two samples around it; `part` in 0..1. `sorted` is ascending and not empty.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double part);
/// nullopt of no samples.
[[nodiscard]] std::optional<Summary> summarize(std::vector<double> samples);

using Summaries = std::map<std::string, Summary>;

/// The key of a process that does nothing, which the others' starting is compared with.
constexpr const char* kEmptyProcess = "an-empty-process";

/// How a row of the table is made from the summaries of its one or two keys.
enum class Rule {
  ratio_at_most,        ///< median a / median b
  above_empty_at_most,  ///< the same of what either takes longer than kEmptyProcess
  ratio_at_least,
  median_at_most,      ///< median a
  difference_at_most,  ///< median a - median b
  p99_above_at_most,   ///< p99 a - p99 b
  reported,            ///< median a, and beside it median b if there is one
};

struct Row {
  const char* series;  ///< as --only names it
  const char* what;
  Rule rule;
  double limit;  ///< meaningless for `reported`
  const char* a;
  const char* b;       ///< "" where the rule takes one key
  const char* unit;    ///< of the samples
  const char* remark;  ///< why it is missed, or what to know of it; "" for nothing
};

struct Verdict {
  double value = 0;
  std::optional<bool> met;  ///< nullopt: nothing was promised
};

/// nullopt when a key of the row has no samples, or a ratio would divide by nothing.
[[nodiscard]] std::optional<Verdict> judge(const Row& row, const Summaries& summaries);

}  // namespace tclone::bench
