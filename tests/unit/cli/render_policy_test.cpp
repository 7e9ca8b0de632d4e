// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output/render_policy.h"

#include <nlohmann/json.hpp>

#include "unit/catch.h"

using namespace tclone;
using namespace tclone::cli;

namespace {

engine::PolicyView nightly() {
  engine::PolicyView view;
  view.name = "nightly";
  view.file = "/etc/tclone/policies.d/nightly.toml";
  Policy& policy = view.policy.emplace();
  policy.name = "nightly";
  policy.volumes = {"db", "media"};
  policy.at = {"daily"};
  policy.jitter = 600;
  policy.keep.emplace().weekly.span = 56 * 86400;
  policy.keep->free.emplace().percent = 10;
  view.next = 86400;
  return view;
}

engine::PolicyView broken() {
  engine::PolicyView view;
  view.name = "broken";
  view.trouble = Error{Code::usage, "", "broken.toml:3", "x: unknown key", "", 0};
  return view;
}

}  // namespace

TEST_CASE("policies are listed with what is due next", "[policy]") {
  CHECK(text::policies({nightly(), broken()}) ==
        "NAME     POOL  VOLUMES   NEXT\n"
        "nightly  -     db media  1970-01-02T00:00:00Z\n"
        "broken   -     -         invalid: see tclone policy check\n");
  CHECK(text::policies({}).empty());
}

TEST_CASE("a policy is shown as a file that says the same", "[policy]") {
  CHECK(text::policy(nightly()) == R"(# /etc/tclone/policies.d/nightly.toml
# due next: 1970-01-02T00:00:00Z
format = 1
volumes = ["db","media"]
at = ["daily"]
timezone = "UTC"
jitter = "10m"
catch_up = true
tags = []
message = ""
only_if_changed = false

[keep]
versions = "own"
last = 0
within = "0s"
hourly = 0
daily = 0
weekly = "8w"
monthly = 0
yearly = 0
min_age = "0s"
free = "10%"

[hooks]
pre = []
post = []
timeout = "1m"

[after]
restart = []
refresh = []
stagger = "0s"
)");
}

TEST_CASE("policies as JSON say what is wrong", "[policy]") {
  const auto json = nlohmann::json::parse(json::policies({nightly(), broken()}))["policies"];
  CHECK(json[0]["settings"]["keep"]["weekly"] == "8w");
  CHECK(json[0]["trouble"].is_null());
  CHECK(json[1]["settings"].is_null());
  CHECK(json[1]["trouble"] == "broken.toml:3: x: unknown key");
}
