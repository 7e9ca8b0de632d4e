// SPDX-License-Identifier: GPL-2.0-or-later
// What a rename takes along, and what it leaves alone.
#include "unit/engine/rig.h"

using namespace tclone;
using test::Rig;

TEST_CASE_METHOD(Rig, "a rename leaves the vault of others alone, though it is called like the volume") {
  create("db");
  publish({"db"});
  clone("db@1", "dev", true);
  REQUIRE_OK(engine::remove(env, {"p", "db@1"}));
  REQUIRE_OK(engine::remove(env, {"p", "db"}));
  create("db");
  REQUIRE(store().volume("db")->vault == "db.2");
  REQUIRE_OK(engine::rename(env, {"p", "db"}, "base"));
  CHECK(store().volume("dev")->vault == "db");
  CHECK(store().volume("base")->vault == "db.2");
  check_whole();
}

TEST_CASE_METHOD(Rig, "a version that was activated by name stays active through a rename and what follows it") {
  create("db");
  publish({"db"});
  REQUIRE_OK(engine::activate(env, {"p", {"db@1"}, false}));
  REQUIRE_OK(engine::rename(env, {"p", "db"}, "base"));
  CHECK(devices().contains("tclone-p-base@1"));
  CHECK(std::filesystem::exists(file("run/p.pinned/base@1")));
  CHECK_FALSE(std::filesystem::exists(file("run/p.pinned/db@1")));
  clone("base@1", "web");
  REQUIRE_OK(engine::remove(env, {"p", "web"}));
  CHECK(devices().contains("tclone-p-base@1"));
  check_whole();
}
