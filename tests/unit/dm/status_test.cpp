// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/targets.h"
#include "unit/catch.h"

using namespace tclone;
using namespace tclone::dm;

TEST_CASE("a thin-pool status of kernel 6.1 is read") {
  const auto status = parse_pool_status("41 213/2048 17/10937 - rw discard_passdown queue_if_no_space - 1024 ");
  PoolStatus expected;
  expected.mode = PoolMode::rw;
  expected.transaction = 41;
  expected.used_metadata = 213;
  expected.total_metadata = 2048;
  expected.used_data = 17;
  expected.total_data = 10937;
  REQUIRE(status);
  CHECK(*status == expected);
}

TEST_CASE("modes, held root, needs_check and the full policy are read") {
  const auto full = parse_pool_status("0 1/2 10/10 99 out_of_data_space no_discard_passdown error_if_no_space - 5");
  REQUIRE(full);
  CHECK(full->mode == PoolMode::out_of_data_space);
  CHECK(full->held_root == 99U);
  CHECK(full->error_if_full);
  CHECK_FALSE(full->needs_check);

  const auto broken = parse_pool_status("0 2/2 1/10 - ro ignore_discard queue_if_no_space needs_check 5");
  REQUIRE(broken);
  CHECK(broken->mode == PoolMode::ro);
  CHECK(broken->needs_check);
  CHECK_FALSE(broken->error_if_full);
}

TEST_CASE("a pool takes changes when it is full of data and not when its metadata are in doubt") {
  const auto writable = [](const std::string& mode, const std::string& flag) {
    const auto status =
        parse_pool_status("0 1/2 10/10 - " + mode + " discard_passdown queue_if_no_space " + flag + " 5");
    REQUIRE(status);
    return status->writable();
  };
  CHECK(writable("rw", "-"));
  CHECK(writable("out_of_data_space", "-"));
  CHECK_FALSE(writable("rw", "needs_check"));
  CHECK_FALSE(writable("ro", "-"));
  CHECK_FALSE(writable("out_of_metadata_space", "-"));
  CHECK_FALSE(parse_pool_status("Fail")->writable());
}

TEST_CASE("words that a later kernel may append are passed over") {
  const auto status = parse_pool_status("0 1/2 1/10 - rw discard_passdown queue_if_no_space - 1024 shiny 3/4");
  REQUIRE(status);
  CHECK(status->mode == PoolMode::rw);
  CHECK(parse_thin_status("128 127 shiny")->mapped.n == 128);
}

TEST_CASE("a failed pool is a state, not an error") {
  CHECK(parse_pool_status("Fail")->mode == PoolMode::fail);
  CHECK(parse_thin_status("Fail")->failed);
  CHECK(parse_pool_status("Error").error().code == Code::damaged);
}

TEST_CASE("a status line that makes no sense is refused") {
  for (const char* bad :
       {"", "Failed", "0", "0 1/2 1/10 -", "x 1/2 1/10 - rw", "-1 1/2 1/10 - rw", "0 12 1/10 - rw", "0 1/ 1/10 - rw",
        "0 /2 1/10 - rw", "0 1/2 1/10 x rw", "0 1/2 1/10 - wr", "0 1/2 1/18446744073709551616 - rw"}) {
    INFO(bad);
    const auto status = parse_pool_status(bad);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Code::damaged);
  }
  for (const char* bad : {"", "-", "Failure", "12", "x 1", "12 x", "1.5 2"}) {
    INFO(bad);
    CHECK(parse_thin_status(bad).error().code == Code::damaged);
  }
}

TEST_CASE("a thin status tells what is mapped and the highest sector, if any") {
  CHECK(*parse_thin_status("0 -") == ThinStatus{false, {0}, std::nullopt});
  CHECK(*parse_thin_status("128 2047") == ThinStatus{false, {128}, Sectors{2047}});
}
