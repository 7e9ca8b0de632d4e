// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/nearest.h"

#include <algorithm>
#include <random>
#include <vector>

#include "unit/catch.h"

using namespace tclone;

TEST_CASE("edits between words are counted: letters added, removed, replaced, and exchanged with their neighbour") {
  CHECK(edits_between("", "") == 0);
  CHECK(edits_between("clone", "clone") == 0);
  CHECK(edits_between("", "abc") == 3);
  CHECK(edits_between("clone", "clne") == 1);
  CHECK(edits_between("clone", "cloone") == 1);
  CHECK(edits_between("clone", "close") == 1);
  CHECK(edits_between("publish", "pubilsh") == 1);
  CHECK(edits_between("kitten", "sitting") == 3);
}

TEST_CASE("the distance of two words is symmetric, zero only for the same, and at most that of the longer one") {
  std::mt19937 random(3);
  const auto word = [&] {
    std::string out(random() % 7, 'a');
    for (char& c : out) c = static_cast<char>('a' + random() % 3);
    return out;
  };
  for (int i = 0; i < 3000; ++i) {
    const std::string a = word(), b = word();
    const std::size_t edits = edits_between(a, b);
    CHECK(edits == edits_between(b, a));
    CHECK((edits == 0) == (a == b));
    CHECK(edits <= std::max(a.size(), b.size()));
    CHECK(edits_between(a, a + "x") == 1);
  }
}

TEST_CASE("the nearest word is suggested when it is near, and nothing when none is") {
  const std::vector<std::string> commands{"clone", "create", "publish", "refresh", "rm"};
  CHECK(nearest("clnoe", commands) == "clone");
  CHECK(nearest("pubish", commands) == "publish");
  CHECK(nearest("rn", commands) == "rm");
  CHECK(nearest("snapshot", commands).empty());
  CHECK(nearest("x", commands).empty());
  CHECK(nearest("", commands).empty());
  CHECK(nearest("web", std::vector<std::string>{}).empty());
  CHECK(did_you_mean("clnoe", commands, "see `tclone --help`") == "did you mean clone? see `tclone --help`");
  CHECK(did_you_mean("snapshot", commands, "see `tclone --help`") == "see `tclone --help`");
}
