// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/targets.h"

#include "unit/catch.h"

using namespace tclone;
using namespace tclone::dm;

TEST_CASE("linear puts its pieces one behind the other") {
  const std::vector<Piece> pieces{{"8:16", {2048}, {1000}}, {"8:32", {0}, {24}}};
  const Table table = linear(pieces);
  REQUIRE(table.size() == 2);
  CHECK(table[0] == Target{{0}, {1000}, "linear", "8:16 2048"});
  CHECK(table[1] == Target{{1000}, {24}, "linear", "8:32 0"});
  CHECK(linear({}).empty());
}

TEST_CASE("one stripe maps like linear") {
  CHECK(linear_flushing_at_zero({"8:16", {2048}, {1024}}, {128}) == Table{{{0}, {1024}, "striped", "1 128 8:16 2048"}});
}

TEST_CASE("thin-pool counts the feature words it gives") {
  PoolOptions options;
  options.block = {2048};
  CHECK(thin_pool("253:1", "253:2", {409600}, options) == Table{{{0}, {409600}, "thin-pool", "253:1 253:2 2048 0 0"}});
  options.low_water = 64;
  options.zero = false;
  CHECK(thin_pool("253:1", "253:2", {409600}, options)[0].params == "253:1 253:2 2048 64 1 skip_block_zeroing");
  options.discard_passdown = false;
  options.error_if_full = true;
  CHECK(thin_pool("253:1", "253:2", {409600}, options)[0].params ==
        "253:1 253:2 2048 64 3 skip_block_zeroing no_discard_passdown error_if_no_space");
}

TEST_CASE("thin names its pool, its id and its external origin") {
  CHECK(thin("253:3", {7}, {2048}) == Table{{{0}, {2048}, "thin", "253:3 7"}});
  CHECK(thin("253:3", {7}, {2048}, "253:9")[0].params == "253:3 7 253:9");
}

TEST_CASE("messages are spelled as the kernel reads them") {
  CHECK(create_thin({5}) == "create_thin 5");
  CHECK(create_snap({6}, {5}) == "create_snap 6 5");
  CHECK(delete_thin({6}) == "delete 6");
  CHECK(set_transaction_id(41, 42) == "set_transaction_id 41 42");
}

TEST_CASE("the thin id is read back from a table") {
  CHECK(thin_id_of(thin("253:3", {7}, {2048})[0])->n == 7);
  CHECK(thin_id_of(thin("253:3", {kMaxThinId}, {2048}, "253:9")[0])->n == kMaxThinId);
  for (const char* bad :
       {"", "253:3", "253:3 x", "253:3 -1", "253:3 7x", "253:3 16777216", "253:3 99999999999999999999"}) {
    INFO(bad);
    CHECK(thin_id_of({{0}, {8}, "thin", bad}).error().code == Code::damaged);
  }
  CHECK_FALSE(thin_id_of({{0}, {8}, "linear", "253:3 7"}));
}
