// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace tclone::bench {

double quantile(const std::vector<double>& sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - std::floor(place));
}

std::optional<Summary> summarize(std::vector<double> samples) {
  if (samples.empty()) return std::nullopt;
  std::sort(samples.begin(), samples.end());
  return Summary{samples.size(),  quantile(samples, 0.5), quantile(samples, 0.99),
                 samples.front(), samples.back(),         quantile(samples, 0.75) - quantile(samples, 0.25)};
}

std::optional<Verdict> judge(const Row& row, const Summaries& summaries) {
  const auto a = summaries.find(row.a);
  const auto b = summaries.find(row.b);
  const bool both = row.rule != Rule::median_at_most && row.rule != Rule::reported;
  if (a == summaries.end() || (both && b == summaries.end())) return std::nullopt;
  const auto at_most = [&](double value) { return Verdict{value, value <= row.limit}; };
  switch (row.rule) {
    case Rule::ratio_at_most:
    case Rule::ratio_at_least: {
      if (b->second.median == 0) return std::nullopt;
      const double ratio = a->second.median / b->second.median;
      return Verdict{ratio, row.rule == Rule::ratio_at_most ? ratio <= row.limit : ratio >= row.limit};
    }
    case Rule::above_empty_at_most: {
      const auto empty = summaries.find(kEmptyProcess);
      if (empty == summaries.end() || b->second.median <= empty->second.median) return std::nullopt;
      return at_most((a->second.median - empty->second.median) / (b->second.median - empty->second.median));
    }
    case Rule::median_at_most: return at_most(a->second.median);
    case Rule::difference_at_most: return at_most(a->second.median - b->second.median);
    case Rule::p99_above_at_most: return at_most(a->second.p99 - b->second.p99);
    case Rule::reported: break;
  }
  return Verdict{a->second.median, std::nullopt};
}

}  // namespace tclone::bench
