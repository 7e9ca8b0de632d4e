// SPDX-License-Identifier: GPL-2.0-or-later
// Headers as an attacker with write access to the disk leaves them: valid LUKS2, right checksums, wrong content.
#include "tests/unit/crypt/support.h"

using namespace tclone;
using namespace tclone::crypt;
using namespace tclone::crypt::test;

namespace {

void expect_damaged(const Vaultlike& vault, const HeaderFacts& expected, const std::string& word) {
  const auto tested = vault.luks->test(vault.path, expected, vault.key);
  REQUIRE_FALSE(tested);
  CHECK(tested.error().code == Code::damaged);
  CHECK_THAT(tested.error().text(), tclone::test::ContainsSubstring(word));
  const auto opened = vault.luks->open(vault.path, "tclone-unit-never", expected, vault.key);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::damaged);
  const auto raw = vault.luks->open_with_volume_key(vault.path, "tclone-unit-never", expected, vault.made.volume_key);
  REQUIRE_FALSE(raw);
  CHECK(raw.error().code == Code::damaged);
  const auto token = vault.luks->open_with_token(vault.path, "tclone-unit-never", expected, {});
  REQUIRE_FALSE(token);
  CHECK(token.error().code == Code::damaged);
  const auto added = vault.luks->add_key(vault.path, expected, vault.key, vault.key, Cost::machine);
  REQUIRE_FALSE(added);
  CHECK(added.error().code == Code::damaged);
}

}  // namespace

TEST_CASE("the tampering of these tests makes headers that load") {
  Vaultlike vault;
  tamper(vault.path, [](std::string& json) { replace_text(json, "\"tokens\":{}", "\"tokens\":{ }"); });
  CHECK(vault.luks->test(vault.path, vault.made.facts, vault.key));
}

TEST_CASE("a segment with a null cipher is refused, even when the record agrees") {
  for (const char* cipher : {"cipher_null-ecb", "null"}) {
    Vaultlike vault;
    tamper(vault.path, [&](std::string& json) {
      const auto segment = json.find("\"segments\"");
      const auto at = json.find("aes-xts-plain64", segment);
      json.replace(at, 15, cipher);
    });
    HeaderFacts agreeing = vault.made.facts;
    agreeing.cipher = "cipher_null";
    agreeing.mode = "ecb";
    expect_damaged(vault, vault.made.facts, "null cipher");
    expect_damaged(vault, agreeing, "null cipher");
    const auto found = vault.luks->inspect(vault.path);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Code::damaged);
  }
}

TEST_CASE("a record that asks for a null cipher opens nothing") {
  Vaultlike vault;
  HeaderFacts record = vault.made.facts;
  record.cipher = "cipher_null";
  expect_damaged(vault, record, "null cipher");
}

TEST_CASE("a key slot with a null cipher is refused") {
  Vaultlike vault;
  tamper(vault.path, [](std::string& json) {
    const auto area = json.find("\"area\"");
    const auto at = json.find("aes-xts-plain64", area);
    json.replace(at, 15, "cipher_null-ecb");
  });
  expect_damaged(vault, vault.made.facts, "key slot 0");
}

TEST_CASE("a key derivation that would not end in good time is refused before it begins") {
  Vaultlike vault;
  std::string word;
  const auto behind = [](std::string& json, const std::string& section, const std::string& from,
                         const std::string& to) {
    const auto at = json.find(from, json.find(section));
    REQUIRE(at != std::string::npos);
    json.replace(at, from.size(), to);
  };
  SECTION("pbkdf2 of a key slot") {
    tamper(vault.path,
           [&](std::string& json) { behind(json, "\"kdf\"", "\"iterations\":1000", "\"iterations\":2000000000"); });
    word = "key slot 0";
  }
  SECTION("argon2id of a key slot") {
    tamper(vault.path, [&](std::string& json) {
      behind(json, "\"kdf\"", "\"type\":\"pbkdf2\"", "\"type\":\"argon2id\",\"memory\":1048576,\"cpus\":1");
      const auto hash = json.find("\"hash\"", json.find("\"kdf\""));
      json.erase(hash, json.find(',', hash) + 1 - hash);
      behind(json, "\"kdf\"", "\"iterations\":1000", "\"time\":100000");
    });
    word = "key slot 0";
  }
  SECTION("the digest") {
    tamper(vault.path,
           [&](std::string& json) { behind(json, "\"digests\"", "\"iterations\":1000", "\"iterations\":2000000000"); });
    word = "digest 0";
  }
  expect_damaged(vault, vault.made.facts, word);
}

TEST_CASE("each field that differs from the record is named") {
  Vaultlike vault;
  HeaderFacts record = vault.made.facts;
  SECTION("UUID") {
    record.uuid = Uuid::random();
    expect_damaged(vault, record, "UUID");
  }
  SECTION("mode") {
    record.mode = "cbc-essiv:sha256";
    expect_damaged(vault, record, "mode");
  }
  SECTION("key size") {
    record.key_bits = 256;
    expect_damaged(vault, record, "key bits");
  }
  SECTION("sector size") {
    record.sector_size = 512;
    expect_damaged(vault, record, "sector size");
  }
  SECTION("data offset") {
    record.data_offset = Bytes{16 * kMiB.n};
    expect_damaged(vault, record, "data offset");
  }
}

TEST_CASE("a downgraded segment is refused") {
  Vaultlike vault;
  std::string word;
  const auto in_segment = [](std::string& json, const std::string& from, const std::string& to) {
    const auto segments = json.find("\"segments\"");
    const auto at = json.find(from, segments);
    REQUIRE(at != std::string::npos);
    json.replace(at, from.size(), to);
  };
  SECTION("another mode") {
    tamper(vault.path, [&](std::string& json) { in_segment(json, "aes-xts-plain64", "aes-ecb"); });
    word = "mode";
  }
  SECTION("another sector size") {
    tamper(vault.path, [&](std::string& json) { in_segment(json, "\"sector_size\":4096", "\"sector_size\":512"); });
    word = "sector size";
  }
  SECTION("another offset") {
    tamper(vault.path,
           [&](std::string& json) { in_segment(json, "\"offset\":\"2097152\"", "\"offset\":\"3145728\""); });
    word = "data offset";
  }
  SECTION("a shifted IV") {
    tamper(vault.path, [&](std::string& json) { in_segment(json, "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"8\""); });
    word = "IV";
  }
  SECTION("a fixed size") {
    tamper(vault.path, [&](std::string& json) { in_segment(json, "\"size\":\"dynamic\"", "\"size\":\"1048576\""); });
    word = "fixed size";
  }
  SECTION("integrity") {
    tamper(vault.path, [&](std::string& json) {
      in_segment(json, "\"sector_size\"",
                 "\"integrity\":{\"type\":\"hmac(sha256)\",\"journal_encryption\":\"none\","
                 "\"journal_integrity\":\"none\"},\"sector_size\"");
    });
  }
  SECTION("a second segment") {
    tamper(vault.path, [&](std::string& json) {
      in_segment(json, "\"segments\":{",
                 "\"segments\":{\"1\":{\"type\":\"linear\",\"offset\":\"2097152\",\"size\":\"dynamic\"},");
    });
  }
  SECTION("an unfinished reencryption") {
    tamper(vault.path, [](std::string& json) {
      replace_text(json, "\"config\":{", "\"config\":{\"requirements\":{\"mandatory\":[\"online-reencrypt-v2\"]},");
    });
  }
  SECTION("activation flags") {
    tamper(vault.path,
           [](std::string& json) { replace_text(json, "\"config\":{", "\"config\":{\"flags\":[\"no-journal\"],"); });
    word = "flags";
  }
  expect_damaged(vault, vault.made.facts, word);
}

TEST_CASE("a missing, a truncated and a noisy header are damaged") {
  Vaultlike vault;
  std::string disk = read_file(vault.path);
  SECTION("zeros") { std::fill(disk.begin(), disk.begin() + kHeader, '\0'); }
  SECTION("truncated") { disk.resize(8192); }
  SECTION("both copies flipped") {
    disk[5000] ^= 1;
    disk[16384 + 5000] ^= 1;
  }
  write_file(vault.path, disk);
  expect_damaged(vault, vault.made.facts, "LUKS2");
}

TEST_CASE("one damaged copy of the header is repaired from the other") {
  Vaultlike vault;
  std::string disk = read_file(vault.path);
  disk[5000] ^= 1;
  write_file(vault.path, disk);
  CHECK(vault.luks->test(vault.path, vault.made.facts, vault.key));
}

TEST_CASE("a LUKS1 header is not taken for ours") {
  Vaultlike vault;
  std::string disk = read_file(vault.path);
  std::fill(disk.begin(), disk.begin() + kHeader, '\0');
  disk.replace(0, 8, std::string("LUKS\xba\xbe\0\1", 8));
  write_file(vault.path, disk);
  expect_damaged(vault, vault.made.facts, "LUKS2");
}

TEST_CASE("a foreign volume key is refused before anything is activated") {
  Vaultlike vault;
  for (const std::size_t size : {32U, 64U}) {
    const auto result = vault.luks->open_with_volume_key(vault.path, "tclone-unit-never", vault.made.facts,
                                                         Secret::random(size).value());
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::key);
  }
}
