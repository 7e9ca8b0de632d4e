// SPDX-License-Identifier: GPL-2.0-or-later
// Records as text: what is written is read back the same, and nothing else is read at all.
#include "state/records.h"

#include <algorithm>
#include <chrono>
#include <iostream>

#include "unit/catch.h"
#include "unit/state/samples.h"

using namespace tclone;
using namespace tclone::state;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

template <class T>
void refused(const Result<T>& result, const std::string& place, const std::string& why) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == Code::damaged);
  INFO(result.error().text());
  CHECK(result.error().object == place);
  CHECK(result.error().why.find(why) != std::string::npos);
}

/// Cut anywhere, a text is damaged, unless only white space went.
template <class Record, class Decode>
void never_shorter(const std::string& text, const Record& record, Decode decode) {
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Result<Record> result = decode(text.substr(0, size));
    if (result) {
      INFO("cut at " << size);
      REQUIRE(*result == record);
      REQUIRE(text.find_first_not_of(" \n", size) == std::string::npos);
    } else {
      REQUIRE(result.error().code == Code::damaged);
    }
  }
}

}  // namespace

TEST_CASE("a volume's file is what tclone-state(5) says") {
  Volume web = samples::volume("web1", 11);
  web.origin = samples::version().ref();
  CHECK(encode(web).value() == R"(# tclone volume web1, see tclone-state(5)
format = 1
name = "web1"
uuid = "aa000000-0000-0000-0000-000000000137"
vault = "web1"
thin = 0
size = 10737418240
filesystem = "ext4"
created = 2024-05-01T12:00:00Z
origin = { version = "db@7", uuid = "aa000000-0000-0000-0000-00000000019a" }
own_key = false
follows = ""
next_version = 8
versions = [7]

[tags]
"latest" = 7
"v1.0" = 7
# end
)");
}

TEST_CASE("random records come back as they were written") {
  const unsigned seed = GENERATE(1U, 2U, 3U, std::random_device{}());
  samples::Random random(seed);
  for (int i = 0; i < 150; ++i) {
    INFO("seed " << seed << ", round " << i);
    const PoolRecord pool = random.pool();
    REQUIRE(decode_pool(encode(pool).value()).value() == pool);
    const Vault vault = random.vault();
    REQUIRE(decode_vault(vault.name, encode(vault).value()).value() == vault);
    const Volume volume = random.volume();
    REQUIRE(decode_volume(volume.name, encode(volume).value()).value() == volume);
    const Version version = random.version();
    REQUIRE(decode_version(version.volume, version.number, encode(version).value()).value() == version);
    const Journal journal = random.journal();
    const auto text = encode(journal);
    if (!text) FAIL(text.error().text());
    const auto back = decode_journal(*text);
    if (!back) FAIL(back.error().text() << "\n" << *text);
    REQUIRE(*back == journal);
  }
}

TEST_CASE("a record cut short anywhere is damaged, never another record") {
  const Version version = samples::version();
  never_shorter(encode(version).value(), version, [](const auto& t) { return decode_version("db", 7, t); });
  Volume volume = samples::volume();
  volume.basis = version.ref();
  never_shorter(encode(volume).value(), volume, [](const auto& t) { return decode_volume("db", t); });
  const Vault vault = samples::vault();
  never_shorter(encode(vault).value(), vault, [](const auto& t) { return decode_vault("db", t); });
  const PoolRecord pool = samples::pool();
  never_shorter(encode(pool).value(), pool, [](const auto& t) { return decode_pool(t); });
  const Journal journal = samples::journal();
  never_shorter(encode(journal).value(), journal, [](const auto& t) { return decode_journal(t); });
}

TEST_CASE("a random byte changed never crashes the reader") {
  samples::Random random(5);
  const std::string text = encode(samples::journal()).value();
  for (int i = 0; i < 3000; ++i) {
    std::string bad = text;
    for (std::uint64_t n = random.number(1, 4); n > 0; --n)
      bad[random.number(0, bad.size() - 1)] = static_cast<char>(random.number(0, 255));
    const auto result = decode_journal(bad);
    if (!result) REQUIRE(result.error().code == Code::damaged);
  }
}

TEST_CASE("a refusal names file, line and field") {
  const std::string good = encode(samples::volume()).value();
  const auto with = [&](const std::string& from, const std::string& to) {
    return decode_volume("db", replaced(good, from, to));
  };
  refused(with("size = 10737418240", "size = 10737418241"), "volumes/db.toml:7",
          "size: must be a positive multiple of 512");
  refused(with("size = 10737418240", "size = 0"), "volumes/db.toml:7", "size: must be a positive multiple of 512");
  refused(with("size = 10737418240", "size = -512"), "volumes/db.toml:7", "size: must be a positive multiple");
  refused(with("size = 10737418240", "size = \"10G\""), "volumes/db.toml:7", "size: must be an integer");
  refused(with("size = 10737418240", "sise = 10737418240"), "volumes/db.toml:1", "size: is missing");
  refused(with("size = ", "more = 1\nsize = "), "volumes/db.toml:7", "more: is no key of this record");
  refused(with("thin = 0", "thin = 16777216"), "volumes/db.toml:6", "thin: must be a number from 0 to 16777215");
  refused(with("thin = 0", "thin = -1"), "volumes/db.toml:6", "thin: must be a number from 0 to 16777215");
  refused(with("name = \"db\"", "name = \"dc\""), "volumes/db.toml:3", "name: differs from the name of the file");
  refused(with("vault = \"db\"", "vault = \"../db\""), "volumes/db.toml:5", "vault: must be a name");
  refused(with("vault = \"db\"", "vault = \"d/b\""), "volumes/db.toml:5", "vault: must be a name");
  refused(with("vault = \"db\"", "vault = \"d\\u0000b\""), "volumes/db.toml:5", "vault: must be a name");
  refused(with("\"ext4\"", "\"ext5\""), "volumes/db.toml:8", "filesystem: is none of the known values");
  refused(with("12:00:00Z", "12:00:00"), "volumes/db.toml:9", "created: must be a time like");
  refused(with("2024-05-01", "1969-05-01"), "volumes/db.toml:9", "created: must be a time from 1970 to 9999");
  refused(with("own_key = false", "own_key = 0"), "volumes/db.toml:10", "own_key: must be true or false");
  refused(with("own_key = false", "own_key = true"), "volumes/db.toml:1", "basis: must be there in a clone with a key");
  refused(with("versions = [7]", "versions = [7, 7]"), "volumes/db.toml:13", "versions: must be in ascending order");
  refused(with("versions = [7]", "versions = [0, 7]"), "volumes/db.toml:13", "versions: must be a list of numbers");
  refused(with("versions = [7]", "versions = [\"7\"]"), "volumes/db.toml:13", "versions: each item must be an integer");
  refused(with("next_version = 8", "next_version = 7"), "volumes/db.toml:12", "next_version: must be larger");
  refused(with("\"v1.0\" = 7", "\"v1 0\" = 7"), "volumes/db.toml:17", "a tag must be a name");
  refused(with("\"v1.0\" = 7", "\"v1.0\" = -7"), "volumes/db.toml:17", "tags.v1.0: must be a version number");
  refused(with("\"v1.0\" = 7", "\"latest\" = 7"), "volumes/db.toml:17", "not valid TOML");
  refused(with("format = 1", "format = 2"), "volumes/db.toml:2", "format: is 2, written by a newer tclone");
  refused(with("format = 1", "format = 2\nnews = 1"), "volumes/db.toml:2", "format: is 2, written by a newer");
  refused(with("format = 1", "format = 0"), "volumes/db.toml:2", "format: must be 1");
  refused(with("format = 1\n", ""), "volumes/db.toml:1", "format: is missing");
  refused(with("# end\n", ""), "volumes/db.toml:18", "is cut short");
  refused(with("000000000136", "00000000013"), "volumes/db.toml:4", "uuid: must be a UUID");
  refused(with("aa000000-0000-0000-0000-000000000136", "00000000-0000-0000-0000-000000000000"), "volumes/db.toml:4",
          "uuid: must not be the nil UUID");
}

TEST_CASE("a version, a vault and a journal are refused in the same way") {
  const std::string version = encode(samples::version()).value();
  refused(decode_version("db", 8, version), "versions/db@8.toml:4", "number: differs from the name of the file");
  refused(decode_version("dc", 7, version), "versions/dc@7.toml:3", "volume: differs from the name of the file");
  refused(decode_version("db", 7, replaced(version, "nightly ", "\\u001b[31m")), "versions/db@7.toml:11",
          "message: must not hold control characters");

  const std::string vault = encode(samples::vault()).value();
  refused(decode_vault("db", replaced(vault, "block = 65536", "block = 4096")), "vaults/db.toml:7",
          "block: must be a positive multiple of 65536");
  refused(decode_vault("db", replaced(vault, "\nsector_size = 4096", "\nsector_size = 1024")), "vaults/db.toml:22",
          "header.sector_size: must be 512 or 4096");
  refused(decode_vault("db", replaced(vault, "delete_thins = []", "delete_thins = [4, 4]")), "vaults/db.toml:32",
          "pending.delete_thins: names a thin id twice");
  refused(decode_vault("db", replaced(vault, "kind = \"file\"", "kind = \"none\"")), "vaults/db.toml:26",
          "key.kind: must not be none in an encrypted vault");
  refused(decode_vault("db", replaced(vault, "encrypted = true", "encrypted = false")), "vaults/db.toml:17",
          "header: is no key of this record");

  const std::string journal = encode(samples::journal()).value();
  const std::string row = "  { outer = 11, vault = \"aa000000-0000-0000-0000-00000000006f\"";
  const auto line = [](const std::string& text, const std::string& what) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(text.find(what));
    return "journal.toml:" + std::to_string(1 + std::count(text.begin(), end, '\n'));
  };
  const std::string bad_row =
      replaced(journal, row, "  { outer = -1, vault = \"aa000000-0000-0000-0000-00000000006f\"");
  refused(decode_journal(bad_row), line(bad_row, "outer = -1"), "to_undo.outer[0].outer: must be a number");
  const std::string bad_size = replaced(journal, "capacity = 21474836480", "capacity = 1");
  refused(decode_journal(bad_size), line(bad_size, "capacity = 1\n"), "after.vaults[0].capacity: must be a positive");
  const std::string both = replaced(journal, "\"old\"", "\"web1\"");
  refused(decode_journal(both), line(both, "gone_volumes"), "after.gone_volumes: removes a volume that is written");
}

TEST_CASE("what could not be read again is not written") {
  const auto no = [](const auto& record, const std::string& why) {
    const auto text = encode(record);
    REQUIRE_FALSE(text.has_value());
    CHECK(text.error().code == Code::usage);
    INFO(text.error().text());
    CHECK(text.error().why.find(why) != std::string::npos);
  };
  Version version = samples::version();
  version.message = "bell \a";
  no(version, "message: must not hold control characters");
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "cut \xe2\x82", "\xc2\x9b"}) {
    version.message = bad;
    no(version, "message: must");
  }
  version.message = std::string("a\0b", 3);
  no(version, "message: must");
  version = samples::version();
  version.size = Bytes{1000};
  no(version, "size: must be a positive multiple of 512");
  version.size = Bytes{1ULL << 63U};
  no(version, "size:");
  version = samples::version();
  version.uuid = Uuid{};
  no(version, "uuid: must not be the nil UUID");
  version = samples::version();
  version.number = 0;
  no(version, "number:");
  Volume volume = samples::volume();
  volume.name = "../db";
  no(volume, "name: must be a name");
  volume = samples::volume();
  volume.tags["Bad Tag"] = 7;
  no(volume, "must be a name");
  PoolRecord pool = samples::pool();
  pool.name = "a-b";
  no(pool, "name: must be a pool name");
  pool = samples::pool();
  pool.created = 253402300800;
  no(pool, "created:");
  Journal journal = samples::journal();
  journal.to_undo.outer.push_back(journal.to_undo.outer[0]);
  no(journal, "outer: names an outer thin twice");
}

TEST_CASE("hostile TOML is refused before it can hurt") {
  const auto hostile = [](const std::string& text) {
    const auto result = decode_pool(text);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Code::damaged);
  };
  hostile("");
  hostile(std::string(100000, '['));
  hostile("a = " + std::string(100000, '['));
  hostile("a = " + std::string(200, '{'));
  std::string dotted = "a";
  for (int i = 0; i < 100000; ++i) dotted += ".a";
  hostile(dotted + " = 1\n");
  hostile("[" + dotted + "]\n");
  std::string inner = "1";
  for (int i = 0; i < 200; ++i) inner = "{a=" + inner + "}";
  hostile("a = " + inner);
  hostile(std::string("a = 1\0", 6));
  hostile("\xff\xfe");
  hostile("a = [\n\xc3\x9f\"\n# end\n");
  hostile("a = [\"\"\"x\"\"\"\"\", \xc3\x9f]\n");
}

TEST_CASE("the time to read one record", "[.measure]") {
  const std::string text = encode(samples::volume()).value();
  const std::string journal = encode(samples::journal()).value();
  const auto each = [](const char* what, int rounds, auto act) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i) act();
    const auto took = std::chrono::steady_clock::now() - start;
    std::cout << what << ": " << std::chrono::duration<double, std::micro>(took).count() / rounds << " us\n";
  };
  each("decode volume", 2000, [&] { REQUIRE(decode_volume("db", text)); });
  each("encode volume", 2000, [&] { REQUIRE(encode(samples::volume())); });
  each("decode journal", 1000, [&] { REQUIRE(decode_journal(journal)); });
  each("encode journal", 1000, [&] { REQUIRE(encode(samples::journal())); });
}
