// SPDX-License-Identifier: GPL-2.0-or-later
// What somebody does to the pool's devices with dmsetup.
#include "model/device_names.h"
#include "unit/engine/rig.h"

using namespace tclone;
using test::contains;
using test::error_of;
using test::Rig;

namespace {

void check_refused(const Rig& rig, const std::string& error, const std::string& from, const std::string& to) {
  INFO(error);
  CHECK(contains(error, "device " + to));
  CHECK(contains(error, "`dmsetup rename " + to + " " + from + "`"));
  CHECK_FALSE(rig.store().journal().value().has_value());
}

}  // namespace

TEST_CASE_METHOD(Rig, "a volume whose device was renamed by hand is not taken for inactive by anything") {
  create("db");
  publish({"db"});
  clone("db@1", "web");
  REQUIRE_OK(engine::publish(env, {"p", {"web"}, {}, {}}));
  const std::string device = "tclone-p-web";
  REQUIRE_OK(mapper.rename(device, "mine"));
  const auto before = files();
  const auto refused = [&](const auto& result) {
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Code::damaged);
    check_refused(*this, result.error().text(), device, "mine");
  };
  refused(engine::publish(env, {"p", {"web"}, {}, {}}));
  refused(engine::publish(env, {"p", {"db", "web"}, {}, {}}));
  refused(engine::revert(env, {"p", "web", "1"}));
  refused(engine::refresh(env, {"p", "web", ""}));
  refused(engine::remove(env, {"p", "web"}));
  refused(engine::rename(env, {"p", "web"}, "other"));
  refused(engine::resize(env, {"p", "web"}, kGiB * 4));
  refused(engine::activate(env, {"p", {"web"}, false}));
  refused(engine::deactivate(env, {"p", {"web"}, false}));
  refused(engine::pool_deactivate(env, "p"));
  env.dry_run = true;
  refused(engine::publish(env, {"p", {"web"}, {}, {}}));
  refused(engine::deactivate(env, {"p", {"web"}, false}));
  env.dry_run = false;
  CHECK(mapper.device("mine") != nullptr);
  REQUIRE_OK(mapper.rename("mine", device));
  REQUIRE_OK(engine::publish(env, {"p", {"web"}, {}, {}}));
  check_whole();
}

TEST_CASE_METHOD(Rig, "two volumes whose devices changed names are not taken for each other") {
  create("a");
  create("b");
  REQUIRE_OK(mapper.rename("tclone-p-a", "x"));
  REQUIRE_OK(mapper.rename("tclone-p-b", "tclone-p-a"));
  REQUIRE_OK(mapper.rename("x", "tclone-p-b"));
  const auto result = engine::publish(env, {"p", {"a"}, {}, {}});
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Code::damaged);
  CHECK(contains(error_of(result), "tclone-p-b: it is tclone-p-a"));
  // One of them went away: the other must not be removed for having the wrong name.
  REQUIRE_OK(mapper.remove("tclone-p-b", {}));
  const auto activated = engine::activate(env, {"p", {"a"}, false});
  REQUIRE_FALSE(activated.has_value());
  CHECK(contains(error_of(activated), "`dmsetup rename tclone-p-a NAME`"));
  CHECK(devices().contains("tclone-p-a"));
}

TEST_CASE_METHOD(Rig, "a version that was renamed by hand is neither removed nor activated a second time") {
  create("db");
  publish({"db"});
  REQUIRE_OK(engine::activate(env, {"p", {"db@1"}, false}));
  REQUIRE_OK(mapper.rename("tclone-p-db@1", "mine"));
  for (const auto& error : {error_of(engine::remove(env, {"p", "db@1"})),
                            error_of(engine::clone(env, {"p", "db@1", "web", false, {}, {}, {}})),
                            error_of(engine::activate(env, {"p", {"db@1"}, false})),
                            error_of(engine::deactivate(env, {"p", {"db@1"}, false}))}) {
    check_refused(*this, error, "tclone-p-db@1", "mine");
  }
  REQUIRE_OK(mapper.rename("mine", "tclone-p-db@1"));
  check_whole();
}

TEST_CASE_METHOD(Rig,
                 "layers that were renamed by hand are named, and what they hold stays until they have their names") {
  create("db");
  const auto outer = store().vault("db")->outer;
  for (const std::string& layer : {device_names::vault_pool("p", outer), device_names::outer_pool("p")}) {
    REQUIRE_OK(mapper.rename(layer, "mine"));
    check_refused(*this, error_of(engine::remove(env, {"p", "db"})), layer, "mine");
    check_refused(*this, error_of(engine::pool_deactivate(env, "p")), layer, "mine");
    check_refused(*this, error_of(engine::publish(env, {"p", {"db"}, {}, {}})), layer, "mine");
    REQUIRE_OK(mapper.rename("mine", layer));
  }
  check_whole();
}
