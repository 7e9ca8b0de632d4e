// SPDX-License-Identifier: GPL-2.0-or-later
// A rekey that ends anywhere.
#include "unit/engine/rekey_support.h"

using namespace tclone;
using test::contains;
using test::crashed;
using test::Deed;
using test::End;
using test::error_of;
using test::give_up;
using test::rekey_db;
using test::Rig;
using test::shape_of;

TEST_CASE("wherever a rekey is cut off, it is not begun, can be gone on with or given up, or is done") {
  std::map<std::string, std::string> before, after;
  std::uint64_t points = 0;
  {
    Rig rig;
    rig.populate();
    rig.deactivate_all();
    before = shape_of(rig);
    rig.points.arm(~0ULL, [] {});
    REQUIRE(rekey_db().act(rig) == "");
    points = rig.points.passed();
    after = shape_of(rig);
    rig.check_whole();
  }
  const std::uint64_t step = std::max<std::uint64_t>(1, test::stride() / 3);
  for (const End how : {End::reboot, End::kill}) {
    for (std::uint64_t point = how == End::kill ? step / 2 : 0; point < points; point += step) {
      INFO((how == End::kill ? "kill" : "reboot") << " at point " << point << " of " << points);
      Rig rig;
      rig.populate();
      rig.deactivate_all();
      REQUIRE(crashed(rig, rekey_db(), point, how));
      REQUIRE_OK(engine::recover(rig.env, "p"));
      CHECK(rig.devices().size() == 3);
      const Vault v = *rig.store().vault("db");
      if (!v.rekey) {
        if (shape_of(rig) != before) CHECK(shape_of(rig) == after);
      } else if (v.being_copied() && point / step % 2 == 0) {
        CHECK(give_up(rig, "db") == "");
        CHECK(shape_of(rig) == before);
      } else {
        if (!v.being_copied()) CHECK(contains(give_up(rig, "db"), "new key already"));
        CHECK(rekey_db().act(rig) == "");
        CHECK(shape_of(rig) == after);
      }
      rig.check_whole();
    }
  }
}

TEST_CASE("whichever call to the kernel fails in a rekey, calling it again finishes it") {
  for (const char* call : {"create", "message", "pool_status", "remove"}) {
    for (int skip = 0;; skip += static_cast<int>((test::stride() + 12) / 13)) {
      INFO(call << " fails at its call number " << skip + 1);
      Rig rig;
      rig.create("db");
      rig.publish({"db"});
      rig.clone("db@1", "web");
      rig.deactivate_all();
      const Vault before = *rig.store().vault("db");
      rig.mapper.fail_next(call, EIO, skip);
      const std::string error = rekey_db().act(rig);
      const bool came = !rig.mapper.forget_failures();
      if (!error.empty()) CHECK(rekey_db().act(rig) == "");
      CHECK(rig.store().vault("db")->outer != before.outer);
      rig.check_whole();
      if (!came) break;
    }
  }
}
