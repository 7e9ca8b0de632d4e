// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "tests/unit/crypt/support.h"

using namespace tclone;
using namespace tclone::crypt;
using namespace tclone::crypt::test;

TEST_CASE("a new header says what was asked for") {
  const Vaultlike vault;
  CHECK(vault.made.facts.cipher == "aes");
  CHECK(vault.made.facts.mode == "xts-plain64");
  CHECK(vault.made.facts.key_bits == 512);
  CHECK(vault.made.facts.sector_size == 4096);
  CHECK(vault.made.facts.data_offset == Bytes{kHeader});
  CHECK(vault.made.volume_key.size() == 64);
  const auto found = vault.luks->inspect(vault.path);
  REQUIRE(found);
  CHECK(*found == vault.made.facts);
}

TEST_CASE("512-byte sectors can be asked for") {
  const Vaultlike vault(512);
  const auto found = vault.luks->inspect(vault.path);
  REQUIRE(found);
  CHECK(found->sector_size == 512);
}

TEST_CASE("formatting touches nothing behind the header") {
  Vaultlike vault;
  std::string disk = read_file(vault.path);
  std::fill(disk.begin() + kHeader, disk.end(), 'd');
  write_file(vault.path, disk);
  FormatRequest request;
  request.device = vault.path;
  request.uuid = Uuid::random();
  REQUIRE(vault.luks->format(request, vault.key));
  const std::string after = read_file(vault.path);
  REQUIRE(after.size() == disk.size());
  CHECK(std::equal(after.begin() + kHeader, after.end(), disk.begin() + kHeader));
}

TEST_CASE("a label longer than LUKS2 has room for is cut, not refused") {
  Vaultlike vault;
  FormatRequest request;
  request.device = vault.path;
  request.label = "tclone:" + std::string(63, 'n');
  request.uuid = Uuid::random();
  CHECK(vault.luks->format(request, vault.key));
}

TEST_CASE("the right key opens a slot and a wrong, an empty or a longer one does not") {
  Vaultlike vault;
  const auto right = vault.luks->test(vault.path, vault.made.facts, vault.key);
  REQUIRE(right);
  CHECK(*right == 0);
  std::string longer = text_of(vault.key) + "\n";
  for (const Secret& wrong : {Secret::random(64).value(), secret_of(""), secret_of(longer)}) {
    const auto result = vault.luks->test(vault.path, vault.made.facts, wrong);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::key);
  }
}

TEST_CASE("the right key unlocks the volume key, which no other key does") {
  Vaultlike vault;
  const auto unlocked = vault.luks->volume_key(vault.path, vault.made.facts, vault.key);
  REQUIRE(unlocked);
  CHECK(unlocked->same_as(vault.made.volume_key));
  const auto wrong = vault.luks->volume_key(vault.path, vault.made.facts, Secret::random(64).value());
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Code::key);
}

TEST_CASE("binary keys with zero bytes and keys of a megabyte open what they closed") {
  Vaultlike vault;
  // Not ending in a zero byte: PBKDF2 pads keys below 64 bytes with zeros, so the last ones would not count.
  const std::string zeros("\0\0\n\0binary key with thirty-two bytes or\0more", 43);
  for (const std::string& text : {zeros, std::string(1024 * 1024, 'x')}) {
    REQUIRE(vault.luks->add_key(vault.path, vault.made.facts, vault.key, secret_of(text), Cost::machine));
    CHECK(vault.luks->test(vault.path, vault.made.facts, secret_of(text)));
    CHECK_FALSE(vault.luks->test(vault.path, vault.made.facts, secret_of(text.substr(0, text.size() - 1))));
  }
}

TEST_CASE("the cheap derivation is refused for short keys") {
  Vaultlike vault;
  FormatRequest request;
  request.device = vault.path;
  request.uuid = Uuid::random();
  for (const char* text : {"", "hunter2", "thirty-one bytes are too few..."}) {
    const auto made = vault.luks->format(request, secret_of(text));
    REQUIRE_FALSE(made);
    CHECK(made.error().code == Code::key);
  }
}

TEST_CASE("a passphrase slot is argon2id and a machine slot pbkdf2") {
  Vaultlike vault;
  const auto added = vault.luks->add_key(vault.path, vault.made.facts, vault.key, secret_of("hunter2"), Cost::human);
  REQUIRE(added);
  const auto slots = vault.luks->keyslots(vault.path);
  REQUIRE(slots);
  REQUIRE(slots->size() == 2);
  CHECK((*slots)[0].kdf == "pbkdf2");
  CHECK((*slots)[0].iterations == 1000);
  CHECK((*slots)[1].number == *added);
  CHECK((*slots)[1].kdf == "argon2id");
  CHECK((*slots)[1].memory_kib >= 32 * 1024);
  CHECK((*slots)[1].iterations >= 4);
  const auto opened = vault.luks->test(vault.path, vault.made.facts, secret_of("hunter2"));
  REQUIRE(opened);
  CHECK(*opened == *added);
}

TEST_CASE("adding a key needs an existing one") {
  Vaultlike vault;
  const auto result =
      vault.luks->add_key(vault.path, vault.made.facts, Secret::random(64).value(), vault.key, Cost::machine);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::key);
  CHECK(vault.luks->keyslots(vault.path)->size() == 1);
}

TEST_CASE("four keys fit, a fifth is refused for want of room") {
  Vaultlike vault;
  for (int i = 1; i < 4; ++i) {
    REQUIRE(vault.luks->add_key(vault.path, vault.made.facts, vault.key, Secret::random(64).value(), Cost::machine));
  }
  const auto fifth =
      vault.luks->add_key(vault.path, vault.made.facts, vault.key, Secret::random(64).value(), Cost::machine);
  REQUIRE_FALSE(fifth);
  CHECK(fifth.error().code == Code::no_space);
}

TEST_CASE("a removed key opens nothing, a missing slot is not found, the last one stays") {
  Vaultlike vault;
  const Secret second = Secret::random(64).value();
  const auto added = vault.luks->add_key(vault.path, vault.made.facts, vault.key, second, Cost::machine);
  REQUIRE(added);
  REQUIRE(vault.luks->remove_key(vault.path, vault.made.facts, 0));
  CHECK_FALSE(vault.luks->test(vault.path, vault.made.facts, vault.key));
  CHECK(vault.luks->test(vault.path, vault.made.facts, second));
  const auto missing = vault.luks->remove_key(vault.path, vault.made.facts, 0);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Code::not_found);
  const auto last = vault.luks->remove_key(vault.path, vault.made.facts, *added);
  REQUIRE_FALSE(last);
  CHECK(last.error().code == Code::exists);
  CHECK(vault.luks->test(vault.path, vault.made.facts, second));
}

TEST_CASE("a device without room for data behind the header is refused") {
  Vaultlike vault;
  std::filesystem::resize_file(vault.path, kHeader);
  FormatRequest request;
  request.device = vault.path;
  request.uuid = Uuid::random();
  const auto made = vault.luks->format(request, vault.key);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Code::no_space);
}

TEST_CASE("destroy leaves two mebibytes of zeros, keeps the rest, and the saved key opens nothing") {
  Vaultlike vault;
  std::string disk = read_file(vault.path);
  std::fill(disk.begin() + kHeader, disk.end(), 'd');
  write_file(vault.path, disk);
  const Status destroyed = vault.luks->destroy(vault.path);
  if (!destroyed) FAIL(destroyed.error().text());
  const std::string after = read_file(vault.path);
  REQUIRE(after.size() == disk.size());
  CHECK(std::all_of(after.begin(), after.begin() + kHeader, [](char c) { return c == 0; }));
  CHECK(std::all_of(after.begin() + kHeader, after.end(), [](char c) { return c == 'd'; }));
  const auto opened = vault.luks->test(vault.path, vault.made.facts, vault.key);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::damaged);
}

TEST_CASE("destroy works on a damaged header, on noise and on a truncated file") {
  Vaultlike vault;
  std::string disk = read_file(vault.path);
  SECTION("both copies damaged") {
    disk[5000] = 'X';
    disk[16384 + 5000] = 'X';
  }
  SECTION("noise") { std::fill(disk.begin(), disk.end(), '\xa5'); }
  SECTION("truncated to something that is not whole sectors") { disk.resize(300001); }
  write_file(vault.path, disk);
  const Status destroyed = vault.luks->destroy(vault.path);
  if (!destroyed) FAIL(destroyed.error().text());
  const std::string after = read_file(vault.path);
  REQUIRE(after.size() == disk.size());
  const auto end = after.begin() + static_cast<std::ptrdiff_t>(std::min(after.size(), kHeader));
  CHECK(std::all_of(after.begin(), end, [](char c) { return c == 0; }));
}

TEST_CASE("destroy of a missing device is an error, not a success") {
  const auto luks = open_luks();
  const auto result = luks->destroy("/nonexistent/device");
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::not_found);
}

TEST_CASE("a backup restores the keys it was taken with and is never overwritten") {
  Vaultlike vault;
  const std::string file = vault.folder / "header";
  REQUIRE(vault.luks->backup(vault.path, file));
  const auto again = vault.luks->backup(vault.path, file);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Code::exists);
  CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms(077)) == std::filesystem::perms::none);
  REQUIRE(vault.luks->destroy(vault.path));
  const Status restored = vault.luks->restore(vault.path, file, vault.made.facts);
  if (!restored) FAIL(restored.error().text());
  CHECK(vault.luks->test(vault.path, vault.made.facts, vault.key));
}

TEST_CASE("a backup that cannot be read to its end leaves what is on the device as it was") {
  const Vaultlike vault;
  const Vaultlike other;
  const std::string file = vault.folder / "header";
  REQUIRE(vault.luks->backup(vault.path, file));
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 4096);
  // Another vault's header would be wiped first, being none of ours.
  const bool foreign = GENERATE(true, false);
  const std::string& path = foreign ? other.path : vault.path;
  const std::string before = read_file(path);
  const auto result = vault.luks->restore(path, file, vault.made.facts);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::damaged);
  CHECK(read_file(path) == before);
}

TEST_CASE("a header whose last key was removed can be restored over") {
  Vaultlike vault;
  const std::string file = vault.folder / "header";
  REQUIRE(vault.luks->backup(vault.path, file));
  REQUIRE(vault.luks->remove_last_key(vault.path, vault.made.facts, 0));
  REQUIRE_FALSE(vault.luks->test(vault.path, vault.made.facts, vault.key));
  const Status restored = vault.luks->restore(vault.path, file, vault.made.facts);
  if (!restored) FAIL(restored.error().text());
  CHECK(vault.luks->test(vault.path, vault.made.facts, vault.key));
}

TEST_CASE("a backup of another vault is not restored") {
  Vaultlike vault;
  const Vaultlike other;
  const std::string file = vault.folder / "header";
  REQUIRE(other.luks->backup(other.path, file));
  const auto result = vault.luks->restore(vault.path, file, vault.made.facts);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::damaged);
  CHECK(vault.luks->test(vault.path, vault.made.facts, vault.key));
}
