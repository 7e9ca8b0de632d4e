// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/json_scan.h"

#include <string>

#include "crypt/luks/pbkdf.h"
#include "unit/catch.h"

using namespace tclone::crypt;

TEST_CASE("members are found at their own level only") {
  const std::string json = R"({ "a" : {"segments":{"x":1}}, "segments":{"0":{"type":"crypt"}, "1": [1,{"2":3}] } })";
  const auto members = json_members(json_member(json, "segments"));
  REQUIRE(members.size() == 2);
  CHECK(members[0].first == "0");
  CHECK(json_member(members[0].second, "type") == "\"crypt\"");
  CHECK(members[1].second == "[1,{\"2\":3}]");
}

TEST_CASE("brackets, quotes and commas inside strings do not mislead") {
  const std::string json = R"({"t":"}],\"segments\":{","segments":{"0":{}}})";
  CHECK(json_members(json_member(json, "segments")).size() == 1);
}

TEST_CASE("broken objects end the search and never the program") {
  for (const char* json : {"", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":{", "[1]",
                           "{]}", "{\"a\" 1}", "}", "\"a\""}) {
    CHECK(json_member(json, "b").empty());
  }
}

TEST_CASE("argon2id takes a quarter of the memory within its bounds and makes up in passes") {
  const Argon2 large = argon2_for(64ULL * 1024 * 1024, 64);
  CHECK(large.memory_kib == 256 * 1024);
  CHECK(large.iterations == 4);
  CHECK(large.threads == 4);
  const Argon2 middle = argon2_for(512 * 1024, 2);
  CHECK(middle.memory_kib == 128 * 1024);
  CHECK(middle.iterations == 8);
  const Argon2 small = argon2_for(0, 0);
  CHECK(small.memory_kib == 32 * 1024);
  CHECK(small.iterations == 32);
  CHECK(small.threads == 1);
}
