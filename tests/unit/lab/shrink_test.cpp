// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/shrink.h"

#include <algorithm>
#include <set>

#include "unit/catch.h"

using namespace tclone::lab::model;

namespace {

Operations list(const std::string& letters) {
  Operations out;
  for (const char c : letters) out.push_back({{std::string(1, c)}, {}});
  return out;
}

std::string letters(const Operations& operations) {
  std::string out;
  for (const Operation& o : operations) out += o.words.front();
  return out;
}

bool never() { return false; }

/// Fails when these letters come in this order.
auto needs(const std::string& order, unsigned& runs) {
  return [order, &runs](const Operations& operations) {
    ++runs;
    std::size_t at = 0;
    for (const char c : letters(operations)) {
      if (at < order.size() && c == order[at]) ++at;
    }
    return at == order.size();
  };
}

}  // namespace

TEST_CASE("a failing list shrinks to what the failure needs, in order") {
  for (const std::string wanted : {"a", "z", "az", "mnp", "cgiqz"}) {
    unsigned runs = 0;
    CHECK(letters(shrink(list("abcdefghijklmnopqrstuvwxyz"), needs(wanted, runs), never)) == wanted);
    CHECK(runs < 150);
  }
}

TEST_CASE("what needs everything stays as it is") {
  unsigned runs = 0;
  CHECK(letters(shrink(list("abcd"), needs("abcd", runs), never)) == "abcd");
}

TEST_CASE("faults that the failure does not need are left out") {
  Operations operations = list("ab");
  operations[0].fault = {Fault::Kind::kill, 3, Fault::Then::recover};
  operations[1].fault = {Fault::Kind::fail, 4, Fault::Then::cut};
  const auto fails = [](const Operations& o) { return o.size() == 2 && o[1].fault.kind == Fault::Kind::fail; };
  const Operations least = shrink(operations, fails, never);
  REQUIRE(least.size() == 2);
  CHECK(least[0].fault.kind == Fault::Kind::none);
  CHECK(least[1].fault.kind == Fault::Kind::fail);
}

TEST_CASE("a shrinker that is told to give up keeps the shortest failing list so far") {
  unsigned runs = 0;
  const auto fails = needs("q", runs);
  const Operations least = shrink(list("abcdefghijklmnopqrstuvwxyz"), fails, [&] { return runs >= 2; });
  CHECK(letters(least).find('q') != std::string::npos);
  CHECK(least.size() < 26);
}

TEST_CASE("a line of a script is read back as it was written, anything else is not read") {
  for (const std::string line : {"clone a@1 b --shared-key", "rm a --yes !kill#12+cut", "recover !term#1+next"}) {
    const auto operation = parse_operation(line);
    REQUIRE(operation);
    CHECK(operation->text() == line);
  }
  for (const std::string line : {"", "# a comment", "   ", "rm a !kill", "rm a !kill#0+cut", "rm a !kill#x+cut",
                                 "rm a !bite#1+cut", "rm a !kill#1+", "!kill#1+cut", "rm !kill#1+cut a"}) {
    INFO(line);
    CHECK(!parse_operation(line));
  }
}
