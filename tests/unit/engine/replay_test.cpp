// SPDX-License-Identifier: GPL-2.0-or-later
// A power cut that takes the records of operations that had ended: they are not synced, the journal's ring has them.
#include <filesystem>
#include <fstream>

#include "unit/engine/crash.h"

using namespace tclone;
using test::Rig;

namespace {

/// Every file of the state area is as it was then, but the ring, whose writes are durable.
void lose_what_was_not_synced(Rig& rig, const std::map<std::string, std::string>& then) {
  for (const auto& [name, text] : rig.files()) {
    if (name != "journal" && !then.contains(name)) std::filesystem::remove(rig.file("lib/p/" + name));
  }
  for (const auto& [name, text] : then) {
    if (name != "journal") std::ofstream(rig.file("lib/p/" + name), std::ios::binary) << text;
  }
}

}  // namespace

TEST_CASE("records of operations that had ended and that a power cut took are written again, and the pool is whole") {
  // Each is given the number of operations after which nothing more reached the disk.
  for (int kept = 0; kept <= 5; ++kept) {
    INFO("the records of the first " << kept << " of 5 operations were durable");
    Rig rig;
    rig.populate();
    std::map<std::string, std::string> then = rig.files();
    int done = 0;
    const auto ended = [&] {
      if (++done == kept) then = rig.files();
    };
    rig.publish({"db"});
    ended();
    rig.clone("db@3", "late", true);
    ended();
    rig.clone("db@3", "own");
    ended();
    REQUIRE_OK(engine::tag(rig.env, "p", "db@3", "good"));
    ended();
    REQUIRE_OK(engine::remove(rig.env, {"p", "dev"}));
    ended();
    REQUIRE(done == 5);
    const auto expected = rig.shape();
    rig.mapper.reboot();
    lose_what_was_not_synced(rig, then);
    test::start_again(rig, test::End::reboot, {});
    REQUIRE_OK(engine::recover(rig.env, "p"));
    CHECK(rig.shape() == expected);
    rig.check_whole();
  }
}
