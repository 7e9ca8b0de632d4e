// SPDX-License-Identifier: GPL-2.0-or-later
// The store on a real filesystem: replacement, left-overs of crashes, and what it refuses to open.
#include "state/store.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "state/records.h"
#include "unit/catch.h"
#include "unit/state/samples.h"

using namespace tclone;
namespace fs = std::filesystem;

namespace {

void put_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
std::string get_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

RecordChange db_change() {
  RecordChange change;
  change.pool = samples::pool();
  change.vaults = {samples::vault()};
  change.volumes = {samples::volume()};
  change.versions = {samples::version()};
  return change;
}

template <class T>
Code code_of(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error().code;
}

struct Made {
  samples::TempFolder folder;
  std::string path = folder / "state";
  Store store = Store::create(path, samples::pool()).value();
};

}  // namespace

TEST_CASE("a store is created once and opened again") {
  const samples::TempFolder folder;
  CHECK(code_of(Store::open(folder / "none")) == Code::not_found);
  CHECK(code_of(Store::open(folder.path())) == Code::not_found);
  REQUIRE(Store::create(folder / "state", samples::pool()));
  CHECK(code_of(Store::create(folder / "state", samples::pool())) == Code::exists);
  const auto store = Store::open(folder / "state");
  REQUIRE(store);
  CHECK(store->pool().value() == samples::pool());
  CHECK(store->vault_names().value().empty());
  CHECK_FALSE(store->journal().value().has_value());
}

TEST_CASE("a bad pool record makes no store") {
  const samples::TempFolder folder;
  PoolRecord bad = samples::pool();
  bad.uuid = Uuid{};
  CHECK(code_of(Store::create(folder / "state", bad)) == Code::usage);
  CHECK_FALSE(fs::exists(folder / "state"));
}

TEST_CASE("a change is applied, applied again, and taken back") {
  Made m;
  const RecordChange change = db_change();
  for (int i = 0; i < 2; ++i) {
    REQUIRE(m.store.apply(change));
    CHECK(m.store.vault("db").value() == samples::vault());
    CHECK(m.store.volume("db").value() == samples::volume());
    CHECK(m.store.version("db", 7).value() == samples::version());
    CHECK(m.store.volume_names().value() == std::vector<std::string>{"db"});
    CHECK(m.store.version_names().value() == std::vector<std::pair<std::string, std::uint64_t>>{{"db", 7}});
    CHECK(m.store.has_volume("db"));
    CHECK(m.store.has_vault("db"));
  }
  RecordChange gone;
  gone.gone_vaults = {"db"};
  gone.gone_volumes = {"db"};
  gone.gone_versions = {{"db", 7}};
  for (int i = 0; i < 2; ++i) {
    REQUIRE(m.store.apply(gone));
    CHECK(code_of(m.store.volume("db")) == Code::not_found);
    CHECK(code_of(m.store.version("db", 7)) == Code::not_found);
    CHECK_FALSE(m.store.has_volume("db"));
  }
}

TEST_CASE("a store that keeps what it reads gives it again until a change is applied") {
  Made made;
  REQUIRE(made.store.apply(db_change()));
  const std::string file = made.path + "/vaults/db.toml";
  const std::string text = get_file(file);
  REQUIRE(made.store.vault("db"));

  // Without the lock each look is a new one.
  put_file(file, "no record");
  CHECK(code_of(made.store.vault("db")) == Code::damaged);
  put_file(file, text);

  made.store.keep_what_is_read();
  REQUIRE(made.store.vault("db"));
  put_file(file, "no record");
  CHECK(made.store.vault("db").has_value());

  RecordChange change;
  change.vaults = {samples::vault()};
  change.vaults.front().volumes += 1;
  REQUIRE(made.store.apply(change));
  // What was written is what somebody else reads, and is not read again.
  CHECK(made.store.vault("db").value() == Store::open(made.path)->vault("db").value());
  CHECK(made.store.vault("db").value().volumes == change.vaults.front().volumes);
  put_file(file, "no record");
  CHECK(made.store.vault("db").has_value());
  change = {};
  change.gone_vaults = {"db"};
  REQUIRE(made.store.apply(change));
  CHECK(code_of(made.store.vault("db")) == Code::not_found);

  // Nor does it keep what went wrong.
  CHECK(code_of(made.store.volume("none")) == Code::not_found);
  change = {};
  change.volumes = {samples::volume()};
  change.volumes.front().name = "none";
  REQUIRE(made.store.apply(change));
  CHECK(made.store.volume("none").has_value());
}

TEST_CASE("a change with one bad record changes nothing") {
  Made m;
  RecordChange change = db_change();
  change.versions[0].message = "\x1b[2J";
  CHECK(code_of(m.store.apply(change)) == Code::usage);
  change = db_change();
  change.gone_volumes = {"../pool"};
  CHECK(code_of(m.store.apply(change)) == Code::usage);
  change = db_change();
  change.gone_volumes = {"db"};
  CHECK(code_of(m.store.apply(change)) == Code::usage);
  CHECK(m.store.vault_names().value().empty());
  CHECK(fs::is_empty(m.path + "/vaults"));
}

TEST_CASE("temp files a crash left are passed over and overwritten") {
  Made m;
  put_file(m.path + "/vaults/.db.toml.tmp", "half a rec");
  put_file(m.path + "/.journal.toml.tmp", "half a jour");
  put_file(m.folder / "victim", "precious");
  fs::create_symlink(m.folder / "victim", m.path + "/volumes/.db.toml.tmp");
  CHECK(m.store.vault_names().value().empty());
  CHECK_FALSE(m.store.journal().value().has_value());
  REQUIRE(m.store.apply(db_change()));
  CHECK(m.store.vault("db").value() == samples::vault());
  CHECK(get_file(m.folder / "victim") == "precious");
  CHECK_FALSE(fs::exists(m.path + "/vaults/.db.toml.tmp"));
  REQUIRE(m.store.write_journal(samples::journal()));
  CHECK(m.store.journal().value().value() == samples::journal());
}

TEST_CASE("a crash anywhere between the renames is mended by applying the change again") {
  Made m;
  REQUIRE(m.store.apply(db_change()));
  RecordChange next = db_change();
  next.vaults[0].capacity = kGiB * 40;
  next.volumes[0].size = kGiB * 20;
  next.pool->transaction = 8;
  // The states a crash can leave: every temp file there, and any prefix of the renames done.
  const std::vector<std::pair<std::string, std::string>> files{
      {"vaults/db.toml", state::encode(next.vaults[0]).value()},
      {"versions/db@7.toml", state::encode(next.versions[0]).value()},
      {"volumes/db.toml", state::encode(next.volumes[0]).value()},
      {"pool.toml", state::encode(*next.pool).value()}};
  for (std::size_t done = 0; done <= files.size(); ++done) {
    REQUIRE(m.store.apply(db_change()));
    for (std::size_t i = 0; i < files.size(); ++i) {
      const fs::path file = fs::path(m.path) / files[i].first;
      const fs::path temp = file.parent_path() / ("." + file.filename().string() + ".tmp");
      put_file(i < done ? file : temp, files[i].second);
    }
    REQUIRE(m.store.vault("db"));
    REQUIRE(m.store.volume("db"));
    REQUIRE(m.store.apply(next));
    CHECK(m.store.vault("db").value() == next.vaults[0]);
    CHECK(m.store.volume("db").value() == next.volumes[0]);
    CHECK(m.store.pool().value() == *next.pool);
    for (const auto& entry : fs::recursive_directory_iterator(m.path)) CHECK(entry.path().extension() != ".tmp");
  }
}

TEST_CASE("there is one journal at a time") {
  Made m;
  REQUIRE(m.store.write_journal(samples::journal()));
  CHECK(code_of(m.store.write_journal(samples::journal())) == Code::exists);
  REQUIRE(m.store.clear_journal());
  REQUIRE(m.store.clear_journal());
  CHECK_FALSE(m.store.journal().value().has_value());
  put_file(m.path + "/journal.toml", "format = 1\n");
  CHECK(code_of(m.store.journal()) == Code::damaged);
  put_file(m.path + "/journal.toml", "");
  CHECK(code_of(m.store.journal()) == Code::damaged);
}

TEST_CASE("what is no record is refused, whatever it is") {
  Made m;
  REQUIRE(m.store.apply(db_change()));
  for (const char* bad : {"../pool", "", "/etc/passwd", ".", "..", "DB", "a/b", "db\n"}) {
    CHECK(code_of(m.store.volume(bad)) == Code::usage);
    CHECK(code_of(m.store.vault(bad)) == Code::usage);
    CHECK(code_of(m.store.version(bad, 1)) == Code::usage);
    CHECK_FALSE(m.store.has_volume(bad));
  }
  CHECK(code_of(m.store.volume(std::string("db\0x", 4))) == Code::usage);
  fs::create_symlink("db.toml", m.path + "/volumes/link.toml");
  CHECK(code_of(m.store.volume("link")) == Code::damaged);
  REQUIRE(::mkfifo((m.path + "/volumes/fifo.toml").c_str(), 0600) == 0);
  CHECK(code_of(m.store.volume("fifo")) == Code::damaged);
  REQUIRE(::mknod((m.path + "/volumes/socket.toml").c_str(), S_IFSOCK | 0600, 0) == 0);
  CHECK(code_of(m.store.volume("socket")) == Code::damaged);
  fs::create_directory(m.path + "/volumes/dir.toml");
  CHECK(code_of(m.store.volume("dir")) == Code::damaged);
  put_file(m.path + "/volumes/big.toml", "");
  fs::resize_file(m.path + "/volumes/big.toml", (16U << 20U) + 1);
  CHECK(code_of(m.store.volume("big")) == Code::damaged);
  fs::copy_file(m.path + "/volumes/db.toml", m.path + "/volumes/other.toml");
  CHECK(m.store.volume("other").error().text().find("volumes/other.toml:3: name: differs") == 0);
  put_file(m.path + "/volumes/UPPER.toml", "");
  put_file(m.path + "/volumes/db.toml~", "");
  CHECK(m.store.volume_names().value() ==
        std::vector<std::string>{"big", "db", "dir", "fifo", "link", "other", "socket"});

  fs::rename(m.path + "/vaults", m.folder / "elsewhere");
  fs::create_directory_symlink(m.folder / "elsewhere", m.path + "/vaults");
  // By who opens it now: a folder that was used before stays the one that it was.
  Store now = Store::open(m.path).value();
  CHECK_FALSE(now.vault("db"));
  CHECK_FALSE(now.vault_names());
  CHECK_FALSE(now.apply(db_change()));
}

TEST_CASE("readers see the old record or the new one while a writer replaces it") {
  Made m;
  RecordChange small = db_change();
  RecordChange large = db_change();
  large.versions[0].message = std::string(20000, 'x');
  REQUIRE(m.store.apply(small));
  const pid_t writer = ::fork();
  REQUIRE(writer >= 0);
  if (writer == 0) {
    for (;;)
      if (!m.store.apply(large) || !m.store.apply(small)) ::_exit(1);
  }
  int seen_large = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  bool complete = true;
  while (complete && std::chrono::steady_clock::now() < end) {
    const auto version = m.store.version("db", 7);
    complete = version && (*version == small.versions[0] || *version == large.versions[0]);
    if (complete && *version == large.versions[0]) ++seen_large;
  }
  int status = 0;
  CHECK(::waitpid(writer, &status, WNOHANG) == 0);
  ::kill(writer, SIGKILL);
  ::waitpid(writer, &status, 0);
  CHECK(complete);
  CHECK(seen_large > 0);
  // Killed in the middle of whatever it did, it left a store that reads and takes the next change.
  CHECK(m.store.version("db", 7));
  CHECK(m.store.apply(small));
}

TEST_CASE("durable writes are counted") {
  Made m;
  std::uint64_t before = durable_writes();
  REQUIRE(m.store.write_journal(samples::journal()));
  CHECK(durable_writes() - before == 1);
  before = durable_writes();
  REQUIRE(m.store.apply(db_change()));
  CHECK(durable_writes() - before == 1);
  before = durable_writes();
  REQUIRE(m.store.clear_journal());
  CHECK(durable_writes() == before);
}

TEST_CASE("the time of one operation's writes", "[.measure]") {
  Made m;
  constexpr int kRounds = 100;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds; ++i) {
    REQUIRE(m.store.write_journal(samples::journal()));
    REQUIRE(m.store.apply(db_change()));
    REQUIRE(m.store.clear_journal());
  }
  const auto took = std::chrono::steady_clock::now() - start;
  std::cout << "journal, apply, clear: " << std::chrono::duration<double, std::micro>(took).count() / kRounds
            << " us\n";
}
