// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/statistics.h"

#include <cmath>
#include <set>

#include "bench/series.h"
#include "unit/catch.h"

using namespace tclone::bench;

namespace {

Summaries two(const std::vector<double>& a, const std::vector<double>& b) {
  return {{"a", *summarize(a)}, {"b", *summarize(b)}};
}
bool close(double a, double b) { return std::abs(a - b) < 1e-9; }
Row row(Rule rule, double limit) { return {"s", "what", rule, limit, "a", "b", "ms", ""}; }

}  // namespace

TEST_CASE("a median lies between the two in the middle, a p99 near the end, whatever the order") {
  const auto even = summarize({4, 1, 3, 2});
  REQUIRE(even);
  CHECK(close(even->median, 2.5));
  CHECK(close(even->lowest, 1));
  CHECK(close(even->highest, 4));
  CHECK(close(even->spread, 1.5));
  std::vector<double> hundred;
  for (int i = 101; i > 0; --i) hundred.push_back(i);
  CHECK(close(summarize(hundred)->p99, 100));
  CHECK(close(summarize({7})->p99, 7));
  CHECK_FALSE(summarize({}));
}

TEST_CASE("a goal is met at its limit and missed beyond it") {
  CHECK(judge(row(Rule::ratio_at_most, 1.5), two({15}, {10}))->met == true);
  CHECK(judge(row(Rule::ratio_at_most, 1.5), two({15.1}, {10}))->met == false);
  CHECK(judge(row(Rule::ratio_at_least, 8), two({80}, {10}))->met == true);
  CHECK(judge(row(Rule::ratio_at_least, 8), two({79}, {10}))->met == false);
  CHECK(judge(row(Rule::difference_at_most, 2), two({6}, {4}))->met == true);
  CHECK(judge(row(Rule::difference_at_most, 2), two({7}, {4}))->met == false);
  CHECK(judge(row(Rule::median_at_most, 3), two({3}, {0}))->met == true);
}

TEST_CASE("of two processes only that is compared which an empty one does not need") {
  Summaries all = two({40}, {30});
  CHECK_FALSE(judge(row(Rule::above_empty_at_most, 1.5), all));
  all[kEmptyProcess] = *summarize({10});
  CHECK(judge(row(Rule::above_empty_at_most, 1.5), all)->met == true);
  CHECK(close(judge(row(Rule::above_empty_at_most, 1.4), all)->value, 1.5));
  CHECK(judge(row(Rule::above_empty_at_most, 1.4), all)->met == false);
  all[kEmptyProcess] = *summarize({30});
  CHECK_FALSE(judge(row(Rule::above_empty_at_most, 1.5), all));
}

TEST_CASE("a stall is judged by the slowest hundredth, not by the median") {
  std::vector<double> quiet(1000, 1.0);
  std::vector<double> stalled = quiet;
  for (std::size_t i = 0; i < 20; ++i) stalled[i] = 50;
  CHECK(judge(row(Rule::p99_above_at_most, 5), two(stalled, quiet))->met == false);
  CHECK(judge(row(Rule::p99_above_at_most, 5), two(quiet, stalled))->met == true);
}

TEST_CASE("what was not measured is neither met nor missed") {
  CHECK_FALSE(judge(row(Rule::ratio_at_most, 1), {{"a", *summarize({1})}}));
  CHECK_FALSE(judge(row(Rule::ratio_at_most, 1), two({1}, {0})));
  CHECK_FALSE(judge(row(Rule::reported, 0), {}));
  CHECK_FALSE(judge(row(Rule::reported, 0), two({1}, {1}))->met);
}

TEST_CASE("each row of the table says what it is, once, and has the keys its rule takes") {
  std::set<std::string> seen;
  for (const Row& one : rows()) {
    INFO(one.what);
    CHECK(seen.insert(one.what).second);
    const bool single = one.rule == Rule::median_at_most || one.rule == Rule::reported;
    CHECK((single || *one.b != '\0'));
    CHECK(*one.a != '\0');
    CHECK(std::string(one.a) != one.b);
  }
}
