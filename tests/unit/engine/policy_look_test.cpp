// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/policy/look.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/policy/zone.h"
#include "unit/catch.h"

using namespace tclone;
using namespace tclone::engine;

namespace {

constexpr std::int64_t kNow = 1764590400;  // 2025-12-01 12:00:00 UTC

struct Host {
  Host() {
    char path[] = "/tmp/tclone-look-XXXXXX";
    REQUIRE(::mkdtemp(path) != nullptr);
    paths.etc = path;
    std::filesystem::create_directory(paths.etc + "/policies.d");
    ::chmod((paths.etc + "/policies.d").c_str(), 0755);
  }
  ~Host() { std::filesystem::remove_all(paths.etc); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] PolicyView look(const std::string& more) const {
    const std::string file = paths.etc + "/policies.d/p.toml";
    std::ofstream(file) << "format = 1\nvolumes = [\"db\"]\n" << more;
    ::chmod(file.c_str(), 0644);
    return look_at_policy(paths, "p", kNow);
  }
  Paths paths;
};

}  // namespace

TEST_CASE("a policy says when it is due next", "[policy]") {
  const Host host;
  CHECK(host.look("at = [\"*-*-* 03:15:00 UTC\", \"*-*-* 14:00 UTC\"]\n").next == kNow + 2 * 3600);
  CHECK_FALSE(host.look("").next);
  const auto late = host.look("at = [\"*-*-* 14:00 UTC\"]\njitter = \"10m\"\n").next;
  REQUIRE(late);
  CHECK(*late >= kNow + 2 * 3600);
  CHECK(*late <= kNow + 2 * 3600 + 600);
}

TEST_CASE("a time that is no calendar expression is named with its line", "[policy]") {
  const Host host;
  const PolicyView view = host.look("at = [\n  \"daily\",\n  \"*-*~1\"]\n");
  REQUIRE(view.trouble);
  CHECK(view.trouble->code == Code::usage);
  CHECK(view.trouble->object == host.paths.etc + "/policies.d/p.toml:5");
  CHECK_FALSE(view.policy);
  const PolicyView zone = host.look("timezone = \"Europe/Nowhere\"\n");
  REQUIRE(zone.trouble);
  CHECK(zone.trouble->object == host.paths.etc + "/policies.d/p.toml:3");
  CHECK(zone.trouble->why == "timezone: this host knows no time zone Europe/Nowhere");
}

TEST_CASE("what may not be meant is warned of", "[policy]") {
  const Host host;
  CHECK(host.look("at = [\"*-*-* 02:30 UTC\"]\n").warnings.empty());
  CHECK(host.look("at = [\"2001-01-01 UTC\"]\n").warnings.size() == 1);
  CHECK(host.look("[keep]\n").warnings.size() == 1);
  CHECK(host.look("[keep]\nlast = 1\n").warnings.empty());
  if (zone_exists("Europe/Berlin")) {
    CHECK(host.look("at = [\"*-*-* 02:30 Europe/Berlin\"]\n").warnings.size() == 1);
    CHECK(host.look("at = [\"*-*-* 12:30 Europe/Berlin\"]\n").warnings.empty());
  }
}

TEST_CASE("asking a zone leaves the process in its own", "[policy]") {
  ::setenv("TZ", "CET-1", 1);
  if (zone_exists("America/New_York")) CHECK(zone_of("America/New_York")(kNow).hour == 7);
  CHECK(std::string(std::getenv("TZ")) == "CET-1");
  CHECK(zone_of("local")(kNow).hour == 13);
  CHECK(zone_of("UTC")(kNow).hour == 12);
  ::unsetenv("TZ");
  CHECK_FALSE(zone_exists("../../../etc/passwd"));
}
