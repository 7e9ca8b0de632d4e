// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/host/policy_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "unit/catch.h"

using namespace tclone;

namespace {

/// /etc/tclone of a host that is gone at the end of the test.
class Etc {
 public:
  Etc() {
    char path[] = "/tmp/tclone-policy-XXXXXX";
    REQUIRE(::mkdtemp(path) != nullptr);
    root = path;
    std::filesystem::create_directory(root + "/policies.d");
    ::chmod((root + "/policies.d").c_str(), 0755);
  }
  ~Etc() { std::filesystem::remove_all(root); }
  Etc(const Etc&) = delete;
  Etc& operator=(const Etc&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return root + "/policies.d/" + name + ".toml"; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
    ::chmod(file(name).c_str(), 0644);
  }
  [[nodiscard]] Result<PolicyFile> read(const std::string& text) const {
    write("p", text);
    return read_policy(root, "p");
  }
  /// What is said about a wrong text, without the directory.
  [[nodiscard]] std::string refused(const std::string& text) const {
    const auto got = read(text);
    if (got) return "accepted";
    CHECK(got.error().code == Code::usage);
    return got.error().object.substr((root + "/policies.d/").size()) + ": " + got.error().why;
  }

  std::string root;
};

constexpr const char* kLeast = "format = 1\nvolumes = [\"db\"]\n";

}  // namespace

TEST_CASE("a policy file gives every key its value", "[policy]") {
  const Etc etc;
  const auto got = etc.read(R"(format = 1
pool = "main"
volumes = ["db", "media"]
at = [
  "*-*-* 03:15:00 UTC",
  "daily",
]
timezone = "Europe/Berlin"
jitter = "10m"
catch_up = false
tags = ["nightly"]
message = "by night"
only_if_changed = true
[keep]
versions = "all"
last = 3
within = "2d"
hourly = 24
daily = "36h"
weekly = "8w"
monthly = 12
yearly = 0
min_age = "1h"
free = "10%"
[hooks]
pre = ["/bin/flush", "", "a b"]
post = ["/bin/notify", "x", "x"]
timeout = "90s"
[after]
restart = ["web1.service"]
refresh = ["report"]
stagger = "1h 30m"
)");
  REQUIRE(got);
  Policy want;
  want.name = "p";
  want.pool = "main";
  want.volumes = {"db", "media"};
  want.at = {"*-*-* 03:15:00 UTC", "daily"};
  want.timezone = "Europe/Berlin";
  want.jitter = 600;
  want.catch_up = false;
  want.tags = {"nightly"};
  want.message = "by night";
  want.only_if_changed = true;
  Keep& keep = want.keep.emplace();
  keep.all = true;
  keep.last = 3;
  keep.within = 2 * 86400;
  keep.hourly.count = 24;
  keep.daily.span = 36 * 3600;
  keep.weekly.span = 56 * 86400;
  keep.monthly.count = 12;
  keep.min_age = 3600;
  keep.free.emplace().percent = 10;
  want.hooks = {{"/bin/flush", "", "a b"}, {"/bin/notify", "x", "x"}, 90};
  want.after = {{"web1.service"}, {"report"}, 5400};
  CHECK(got->policy == want);
  CHECK(got->at_lines == std::vector<unsigned>{5, 6});
  CHECK(got->timezone_line == 8);
}

TEST_CASE("keys that are missing have their defaults", "[policy]") {
  const Etc etc;
  const auto got = etc.read(kLeast);
  REQUIRE(got);
  Policy want;
  want.name = "p";
  want.volumes = {"db"};
  CHECK(got->policy == want);
  CHECK(want.timezone == "UTC");
  CHECK(want.catch_up);
  CHECK(want.hooks.timeout == 60);
  CHECK_FALSE(want.keep);
}

TEST_CASE("a mistake in a policy file is named with line and key", "[policy]") {
  const Etc etc;
  const std::string least = kLeast;
  CHECK(etc.refused("volumes = [\"db\"]\n") == "p.toml:1: format: is missing; write format = 1");
  CHECK(etc.refused("format = 2\nvolumes = [\"db\"]\n") ==
        "p.toml:1: format: was written for a newer tclone; use that version");
  CHECK(etc.refused("format = 1\n") == "p.toml:1: volumes: must list at least one volume");
  CHECK(etc.refused("format = 1\nvolumes = [\"db\", \"db\"]\n") == "p.toml:2: volumes: db is listed twice");
  CHECK(etc.refused("format = 1\nvolumes = [\"../db\"]\n").starts_with("p.toml:2: volumes: "));
  CHECK(etc.refused("format = 1\nvolums = [\"db\"]\n") == "p.toml:2: volums: unknown key");
  CHECK(etc.refused(least + "catchup = true\n") == "p.toml:3: catchup: unknown key");
  CHECK(etc.refused(least + "[keep]\ndaly = 3\n") == "p.toml:4: keep.daly: unknown key");
  CHECK(etc.refused(least + "jitter = 10\n") == "p.toml:3: jitter: must be a string such as \"10m\"");
  CHECK(etc.refused(least + "at = \"daily\"\n") == "p.toml:3: at: must be a list of strings");
  CHECK(etc.refused(least + "tags = [\"latest\"]\n").starts_with("p.toml:3: tags: "));
  CHECK(etc.refused(least + "[keep]\ndaily = -1\n") == "p.toml:4: keep.daily: must be a number from 0 to 1000000");
  CHECK(etc.refused(least + "[keep]\nfree = \"100%\"\n") == "p.toml:4: keep.free: must be 1% to 99%, or a size");
  CHECK(etc.refused(least + "[hooks]\npre = [\"flush\"]\n")
            .starts_with("p.toml:4: hooks.pre: must begin with the absolute"));
  CHECK(etc.refused(least + "[hooks]\npost = [\"\"]\n").starts_with("p.toml:4: hooks.post: must begin"));
  CHECK(etc.refused(least + "[hooks]\ntimeout = \"0s\"\n") == "p.toml:4: hooks.timeout: must be from 1s to 1d");
  CHECK(etc.refused(least + "[after]\nrestart = [\"--all\"]\n").starts_with("p.toml:4: after.restart: "));
  CHECK(etc.refused(least + "x = \n").starts_with("p.toml:3: not valid TOML"));
}

TEST_CASE("a policy that others than root may change is not read", "[policy]") {
  const Etc etc;
  etc.write("p", kLeast);
  REQUIRE(read_policy(etc.root, "p"));
  const auto code = [&] {
    const auto got = read_policy(etc.root, "p");
    return got ? 0 : static_cast<int>(got.error().code);
  };
  SECTION("the file") { REQUIRE(::chmod(etc.file("p").c_str(), 0664) == 0); }
  SECTION("the directory") { REQUIRE(::chmod((etc.root + "/policies.d").c_str(), 0777) == 0); }
  SECTION("a link") {
    std::filesystem::rename(etc.file("p"), etc.root + "/elsewhere");
    std::filesystem::create_symlink(etc.root + "/elsewhere", etc.file("p"));
  }
  SECTION("a pipe") {
    std::filesystem::remove(etc.file("p"));
    REQUIRE(::mkfifo(etc.file("p").c_str(), 0600) == 0);
  }
  if (::geteuid() == 0) {
    SECTION("another owner") { REQUIRE(::chown(etc.file("p").c_str(), 1, 1) == 0); }
  }
  CHECK(code() == static_cast<int>(Code::key));
}

TEST_CASE("policies are listed by name, and those that are missing are not found", "[policy]") {
  const Etc etc;
  etc.write("weekly", kLeast);
  etc.write("daily", kLeast);
  CHECK(*known_policies(etc.root) == std::vector<std::string>{"daily", "weekly"});
  CHECK(read_policy(etc.root, "hourly").error().code == Code::not_found);
  CHECK(read_policy(etc.root, "../p").error().code == Code::usage);
  CHECK(known_policies(etc.root + "/none")->empty());
  CHECK(read_policy(etc.root + "/none", "p").error().code == Code::not_found);
}

TEST_CASE("lengths of time are read with their units", "[policy]") {
  CHECK(*parse_span("90s") == 90);
  CHECK(*parse_span("1h30m") == 5400);
  CHECK(*parse_span("2d 12h") == 216000);
  CHECK(*parse_span("8w") == 8 * 7 * 86400);
  for (const char* wrong : {"", " ", "10", "m", "10x", "1h ", " 1h", "-1h", "1.5h", "99999999999s", "6000w"}) {
    INFO(wrong);
    CHECK_FALSE(parse_span(wrong));
  }
}
