// SPDX-License-Identifier: GPL-2.0-or-later
// The index of a large pool: what it answers, what it notices, and that it is never missed.
#include "state/index.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "state/index_codec.h"
#include "state/records.h"
#include "unit/catch.h"
#include "unit/state/index_sample.h"
#include "unit/state/samples.h"

using namespace tclone;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

std::chrono::nanoseconds clock_now() { return std::chrono::system_clock::now().time_since_epoch(); }

std::string get_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}
void put_file(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// Not a thousand, so that it does not take long.
constexpr std::size_t kFrom = 21;
constexpr int kVolumes = 10;

std::string name_of(int i) { return "v" + std::to_string(10000 + i); }

/// A pool with as many records as make it a large one: volumes, each in a vault, and a version.
struct Pool {
  samples::TempFolder folder;
  Store store = Store::create(folder / "state", samples::pool()).value();
  std::string path = folder / "tank-index";
  Uuid uuid = samples::pool().uuid;

  explicit Pool(int volumes = kVolumes) {
    RecordChange change;
    for (int i = 0; i < volumes; ++i) {
      change.vaults.push_back(samples::vault(name_of(i), i));
      change.volumes.push_back(samples::volume(name_of(i), i));
    }
    change.versions = {samples::version(name_of(0))};
    REQUIRE(store.apply(change));
  }

  /// As it looks when the last change was a while ago.
  std::optional<Records> look(Wanted wanted = Wanted::all) {
    return indexed_records(store, path, uuid, clock_now() + 10s, wanted, kFrom);
  }
  std::optional<Records> look_at_once() { return indexed_records(store, path, uuid, clock_now(), Wanted::all, kFrom); }
  bool has_index() { return fs::exists(path); }

  Volume changed(int i, const std::string& follows) {
    Volume v = samples::volume(name_of(i), i);
    v.follows = follows;
    return v;
  }
  void replace(int i, const std::string& follows) {
    RecordChange change;
    change.volumes = {changed(i, follows)};
    REQUIRE(store.apply(change));
  }
  void add_versions(int count) {
    RecordChange change;
    for (int i = 0; i < count; ++i)
      change.versions.push_back(samples::version(name_of(1), static_cast<std::uint64_t>(i) + 10));
    REQUIRE(store.apply(change));
  }
  void edit_in_place(int i, const std::string& follows) {
    put_file(store.folder() + "/volumes/" + name_of(i) + ".toml", state::encode(changed(i, follows)).value());
  }
};

/// Which files of a folder have been opened since it was last asked.
class Opened {
 public:
  explicit Opened(const std::string& folder) {
    REQUIRE(::inotify_add_watch(watch_.get(), folder.c_str(), IN_OPEN) >= 0);
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> names;
    std::array<char, 65536> events{};
    for (ssize_t got = 0; (got = ::read(watch_.get(), events.data(), events.size())) > 0;) {
      for (const char* at = events.data(); at < events.data() + got;) {
        inotify_event event{};
        std::memcpy(&event, at, sizeof event);
        if ((event.mask & IN_ISDIR) == 0) names.insert(at + sizeof event);
        at += sizeof event + event.len;
      }
    }
    return names;
  }

 private:
  UniqueFd watch_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
};

std::string follows(const std::optional<Records>& all, int i) {
  REQUIRE(all);
  return all->volumes.at(static_cast<std::size_t>(i)).follows;
}

}  // namespace

TEST_CASE("a large pool's index gives what the files say, and answers without them while its folders are unchanged") {
  Pool pool;
  const auto files = load_records(pool.store).value().records;
  for (int round = 0; round < 3; ++round) {
    const auto all = pool.look();
    REQUIRE(all);
    CHECK(all->vaults == files.vaults);
    CHECK(all->volumes == files.volumes);
    CHECK(all->versions == files.versions);
    CHECK(pool.has_index());
  }
  // No command does this, and so no listing has to find it out; with the next change it does.
  pool.edit_in_place(3, "edited");
  CHECK(follows(pool.look(), 3).empty());
  pool.replace(4, "replaced");
  CHECK(follows(pool.look(), 3) == "edited");
  CHECK(follows(pool.look(), 4) == "replaced");
}

TEST_CASE("the index notices what was replaced, what is new and what is gone, in each folder") {
  Pool pool;
  REQUIRE(pool.look());
  RecordChange change;
  Vault vault = samples::vault(name_of(7), 7);
  vault.repairs = 2;
  change.vaults = {vault, samples::vault("a.new", 5000)};
  change.volumes = {pool.changed(7, "seven"), samples::volume("a.new", 5000)};
  change.versions = {samples::version("a.new"), samples::version("zz.new")};
  change.gone_vaults = {name_of(8)};
  change.gone_volumes = {name_of(8)};
  change.gone_versions = {{name_of(0), 7}};
  REQUIRE(pool.store.apply(change));
  const auto files = load_records(pool.store).value().records;
  for (int round = 0; round < 2; ++round) {
    const auto all = pool.look();
    REQUIRE(all);
    CHECK(all->vaults == files.vaults);
    CHECK(all->volumes == files.volumes);
    CHECK(all->versions == files.versions);
  }
}

TEST_CASE("few volumes with many versions are no large pool for a listing, which reads no version") {
  Pool pool(kVolumes - 1);
  pool.add_versions(5000);
  const Opened opened(pool.store.folder() + "/versions");
  CHECK_FALSE(pool.look(Wanted::vaults_and_volumes));
  CHECK_FALSE(pool.has_index());
  CHECK(opened.names().empty());
  // They are for who looks at versions, and a listing leaves the index to them.
  REQUIRE(pool.look());
  static_cast<void>(opened.names());
  CHECK_FALSE(pool.look(Wanted::vaults_and_volumes));
  CHECK(pool.has_index());
  CHECK(pool.look()->versions.size() == 5001);
  CHECK(opened.names().empty());
}

TEST_CASE("a listing of a large pool reads no version, and who looks at versions then finds them all") {
  Pool pool(kVolumes + 1);
  pool.add_versions(5000);
  const auto files = load_records(pool.store).value().records;
  const bool known = GENERATE(false, true);
  if (known) REQUIRE(pool.look());
  const Opened opened(pool.store.folder() + "/versions");
  const auto list = [&](int i, const std::string& expected) {
    const auto listed = pool.look(Wanted::vaults_and_volumes);
    CHECK(follows(listed, i) == expected);
    CHECK(listed->vaults == files.vaults);
    CHECK(listed->versions.empty());
  };
  list(3, "");
  pool.replace(3, "three");  // the index is written anew
  list(3, "three");
  CHECK(opened.names().empty());
  const auto all = pool.look();
  REQUIRE(all);
  CHECK(all->versions == files.versions);
  CHECK(opened.names().size() == (known ? 0U : files.versions.size()));
}

TEST_CASE("versions that changed since they were last looked at are right after a listing that did not look at them") {
  Pool pool(kVolumes + 1);
  pool.add_versions(10);
  REQUIRE(pool.look());
  RecordChange change;
  change.versions = {samples::version("zz.new")};
  change.gone_versions = {{name_of(0), 7}};
  REQUIRE(pool.store.apply(change));
  pool.replace(3, "three");
  CHECK(follows(pool.look(Wanted::vaults_and_volumes), 3) == "three");
  CHECK(pool.look()->versions == load_records(pool.store).value().records.versions);
}

TEST_CASE("a version that cannot be read does not keep a listing from its index") {
  Pool pool(kVolumes + 1);
  put_file(pool.store.folder() + "/versions/" + name_of(0) + "@7.toml", "format = 1\n");
  REQUIRE(pool.look(Wanted::vaults_and_volumes));
  CHECK(pool.has_index());
  const Opened opened(pool.store.folder() + "/volumes");
  REQUIRE(pool.look(Wanted::vaults_and_volumes));
  CHECK(opened.names().empty());
}

TEST_CASE("only the files that have changed are read again, and none while the folders are the same") {
  Pool pool;
  REQUIRE(pool.look());
  const Opened opened(pool.store.folder() + "/volumes");
  REQUIRE(pool.look());
  CHECK(opened.names().empty());
  pool.replace(6, "six");
  static_cast<void>(opened.names());
  REQUIRE(pool.look());
  CHECK(opened.names() == std::set<std::string>{name_of(6) + ".toml"});
}

TEST_CASE("what was read when it had only just changed is read again later, though its times are still the same") {
  Pool pool;
  REQUIRE(pool.look_at_once());
  const Opened opened(pool.store.folder() + "/volumes");
  REQUIRE(pool.look());
  CHECK(opened.names().size() == kVolumes);
  REQUIRE(pool.look());
  CHECK(opened.names().empty());
}

TEST_CASE("what has only just changed is not trusted to stay as it is, nor what changes in the future") {
  const auto now = GENERATE(0s, -3600s);
  Pool pool;
  const auto look = [&] {
    return indexed_records(pool.store, pool.path, pool.uuid, clock_now() + now, Wanted::all, kFrom);
  };
  CHECK(follows(look(), 3).empty());
  CHECK(pool.has_index());
  pool.edit_in_place(3, "edited");
  CHECK(follows(look(), 3) == "edited");
  // Nor is a file trusted that is as young in a folder that is not: it may be written again in the same tick.
  CHECK(follows(pool.look(), 3) == "edited");
}

TEST_CASE("a clock that was set back does not make an old index right") {
  Pool pool;
  CHECK(follows(pool.look(), 3).empty());
  pool.edit_in_place(3, "edited");
  CHECK(follows(indexed_records(pool.store, pool.path, pool.uuid, clock_now() - 1h, Wanted::all, kFrom), 3) ==
        "edited");
}

TEST_CASE("a small pool has no index, and one that has become small loses it") {
  Pool pool(kVolumes - 1);
  CHECK_FALSE(pool.look());
  CHECK_FALSE(pool.has_index());
  RecordChange change;
  change.versions = {samples::version(name_of(1)), samples::version(name_of(2))};
  REQUIRE(pool.store.apply(change));
  CHECK(pool.look());
  CHECK(pool.has_index());
  change = {};
  change.gone_versions = {{name_of(1), 7}};
  REQUIRE(pool.store.apply(change));
  CHECK_FALSE(pool.look());
  CHECK_FALSE(pool.has_index());
}

TEST_CASE("a record that cannot be read is left to those who read the files, and there is no index then") {
  Pool pool;
  const bool had = GENERATE(false, true);
  if (had) REQUIRE(pool.look());
  put_file(pool.store.folder() + "/versions/" + name_of(0) + "@7.toml", "format = 1\n");
  RecordChange change;
  change.versions = {samples::version(name_of(1))};
  REQUIRE(pool.store.apply(change));
  CHECK_FALSE(pool.look());
  CHECK_FALSE(pool.has_index());
}

TEST_CASE("an index that is damaged, of another pool or not only ours to write is ignored and made anew") {
  Pool pool;
  REQUIRE(pool.look());
  const std::string good = get_file(pool.path);
  pool.edit_in_place(3, "edited");  // shows whether the files were read
  REQUIRE(follows(pool.look(), 3).empty());

  SECTION("cut short") { put_file(pool.path, good.substr(0, good.size() / 2)); }
  SECTION("empty") { put_file(pool.path, ""); }
  SECTION("another byte") {
    std::string bad = good;
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
    put_file(pool.path, bad);
  }
  SECTION("of another pool") {
    const Uuid other = samples::uuid(2);
    CHECK(follows(indexed_records(pool.store, pool.path, other, clock_now() + 10s, Wanted::all, kFrom), 3) == "edited");
    CHECK(get_file(pool.path) != good);
  }
  SECTION("others may write to it") { REQUIRE(::chmod(pool.path.c_str(), 0620) == 0); }
  SECTION("a link") {
    fs::rename(pool.path, pool.path + ".elsewhere");
    fs::create_symlink(pool.path + ".elsewhere", pool.path);
  }
  SECTION("a fifo") {
    fs::remove(pool.path);
    REQUIRE(::mkfifo(pool.path.c_str(), 0600) == 0);
  }
  CHECK(follows(pool.look(), 3) == "edited");
  struct stat st {};
  REQUIRE(::lstat(pool.path.c_str(), &st) == 0);
  CHECK(S_ISREG(st.st_mode));
  CHECK((st.st_mode & 0777U) == 0600U);
  pool.edit_in_place(3, "again");
  CHECK(follows(pool.look(), 3) == "edited");  // by the new index
}

TEST_CASE("where no index can be kept the files are read every time") {
  Pool pool;
  SECTION("there is no such folder") { pool.path = pool.folder / "none/tank-index"; }
  SECTION("something is in its way") { fs::create_directories(pool.path + "/full"); }
  SECTION("there is no space") { pool.path = "/dev/full/tank-index"; }
  CHECK(follows(pool.look(), 3).empty());
  pool.edit_in_place(3, "edited");
  CHECK(follows(pool.look(), 3) == "edited");
  CHECK_FALSE(fs::is_regular_file(pool.path));
}

TEST_CASE("an index is not written again while it says the same") {
  Pool pool;
  REQUIRE(pool.look_at_once());  // too young to trust any of it
  struct stat first {
  }, second{};
  REQUIRE(::stat(pool.path.c_str(), &first) == 0);
  REQUIRE(pool.look_at_once());
  REQUIRE(::stat(pool.path.c_str(), &second) == 0);
  CHECK(first.st_ino == second.st_ino);
}

TEST_CASE("an index comes back as it was written") {
  const state::Index index = samples::full_index();
  const std::string bytes = encode(index, samples::uuid(1));
  const auto back = state::decode_index(bytes, samples::uuid(1));
  REQUIRE(back);
  CHECK(back->vaults.folder == index.vaults.folder);
  CHECK(back->vaults.stamps == index.vaults.stamps);
  CHECK(back->vaults.records == index.vaults.records);
  CHECK(back->volumes.records == index.volumes.records);
  CHECK(back->versions.stamps == index.versions.stamps);
  CHECK(back->versions.records == index.versions.records);
  CHECK_FALSE(state::decode_index(bytes, samples::uuid(2)));
  CHECK_FALSE(state::decode_index(bytes + "x", samples::uuid(1)));
}

TEST_CASE("whatever a record may hold comes back from the index") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    samples::Random random(seed);
    state::Index index;
    index.vaults.put({1, 2, 3, 4}, random.vault());
    index.volumes.put({}, random.volume());
    index.versions.put({1, 2, -3, 4}, random.version());
    const auto back = state::decode_index(encode(index, samples::uuid(1)), samples::uuid(1));
    REQUIRE(back);
    REQUIRE(back->vaults.records == index.vaults.records);
    REQUIRE(back->volumes.records == index.volumes.records);
    REQUIRE(back->versions.records == index.versions.records);
    REQUIRE(back->versions.stamps == index.versions.stamps);
  }
}

TEST_CASE("an index with any byte missing or different is none") {
  const std::string bytes = encode(samples::full_index(), samples::uuid(1));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    INFO("byte " << i);
    REQUIRE_FALSE(state::decode_index(bytes.substr(0, i), samples::uuid(1)));
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bad = bytes;
      bad[i] = static_cast<char>(static_cast<std::uint8_t>(bad[i]) ^ (1U << bit));
      REQUIRE_FALSE(state::decode_index(bad, samples::uuid(1)));
    }
  }
}

TEST_CASE("behind a checksum that happens to be right nothing but good records is read either") {
  const std::string bytes = encode(samples::full_index(), samples::uuid(1)).substr(state::kShelvesAt);
  REQUIRE(state::decode_shelves(bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    INFO("byte " << i);
    REQUIRE_FALSE(state::decode_shelves(bytes.substr(0, i)));
    for (const unsigned value : {0U, 1U, 0x7fU, 0x80U, 0xffU}) {
      std::string bad = bytes;
      bad[i] = static_cast<char>(value);
      const auto back = state::decode_shelves(bad);
      if (!back) continue;
      for (const Vault& vault : back->vaults.records) REQUIRE(state::encode(vault));
      for (const Volume& volume : back->volumes.records) REQUIRE(state::encode(volume));
      for (const Version& version : back->versions.records) REQUIRE(state::encode(version));
    }
  }
}

TEST_CASE("an index that is not in order is none: what is looked up in it would not be found") {
  state::Index index = samples::full_index();
  std::swap(index.vaults.records[0], index.vaults.records[1]);
  CHECK_FALSE(state::decode_index(encode(index, samples::uuid(1)), samples::uuid(1)));
  index = samples::full_index();
  index.versions.records[1] = index.versions.records[0];
  CHECK_FALSE(state::decode_index(encode(index, samples::uuid(1)), samples::uuid(1)));
}

TEST_CASE("records are packed as the index's format says; who changes that raises kIndexFormat") {
  // FNV-1a of all that depends on fields.h and pack.h.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : encode(samples::full_index(), samples::uuid(1)).substr(state::kShelvesAt))
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  CHECK(hash == 0x77a97fcbc612dc44);
  CHECK(state::kIndexFormat == 1);
}
