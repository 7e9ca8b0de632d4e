// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/device_names.h"

#include "unit/catch.h"

using namespace tclone;

TEST_CASE("every layer has the name that the map in names.h gives it") {
  CHECK(device_names::prefix("main") == "tclone-main-");
  CHECK(device_names::volume("main", "db") == "tclone-main-db");
  CHECK(device_names::version("main", "db", 7) == "tclone-main-db@7");
  CHECK(device_names::state("main") == "tclone-main-_state");
  CHECK(device_names::metadata("main") == "tclone-main-_meta");
  CHECK(device_names::spare("main") == "tclone-main-_spare");
  CHECK(device_names::data("main") == "tclone-main-_data");
  CHECK(device_names::outer_pool("main") == "tclone-main-_pool");
  CHECK(device_names::vault_thin("main", {12}) == "tclone-main-_12.thin");
  CHECK(device_names::vault_crypt("main", {12}) == "tclone-main-_12.crypt");
  CHECK(device_names::vault_metadata("main", {12}) == "tclone-main-_12.meta");
  CHECK(device_names::vault_data("main", {12}) == "tclone-main-_12.data");
  CHECK(device_names::vault_pool("main", {12}) == "tclone-main-_12.pool");
}

TEST_CASE("the longest names fit into device-mapper's 127 bytes") {
  const std::string pool(40, 'p'), volume(63, 'v');
  CHECK(device_names::volume(pool, volume).size() == 111);
  CHECK(device_names::version(pool, volume, 999'999'999'999'999).size() == 127);  // 10^15 versions are out of reach
  CHECK(device_names::valid(device_names::version(pool, volume, 999'999'999'999'999)));
  CHECK(device_names::valid(device_names::vault_crypt(pool, {kMaxThinId})));
  CHECK(device_names::vault_crypt(pool, {kMaxThinId}).size() == 63);
}

TEST_CASE("a uuid names its owner and layer and fits into device-mapper's 128 bytes") {
  const Uuid owner = Uuid::parse("01234567-89ab-cdef-0123-456789abcdef").value();
  CHECK(device_names::uuid(owner, "pool") == "TCLONE-0123456789abcdef0123456789abcdef-pool");
  CHECK(device_names::uuid(owner, std::string(88, 's')).size() == 128);
}

TEST_CASE("hidden layers are told from volumes, whatever dashes and underscores a volume's name has") {
  CHECK(device_names::hidden(device_names::state("p")));
  CHECK(device_names::hidden(device_names::vault_crypt("p", {3})));
  CHECK_FALSE(device_names::hidden(device_names::volume("p", "db")));
  CHECK_FALSE(device_names::hidden(device_names::volume("p", "a-_b")));
  CHECK_FALSE(device_names::hidden(device_names::volume("p", "a_b")));
  CHECK_FALSE(device_names::hidden(device_names::version("p", "a-_b", 1)));
  CHECK_FALSE(device_names::hidden("tclone-p-"));
  CHECK_FALSE(device_names::hidden("vg-_x"));
}

TEST_CASE("only names that need no mangling and stay inside the folder of nodes are let through") {
  CHECK(device_names::valid("tclone-p-db@1"));
  CHECK(device_names::valid(std::string(127, 'a')));
  CHECK_FALSE(device_names::valid(std::string(128, 'a')));
  for (const char* bad : {"", ".", "..", "a/b", "a b", "a\\b", "a\nb", "é"}) CHECK_FALSE(device_names::valid(bad));
}
