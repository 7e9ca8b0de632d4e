// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/toml_tree.h"

#include "unit/catch.h"

using namespace tclone;
using namespace tclone::state;

namespace {

std::string text_of(const std::string& document) {
  const auto root = parse_toml("file", document);
  INFO(document);
  REQUIRE(root);
  REQUIRE(root->items.size() == 1);
  return root->items[0].text;
}

std::string why(const std::string& document) {
  const auto root = parse_toml("file", document);
  INFO(document);
  REQUIRE_FALSE(root);
  return root.error().object + ": " + root.error().why;
}

}  // namespace

TEST_CASE("characters outside of ASCII are read from double-quoted strings as they are written") {
  CHECK(text_of("a = \"Grüße, 世界 🙂\"\n") == "Grüße, 世界 🙂");
  CHECK(text_of("a = \"\\\"ü\\\\\"\n") == "\"ü\\");
  CHECK(text_of("a = \"\"\"\nzwei\nZeilen, ü\"\"\"\n") == "zwei\nZeilen, ü");
}

TEST_CASE("comments may contain any character") { CHECK(text_of("# für alle, 世界\na = \"x\"  # ü\n") == "x"); }

TEST_CASE("characters outside of ASCII elsewhere are refused with their line") {
  CHECK(why("a = \"x\"\nü = 1\n") == "file:2: characters outside of ASCII must stand in double quotes");
  CHECK(why("a = 1\n\nb = 'ü'\n") == "file:3: characters outside of ASCII must stand in double quotes");
  CHECK(why("a = \xc2\xa0 1\n") == "file:1: characters outside of ASCII must stand in double quotes");
}

TEST_CASE("an escape in front of such a character, and broken UTF-8, are refused") {
  CHECK(why("a = \"\\ü\"\n") == "file:1: not valid TOML: an unknown escape");
  CHECK(why("a = \"\xff\"\n") == "file:1: not valid UTF-8");
  CHECK(why("a = \"\xc3\"\n") == "file:1: not valid UTF-8");
}
