// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/names.h"
#include "unit/catch.h"

using namespace tclone;
using namespace tclone::names;

TEST_CASE("names begin with a letter or digit, hold a-z 0-9 . _ - and end at 63 characters") {
  const std::string longest(63, 'a');
  for (const std::string& good :
       {std::string("a"), std::string("0"), std::string("db"), std::string("a.b_c-d"), longest}) {
    CHECK(check_volume_name(good));
  }
  for (const std::string& bad : {std::string(), std::string("-a"), std::string("_a"), std::string(".a"),
                                 std::string("A"), std::string("a b"), std::string("a/b"), std::string("a@b"),
                                 std::string("a\n"), std::string("a\0b", 3), std::string("ü"), longest + "a"}) {
    INFO(bad);
    const auto refused = check_volume_name(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::usage);
    CHECK_FALSE(refused.error().next.empty());
  }
}

TEST_CASE("a bad name is shown without control characters and not at full length") {
  const auto refused = check_volume_name("\x1b[31m" + std::string(5000, 'x'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().object.size() < 100);
  CHECK(refused.error().object.find('\x1b') == std::string::npos);
}

TEST_CASE("a pool's name has no dash and at most 40 characters") {
  CHECK(check_pool_name("tank.1_b"));
  CHECK(check_pool_name(std::string(40, 'p')));
  CHECK_FALSE(check_pool_name(std::string(41, 'p')));
  CHECK_FALSE(check_pool_name("a-b"));
  CHECK_FALSE(check_pool_name("_state"));
}

TEST_CASE("a tag is no number and not latest") {
  CHECK(check_tag("stable"));
  CHECK(check_tag("v1.0"));
  CHECK(check_tag("7a"));
  for (const char* bad : {"7", "0", "007", "latest", "", "A", "a@b"}) CHECK_FALSE(check_tag(bad));
}

TEST_CASE("a message has at most 1000 bytes and no control characters") {
  CHECK(check_message(""));
  CHECK(check_message("größer, \"quoted\" \\ and so on"));
  CHECK(check_message(std::string(1000, 'm')));
  CHECK_FALSE(check_message(std::string(1001, 'm')));
  CHECK_FALSE(check_message("two\nlines"));
  CHECK_FALSE(
      check_message("Gr\xf6\xdf"
                    "e"));  // of another encoding: the journal would not take it
  CHECK_FALSE(
      check_message("\xc2\x9b"
                    "2J"));  // a C1 control
  CHECK_FALSE(check_message("\x7f"));
}

TEST_CASE("a target is a volume, a version by number, or a version by tag, and its text reads back") {
  for (const char* text : {"db", "db@1", "db@18446744073709551615", "db@stable", "a-b.c@v1.0", "0@0x"}) {
    INFO(text);
    const auto target = parse_target(text);
    REQUIRE(target);
    CHECK(target->text() == text);
    CHECK(target->has_version() == (std::string(text).find('@') != std::string::npos));
  }
  CHECK(parse_target("db@7")->number == 7);
  CHECK(parse_target("db@latest")->tag == "latest");
  for (const char* text : {"", "@1", "db@", "db@0", "db@01", "db@18446744073709551616", "db@1@2", "db@A", "D@1"}) {
    INFO(text);
    const auto refused = parse_target(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::usage);
  }
}
