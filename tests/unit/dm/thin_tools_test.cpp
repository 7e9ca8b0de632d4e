// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/thin_tools.h"

#include "unit/catch.h"

using namespace tclone;

TEST_CASE(
    "versions of thin-provisioning-tools that are known to be wrong are refused by name, and those that say none") {
  for (const char* good : {"0.9.0\n", "0.8.5", "thin_check 1.0.6\n", "thin_check 1.0.12", "1.1.0", "1.3.2", "2.0.0"}) {
    CAPTURE(good);
    CHECK(engine::thin_tools::judge_version(good));
  }
  for (const char* bad : {"1.0.0", "thin_check 1.0.1\n", "1.0.5"}) {
    CAPTURE(bad);
    const auto judged = engine::thin_tools::judge_version(bad);
    REQUIRE_FALSE(judged);
    CHECK(judged.error().code == Code::kernel);
    CHECK(judged.error().text().find("1.0.") != std::string::npos);
    CHECK(judged.error().next.find("1.0.6") != std::string::npos);
  }
  for (const char* none : {"", "thin_check", "one.two.three"}) {
    CAPTURE(none);
    REQUIRE_FALSE(engine::thin_tools::judge_version(none));
  }
}
