// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/names.h"

#include "unit/catch.h"

using namespace tclone;
using namespace tclone::dm;

TEST_CASE("every layer has the name that the map in names.h gives it") {
  CHECK(names::prefix("main") == "tclone-main-");
  CHECK(names::volume("main", "db") == "tclone-main-db");
  CHECK(names::version("main", "db", 7) == "tclone-main-db@7");
  CHECK(names::state("main") == "tclone-main-_state");
  CHECK(names::metadata("main") == "tclone-main-_meta");
  CHECK(names::spare("main") == "tclone-main-_spare");
  CHECK(names::data("main") == "tclone-main-_data");
  CHECK(names::outer_pool("main") == "tclone-main-_pool");
  CHECK(names::vault_thin("main", {12}) == "tclone-main-_12.thin");
  CHECK(names::vault_crypt("main", {12}) == "tclone-main-_12.crypt");
  CHECK(names::vault_metadata("main", {12}) == "tclone-main-_12.meta");
  CHECK(names::vault_data("main", {12}) == "tclone-main-_12.data");
  CHECK(names::vault_pool("main", {12}) == "tclone-main-_12.pool");
}

TEST_CASE("the longest names fit into device-mapper's 127 bytes") {
  const std::string pool(40, 'p'), volume(63, 'v');
  CHECK(names::volume(pool, volume).size() == 111);
  CHECK(names::version(pool, volume, 999'999'999'999'999).size() == 127);  // 10^15 versions are out of reach
  CHECK(names::valid(names::version(pool, volume, 999'999'999'999'999)));
  CHECK(names::valid(names::vault_crypt(pool, {kMaxThinId})));
  CHECK(names::vault_crypt(pool, {kMaxThinId}).size() == 63);
}

TEST_CASE("a uuid names its owner and layer and fits into device-mapper's 128 bytes") {
  const Uuid owner = Uuid::parse("01234567-89ab-cdef-0123-456789abcdef").value();
  CHECK(names::uuid(owner, "pool") == "TCLONE-0123456789abcdef0123456789abcdef-pool");
  CHECK(names::uuid(owner, std::string(88, 's')).size() == 128);
}

TEST_CASE("hidden layers are told from volumes, whatever dashes and underscores a volume's name has") {
  CHECK(names::hidden(names::state("p")));
  CHECK(names::hidden(names::vault_crypt("p", {3})));
  CHECK_FALSE(names::hidden(names::volume("p", "db")));
  CHECK_FALSE(names::hidden(names::volume("p", "a-_b")));
  CHECK_FALSE(names::hidden(names::volume("p", "a_b")));
  CHECK_FALSE(names::hidden(names::version("p", "a-_b", 1)));
  CHECK_FALSE(names::hidden("tclone-p-"));
  CHECK_FALSE(names::hidden("vg-_x"));
}

TEST_CASE("only names that need no mangling and stay inside the folder of nodes are let through") {
  CHECK(names::valid("tclone-p-db@1"));
  CHECK(names::valid(std::string(127, 'a')));
  CHECK_FALSE(names::valid(std::string(128, 'a')));
  for (const char* bad : {"", ".", "..", "a/b", "a b", "a\\b", "a\nb", "é"}) CHECK_FALSE(names::valid(bad));
}
