// SPDX-License-Identifier: GPL-2.0-or-later
// The model that the random test holds tclone against must itself be right: what the manual pages say, in small cases.
#include "tests/lab/model/model.h"

#include <array>

#include "unit/catch.h"

using namespace tclone::lab::model;

namespace {

/// The operations one after the other; each must end with the status in front of it ("3 revert a").
Model after(const std::vector<std::string>& lines, Model model = {}) {
  for (const std::string& line : lines) {
    const std::size_t space = line.find(' ');
    const auto operation = parse_operation(line.substr(space + 1));
    REQUIRE(operation);
    INFO(line);
    Prediction next = predict(model, *operation);
    CHECK(next.code == std::stoi(line.substr(0, space)));
    model = std::move(next.after);
  }
  return model;
}

std::uint64_t page(const Contents& contents, std::size_t n) { return contents->at(n); }

}  // namespace

TEST_CASE("the model reads as pool_check writes it") {
  const Model m = after({"0 create a --size 4096K --fs none", "0 publish a --tag stable -m one", "0 clone a@1 b",
                         "0 clone a@stable c --shared-key --follow stable"});
  CHECK(m.text() ==
        "vault a 1 2 1 8388608 file*\n"
        "vault b 1 1 0 4194304 file*\n"
        "version a@1 a 4194304 on - one\n"
        "volume a a 4194304 none of - on - follows  next 2 versions 1 latest=1 stable=1\n"
        "volume b b 4194304 none of a@1 on a@1 own follows latest next 1 versions\n"
        "volume c a 4194304 none of a@1 on - follows stable next 1 versions\n");
}

TEST_CASE("a version keeps what its volume had, whatever is written later") {
  const Model m = after(
      {"0 create a --size 4096K --fs none", "0 write a 3 2 9", "0 publish a", "0 write a 4 1 10", "0 clone a@1 b"});
  const Contents version = m.volumes.at("a").versions.at(1).contents;
  CHECK(page(version, 2) == 0);
  CHECK(page(version, 4) == page(m.volumes.at("b").contents, 4));
  CHECK(page(version, 4) != page(m.volumes.at("a").contents, 4));
  CHECK(page(version, 3) == page(m.volumes.at("a").contents, 3));
}

TEST_CASE("discarding a block of an own-key clone lets its basis show through, elsewhere it gives zeros") {
  const Model m = after({"0 create a --size 4096K --fs none", "0 write a 0 40 1", "0 publish a", "0 clone a@1 b",
                         "0 write b 0 40 2", "0 discard b 1 1", "0 clone a@1 c --shared-key", "0 discard c 1 1"});
  const Contents version = m.volumes.at("a").versions.at(1).contents;
  CHECK(page(m.volumes.at("b").contents, 16) == page(version, 16));
  CHECK(page(m.volumes.at("b").contents, 15) != page(version, 15));
  CHECK(page(m.volumes.at("c").contents, 16) == 0);
  CHECK(page(m.volumes.at("c").contents, 15) == page(version, 15));
}

TEST_CASE("what is stood on, held, or not there is refused, and a refusal changes nothing") {
  const Model m = after({"0 create a --size 4096K --fs none", "0 publish a", "0 clone a@1 b"});
  for (const std::string line :
       {"4 rm a --yes", "4 rm a@1 --yes", "4 create a --size 4096K", "3 revert x", "3 rm a@7 --yes", "4 rename a b",
        "2 resize b 4032K", "2 refresh a", "3 publish a x", "7 key rm a --key file:/k", "4 key rm a --key file"}) {
    CHECK(after({line}, m).text() == m.text());
  }
  after({"0 hold b", "5 revert b", "5 rm b --yes", "5 deactivate b", "5 pool deactivate", "0 publish b", "0 release b",
         "0 rm b --yes"},
        m);
}

TEST_CASE("a vault goes with the last thing in it, and its name with the volume's") {
  Model m = after({"0 create a --size 4096K --fs none", "0 publish a", "0 clone a@1 b --shared-key", "0 rm a@1 --yes",
                   "0 rm a --yes"});
  CHECK(m.vaults.contains("a"));
  m = after({"0 create a --size 4096K --fs none", "0 rename a z"}, m);
  CHECK(m.volumes.at("z").vault == "a.2");
  m = after({"0 rm b --yes", "0 rm z --yes"}, m);
  CHECK(m.vaults.empty());
  CHECK(m.volumes.empty());
}

TEST_CASE("reverted to a version of its own, a clone stands on what that version stood on") {
  const Model m = after({"0 create a --size 4096K --fs none", "0 publish a", "0 clone a@1 b", "0 publish b",
                         "0 write a 1 1 1", "0 publish a", "0 refresh b", "0 revert b --to 1"});
  CHECK(m.volumes.at("b").origin->text() == "a@1");
  CHECK(m.volumes.at("b").basis->text() == "a@1");
}

TEST_CASE("a vault that is being copied is closed with all that reads it, until its rekey is finished or given up") {
  Model m = after({"0 create a --size 4096K --fs none", "0 key add a --key file:/k", "0 publish a", "0 clone a@1 b",
                   "5 rekey a", "0 deactivate --all", "3 rekey a --cancel"});
  const Prediction cut = predict(m, *parse_operation("rekey a --key file:/n"));
  REQUIRE(cut.between.size() == 2);
  CHECK(cut.after.vaults.at("a").keys == std::vector<std::string>{"file:/n", "file:/k"});
  const Model copying = cut.between[0], erasing = cut.between[1];
  CHECK(copying.vaults.at("a").keys == m.vaults.at("a").keys);
  const Model stays = after({"4 activate a", "4 activate b", "4 activate a@1", "4 publish a", "4 clone a@1 c",
                             "4 revert a", "4 resize a 8192K", "4 key add a --key file:/x", "4 rekey a --key file:/x",
                             "0 publish b", "0 tag a@1 t", "0 pool activate --volumes", "0 deactivate --all"},
                            copying);
  CHECK(stays.active.empty());
  CHECK(after({"0 rekey a --cancel"}, copying).text() == m.text());
  CHECK(after({"0 rekey a"}, copying).text() == cut.after.text());
  CHECK(after({"4 rekey a --cancel", "0 activate b", "0 rekey a", "0 deactivate b"}, erasing).text() ==
        cut.after.text());
  CHECK(after({"3 rm a@2 --yes", "0 rm b --yes", "0 rm a --yes"}, copying).vaults.empty());
}

TEST_CASE("whatever the generator makes, the model has an answer and stays in agreement with itself") {
  Random random(7);
  Model m;
  std::array<unsigned, 10> codes{};
  unsigned rekeys = 0, stocks = 0;
  for (int i = 0; i < 3000; ++i) {
    const Operation o = generate(m, random);
    INFO(o.text());
    const auto again = parse_operation(o.text());
    REQUIRE(again);
    REQUIRE(*again == o);
    Prediction next = predict(m, o);
    ++codes.at(static_cast<std::size_t>(next.code));
    if (next.between.size() == 2) ++rekeys;
    if (next.after.stock > 0) ++stocks;
    // Some are cut off between two of their transactions.
    const bool cut = !next.between.empty() && random.chance(40);
    m = std::move(cut ? next.between.at(random.below(next.between.size())) : next.after);
    for (const auto& [name, v] : m.volumes) {
      REQUIRE(m.vaults.contains(v.vault));
      REQUIRE((!v.basis || m.version(*v.basis) != nullptr));
      REQUIRE((!v.contents || v.contents->size() * kPage == v.size));
    }
    for (const std::string& name : m.active) REQUIRE(m.volumes.contains(name));
  }
  // Mostly what succeeds, but every kind of refusal too.
  CHECK(codes[0] > 1800);
  CHECK(rekeys > 30);
  CHECK(stocks > 300);
  for (const int code : {2, 3, 4, 5, 7}) CHECK(codes.at(static_cast<std::size_t>(code)) > 0);
}

TEST_CASE("the same seed gives the same operations") {
  const auto run = [](std::uint64_t seed) {
    Random random(seed);
    Model m;
    std::string text;
    for (int i = 0; i < 100; ++i) {
      const Operation o = generate(m, random);
      text += o.text() + "\n";
      m = predict(m, o).after;
    }
    return text;
  };
  CHECK(run(5) == run(5));
  CHECK(run(5) != run(6));
}

TEST_CASE("only pages of zeros have the hash of zeros") {
  std::vector<unsigned char> bytes(kPage, 0);
  CHECK(page_hash(bytes.data()) == 0);
  bytes[4095] = 1;
  CHECK(page_hash(bytes.data()) != 0);
  make_page(1, 2, bytes.data());
  const std::uint64_t one = page_hash(bytes.data());
  make_page(1, 3, bytes.data());
  CHECK(page_hash(bytes.data()) != one);
}
