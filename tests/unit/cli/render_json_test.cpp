// SPDX-License-Identifier: GPL-2.0-or-later
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command/commands.h"
#include "cli/output/render.h"
#include "cli/output/render_policy.h"
#include "unit/catch.h"
#include "unit/cli/views.h"

using namespace tclone;
using namespace tclone::cli;
using Json = nlohmann::json;

namespace {

const Shape* shape(std::string_view name) {
  for (const Shape& one : shapes())
    if (one.name == name) return &one;
  return nullptr;
}

/// The field names that the manual documents for a shape.
std::set<std::string> documented(std::string_view name) {
  std::set<std::string> out;
  REQUIRE(shape(name) != nullptr);
  for (const std::string_view field : shape(name)->fields) {
    std::string names(field.substr(0, field.find(": ")));
    for (char& c : names)
      if (c == ',') c = ' ';
    for (const std::string_view one : words_of(names)) out.insert(std::string(one));
  }
  return out;
}

std::set<std::string> keys(const Json& object) {
  std::set<std::string> out;
  for (const auto& [key, value] : object.items()) out.insert(key);
  return out;
}

}  // namespace

TEST_CASE("every JSON object has exactly the fields its documented shape has") {
  const Json outcome = Json::parse(json::outcome(views::outcome(), false));
  const Json pool = Json::parse(json::pool(views::pool()));
  const Json thing = Json::parse(json::details({views::clone_volume(true), views::version(3), views::vault(true)}));
  CHECK(keys(outcome) == documented("outcome"));
  CHECK(keys(outcome["versions"][0]) == documented("reference"));
  CHECK(keys(pool) == documented("pool"));
  CHECK(keys(pool["volumes"][0]) == documented("volume"));
  CHECK(keys(pool["vaults"][0]) == documented("vault"));
  CHECK(keys(thing) == documented("details"));
  CHECK(keys(thing["version"]) == documented("version"));
  CHECK(keys(thing["volume"]["origin"]) == documented("reference"));
  CHECK(keys(Json::parse(json::versions("db", {views::version(3)}))) == documented("versions"));
  CHECK(keys(Json::parse(json::volumes({}))) == documented("volumes"));
  CHECK(keys(Json::parse(json::pools({}))) == documented("pools"));
  CHECK(keys(Json::parse(json::tree(views::tree()))) == documented("tree"));
  CHECK(keys(Json::parse(json::path("/dev/x"))) == documented("path"));
  CHECK(keys(Json::parse(json::findings({}))) == documented("findings"));

  const Json policies = Json::parse(json::policies({engine::PolicyView{}}));
  CHECK(keys(policies) == documented("policies"));
  CHECK(keys(policies["policies"][0]) == documented("policy"));

  std::set<std::string> mounted = documented("outcome");
  mounted.merge(documented("mounted"));
  CHECK(keys(Json::parse(json::mounted({views::outcome(), "/srv"}, false))) == mounted);

  const Json error = Json::parse(json::error({Code::busy, "rm db", "db", "is mounted", "tclone umount db", 16}));
  std::set<std::string> fields = keys(error["error"]);
  fields.insert("error");
  CHECK(fields == documented("error"));
}

TEST_CASE("every command's shape is documented") {
  for (const Command& command : commands()) {
    INFO(command.words);
    if (!command.shape.empty()) CHECK(shape(command.shape) != nullptr);
    if (command.effect == Effect::changes) CHECK_FALSE(command.shape.empty());
  }
}

TEST_CASE("JSON of an outcome is stable") {
  engine::Outcome outcome = views::outcome();
  outcome.steps.resize(1);
  CHECK(json::outcome(outcome, true) == R"({
  "operation": "clone db@3 to web1",
  "dry_run": true,
  "changed": true,
  "name": "web1",
  "device": "/dev/mapper/tclone-default-web1",
  "versions": [
    {
      "name": "db@3",
      "volume": "db",
      "number": 3,
      "uuid": "00000000-0000-0000-0000-000000000003"
    }
  ],
  "steps": [
    {
      "text": "journal the operation",
      "ms": 0.25
    }
  ],
  "warnings": [
    "the key file has no copy"
  ]
}
)");
}

TEST_CASE("an error says its exit code and what to do next") {
  const Json error = Json::parse(json::error({Code::busy, "rm db", "db", "is mounted", "tclone umount db", 16}));
  CHECK(error["error"]["code"] == "busy");
  CHECK(error["error"]["exit"] == 5);
  CHECK(error["error"]["next"] == "tclone umount db");
  CHECK(error["error"]["errno"] == 16);
}

TEST_CASE("what cannot be known is null, not zero") {
  const Json list = Json::parse(json::volumes({views::clone_volume(true)}));
  CHECK(list["volumes"][0]["mapped"].is_null());
  CHECK(list["volumes"][0]["exclusive"] == 1048576);
  engine::PoolView inactive;
  inactive.summary = views::summary(false);
  CHECK(Json::parse(json::pool(inactive))["data"].is_null());
}

TEST_CASE("bytes that are no UTF-8 do not break JSON") {
  engine::VolumeView view = views::base_volume();
  view.mounts = {"/srv/\xff"};
  CHECK_NOTHROW(Json::parse(json::volumes({view})));
}
