// SPDX-License-Identifier: GPL-2.0-or-later
// Commands as a whole, from request to records and kernel.
#include <algorithm>
#include <cerrno>
#include <ctime>
#include <fstream>

#include "dm/targets.h"
#include "engine/core/session.h"
#include "model/device_names.h"
#include "state/host/pool_location.h"
#include "state/index.h"
#include "unit/engine/rig.h"

using namespace tclone;
using test::contains;
using test::Deed;
using test::error_of;
using test::Rig;

namespace {

/// Writes a word to the head of an active volume's device, or reads it.
void write_word(Rig& rig, const std::string& volume, const std::string& word) {
  std::fstream file(rig.mapper.path(device_names::volume("p", volume)),
                    std::ios::in | std::ios::out | std::ios::binary);
  file << word << " ";
}
std::string read_word(Rig& rig, const std::string& volume) {
  std::ifstream file(rig.mapper.path(device_names::volume("p", volume)), std::ios::binary);
  std::string word;
  file >> word;
  return word.substr(0, word.find('\0'));
}

std::string restart(Rig& rig, const std::string& name, const std::string& to, bool refresh, bool if_newer = false) {
  engine::Reset r;
  r.name = name;
  r.to = to;
  r.if_newer = if_newer;
  return error_of(refresh ? engine::refresh(rig.env, r) : engine::revert(rig.env, r));
}

}  // namespace

TEST_CASE_METHOD(Rig, "a created volume is active, in a vault of its own, with a key file") {
  const auto out = create("db");
  CHECK(out.device == mapper.path("tclone-p-db"));
  CHECK(key_files().size() == 1);
  const Vault vault = *store().vault("db");
  CHECK(vault.volumes == 1);
  CHECK(vault.writable == kMiB * 8);
  CHECK(vault.provisioned <= vault.metadata);
  CHECK(mapper.device("tclone-p-db")->udev == dm::Udev::visible);
  check_whole();
}

TEST_CASE_METHOD(Rig, "a plain volume has neither header nor key") {
  create("open", true);
  CHECK(luks.headers().empty());
  CHECK(key_files().empty());
  CHECK(mapper.device(device_names::vault_crypt("p", store().vault("open")->outer)) == nullptr);
  check_whole();
}

TEST_CASE_METHOD(Rig, "an own-key clone has a key of its own and stands on the version, read-only") {
  create("db");
  publish({"db"});
  clone("db@1", "web");
  CHECK(key_files().size() == 2);
  const Volume web = *store().volume("web");
  CHECK(web.own_key);
  CHECK(web.origin == web.basis);
  REQUIRE(mapper.device("tclone-p-db@1") != nullptr);
  CHECK(mapper.device("tclone-p-db@1")->read_only);
  CHECK(mapper.device("tclone-p-web")->udev == dm::Udev::low_priority);
  check_whole();
}

TEST_CASE_METHOD(Rig,
                 "a clone of a volume publishes a version first, and a shared one is a snapshot in the same vault") {
  create("db");
  const auto out = clone("db", "dev", true);
  CHECK(out.versions.size() == 1);
  const Volume dev = *store().volume("dev");
  CHECK(dev.vault == "db");
  CHECK_FALSE(dev.own_key);
  CHECK_FALSE(dev.basis);
  CHECK(store().vault("db")->volumes == 2);
  CHECK(key_files().size() == 1);
  check_whole();
}

TEST_CASE_METHOD(Rig, "a publish of several suspends all, then snapshots all, then resumes all") {
  populate();
  mapper.clear_calls();
  publish({"dev", "web", "db"});
  std::string order;
  for (const std::string& call : mapper.calls()) {
    if (call.rfind("suspend tclone-p-", 0) == 0 && !contains(call, "_")) order += 's';
    if (contains(call, "create_snap")) order += 'm';
    if (call.rfind("resume tclone-p-", 0) == 0 && !contains(call, "_")) order += 'r';
  }
  CHECK(order == "sssmmmrrr");
  check_whole();
}

TEST_CASE_METHOD(Rig,
                 "what is cached of a volume is written before it is suspended, and while others may have the pool") {
  populate();
  std::vector<std::string> written;
  env.write_out = [&](auto, auto, const std::string& device) {
    CHECK(PoolLock::take(file("run/p.lock"), "somebody else", std::chrono::milliseconds(0)));
    written.push_back(device);
    mapper.clear_calls();
  };
  const auto was_written = [&](const std::function<void()>& act, const std::vector<std::string>& expected) {
    written.clear();
    act();
    CHECK(written == expected);
    if (expected.empty()) return;
    const auto calls = mapper.calls();  // since the last of it was written
    CHECK(std::any_of(calls.begin(), calls.end(), [](const auto& c) { return c.starts_with("suspend tclone-p-db"); }));
  };
  was_written([&] { publish({"db"}); }, {});  // nobody has it open
  mapper.hold("tclone-p-db", 1);
  const std::string db = mapper.path("tclone-p-db");
  was_written([&] { publish({"db", "dev"}); }, {db});
  was_written([&] { clone("db", "live"); }, {db});
  was_written([&] { clone("db@1", "old"); }, {});
  env.dry_run = true;
  was_written([&] { publish({"db"}); }, {});
  env.dry_run = false;
  mapper.hold("tclone-p-db", 0);
}

TEST_CASE_METHOD(Rig, "who waits for the lock has nothing of the pool open") {
  populate();
  const auto held = PoolLock::take(file("run/p.lock"), "tclone pool deactivate", std::chrono::milliseconds(0));
  int asked = 0;
  env.stop = [&] {
    ++asked;
    for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;  // that of the iterator itself
      CHECK_FALSE(contains(std::filesystem::read_symlink(fd.path(), gone).string(), file("lib")));
    }
    return false;
  };
  CHECK(error_of(engine::publish(env, {"p", {"db"}, {}, {}})) != "");
  CHECK(asked > 0);
}

TEST_CASE_METHOD(Rig, "a revert that starts over keeps key and header and gives the space back") {
  create("db");
  publish({"db"});
  clone("db@1", "web");
  const auto keys = key_files();
  const Vault vault = *store().vault("web");
  write_word(*this, "web", "mine");
  CHECK(restart(*this, "web", "", false) == "");
  CHECK(key_files() == keys);
  CHECK(luks.destroyed().empty());
  CHECK(store().vault("web")->header == vault.header);
  CHECK(store().volume("web")->thin.n > 0);
  CHECK(read_word(*this, "web") == "");
  CHECK(mapper.device("tclone-p-web") != nullptr);
  check_whole();
}

TEST_CASE_METHOD(Rig, "a device that has the name of a volume to come is refused and left alone") {
  populate();
  for (const char* name : {"tclone-p-x", "tclone-p-y"}) {
    const std::vector<dm::Piece> piece{{"/dev/base", {0}, to_sectors(kMiB)}};
    REQUIRE(mapper.create({name, std::string("somebody-") + name, dm::linear(piece)}));
  }
  engine::Create create_x;
  create_x.name = "x";
  create_x.size = kMiB * 8;
  CHECK(engine::create(env, create_x).error().code == Code::exists);
  engine::Clone clone_y;
  clone_y.source = "db@1";
  clone_y.name = "y";
  CHECK(engine::clone(env, clone_y).error().code == Code::exists);
  CHECK(engine::rename(env, {"p", "web"}, "x").error().code == Code::exists);
  for (const char* name : {"tclone-p-x", "tclone-p-y"}) {
    CHECK(mapper.device(name) != nullptr);
    REQUIRE(mapper.remove(name, {}));
  }
  check_whole();
}

TEST_CASE("what comes into a vault that waited to be started over is still there when it is opened again") {
  const std::vector<std::pair<const char*, std::function<void(Rig&)>>> deeds{
      {"publish", [](Rig& rig) { rig.publish({"solo"}); }},
      {"shared-key clone", [](Rig& rig) { rig.clone("solo", "branch", true); }},
      {"resize",
       [](Rig& rig) {
         REQUIRE_OK(engine::resize(rig.env, {"p", "solo"}, kGiB * 4));
       }},
      {"activate, then publish", [](Rig& rig) {
         REQUIRE_OK(engine::activate(rig.env, {"p", {"solo"}, false}));
         rig.publish({"solo"});
       }}};
  for (const auto& [what, act] : deeds) {
    INFO(what);
    Rig rig;
    rig.populate();
    rig.deactivate_all();
    CHECK(restart(rig, "solo", "", false) == "");
    CHECK(rig.store().vault("solo")->pending.format);
    act(rig);
    CHECK_FALSE(rig.store().vault("solo")->pending.format);
    REQUIRE_OK(engine::activate(rig.env, {"p", {"solo"}, false}));
    write_word(rig, "solo", "kept");
    rig.deactivate_all();
    REQUIRE_OK(engine::activate(rig.env, {"p", {"solo"}, false}));
    CHECK(read_word(rig, "solo") == "kept");
    rig.check_whole();
  }
}

TEST_CASE_METHOD(Rig, "a refresh goes to the newest version followed, and if-newer leaves a fresh one alone") {
  populate();
  CHECK(restart(*this, "solo", "", true) == "");
  CHECK(store().volume("solo")->origin->number == 2);
  engine::Reset r;
  r.name = "solo";
  r.if_newer = true;
  const auto again = engine::refresh(env, r);
  REQUIRE(again);
  CHECK_FALSE(again->changed);
  check_whole();
}

TEST_CASE_METHOD(Rig,
                 "a volume that was active stays active under its name through a revert; a closed one stays closed") {
  populate();
  CHECK(restart(*this, "web", "1", false) == "");
  CHECK(mapper.device("tclone-p-web") != nullptr);
  deactivate_all();
  CHECK(restart(*this, "web", "1", false) == "");
  CHECK(mapper.device("tclone-p-web") == nullptr);
  CHECK(devices().size() == 3);
}

TEST_CASE_METHOD(Rig, "a clone takes a vault made ahead with its key, and no two clones take the same") {
  populate();
  std::vector<std::string> refilled;
  env.refill = [&](const std::string& which) { refilled.push_back(which); };
  clone("db@1", "plainly");
  CHECK(refilled.empty());
  stock(2);
  const auto keys = key_files();
  std::set<std::uint32_t> ahead;
  for (const Vault& v : records().vaults) {
    if (v.stock) ahead.insert(v.outer.n);
  }
  REQUIRE(ahead.size() == 2);
  clone("db@1", "first");
  clone("db@1", "second");
  CHECK(refilled == std::vector<std::string>{"p", "p"});
  CHECK(key_files() == keys);
  const Vault first = store().vault("first").value(), second = store().vault("second").value();
  CHECK(std::set{first.outer.n, second.outer.n} == ahead);
  CHECK_FALSE(first.stock);
  clone("db@1", "third");
  CHECK(ahead.count(store().vault("third")->outer.n) == 0);
  stock(0);
  check_whole();
}

TEST_CASE_METHOD(Rig, "only a clone with the usual key takes a vault made ahead, and only where its key file is") {
  populate();
  stock(1);
  const auto ahead = [&] {
    const Records all = records();
    return std::count_if(all.vaults.begin(), all.vaults.end(), [](const Vault& v) { return v.stock; });
  };
  clone("db@1", "shared", true);
  engine::Clone into;
  into.source = "db@1";
  into.name = "into";
  for (const Vault& v : records().vaults) {
    if (v.stock) into.vault = v.name;
  }
  CHECK(engine::clone(env, into).error().code == Code::usage);
  CHECK(ahead() == 1);
  for (const Vault& v : records().vaults) {
    if (v.stock) std::filesystem::rename(file("etc/keys/" + v.uuid.text() + ".key"), file("etc/keys/away"));
  }
  clone("db@1", "made");
  CHECK(ahead() == 1);
}

TEST_CASE_METHOD(Rig, "nothing that something may stand on is removed while a record is lost") {
  populate();
  const auto move = [&](const std::string& from, const std::string& to) {
    for (const char* name : {"web", "solo"})
      std::filesystem::rename(file(from + name + ".toml"), file(to + name + ".toml"));
  };
  move("lib/p/volumes/", "");
  for (const char* name : {"db@1", "db"}) CHECK(engine::remove(env, {"p", name}).error().code == Code::damaged);
  move("", "lib/p/volumes/");
  CHECK(engine::remove(env, {"p", "db@1"}).error().code == Code::exists);
  check_whole();
}

TEST_CASE_METHOD(Rig, "rm destroys the header before the outer thin goes, and the key file") {
  populate();
  const std::string outer = std::to_string(store().vault("solo")->outer.n);
  REQUIRE_OK(engine::remove(env, {"p", "solo"}));
  CHECK(luks.destroyed().size() == 1);
  CHECK_FALSE(store().has_volume("solo"));
  CHECK_FALSE(store().has_vault("solo"));
  CHECK(outer_thins().count(static_cast<std::uint32_t>(std::stoul(outer))) == 0);
  check_whole();
}

TEST_CASE_METHOD(Rig, "what own-key clones stand on cannot be removed, and the refusal names them") {
  populate();
  const auto refused = engine::remove(env, {"p", "db@1"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::exists);
  CHECK(contains(refused.error().text(), "solo"));
  CHECK(contains(refused.error().text(), "web"));
  CHECK(engine::remove(env, {"p", "db"}).error().code == Code::exists);
  check_whole();
}

TEST_CASE_METHOD(Rig, "a rename takes versions, clones' records, the vault and active devices along") {
  populate();
  REQUIRE_OK(engine::rename(env, {"p", "db"}, "data"));
  CHECK(mapper.device("tclone-p-data") != nullptr);
  CHECK(mapper.device("tclone-p-db") == nullptr);
  CHECK(mapper.device("tclone-p-data@1") != nullptr);
  CHECK(store().volume("web")->origin->text() == "data@1");
  CHECK(store().version("web", 1)->basis->text() == "data@1");
  CHECK(store().volume("dev")->vault == "data");
  create("db");
  check_whole();
}

TEST_CASE_METHOD(Rig, "a resize raises the record, the capacity and the active device; volumes are not shrunk") {
  populate();
  REQUIRE_OK(engine::resize(env, {"p", "web"}, kGiB * 4));
  CHECK(to_bytes(mapper.table("tclone-p-web")->front().length) == kGiB * 4);
  CHECK(store().vault("web")->capacity >= kGiB * 4);
  CHECK(engine::resize(env, {"p", "web"}, kGiB).error().code == Code::usage);
  check_whole();
}

TEST_CASE_METHOD(Rig, "room that was written down but not made is made by the next operation") {
  populate();
  mapper.fail_next("reload", EIO);
  CHECK_FALSE(engine::resize(env, {"p", "web"}, kGiB * 4));
  REQUIRE_OK(engine::resize(env, {"p", "web"}, kGiB * 4));
  CHECK(to_bytes(mapper.table(device_names::vault_data("p", store().vault("web")->outer))->front().length) >= kGiB * 4);
  check_whole();
}

TEST_CASE("a dry run tells the steps and changes nothing") {
  for (const Deed& deed : test::deeds()) {
    for (const bool closed : {false, true}) {
      INFO(deed.name);
      Rig rig;
      rig.populate();
      if (closed) rig.deactivate_all();
      const auto files = rig.files();
      const auto devices = rig.devices();
      const auto keys = rig.key_files();
      rig.mapper.clear_calls();
      rig.env.dry_run = true;
      CHECK(deed.act(rig) == "");
      CHECK(rig.mapper.calls().empty());
      CHECK(rig.files() == files);
      CHECK(rig.devices() == devices);
      CHECK(rig.key_files() == keys);
    }
  }
}

TEST_CASE("ids of an operation that was undone are not given out again") {
  Rig rig;
  rig.populate();
  const PoolRecord before = *rig.store().pool();
  const std::uint32_t inner = rig.store().vault("db")->next_thin;
  rig.mapper.fail_next("message:set_transaction_id", EIO);
  engine::Clone own;
  own.source = "db";
  own.name = "copy";
  CHECK_FALSE(engine::clone(rig.env, own));
  CHECK_FALSE(rig.store().has_volume("copy"));
  CHECK(rig.store().pool()->transaction == before.transaction);
  CHECK(rig.store().pool()->next_outer == before.next_outer + 1);
  CHECK(rig.store().vault("db")->next_thin == inner + 1);
  REQUIRE_OK(engine::clone(rig.env, own));
  CHECK(rig.store().vault("copy")->outer.n == before.next_outer + 1);
  rig.check_whole();
}

TEST_CASE("a kernel that is at another transaction than the records is refused, naming both") {
  Rig rig;
  rig.populate();
  const std::uint64_t at = rig.store().pool()->transaction;
  REQUIRE(rig.mapper.message(device_names::outer_pool("p"), dm::set_transaction_id(at, at + 7)));
  const auto files = rig.files();
  for (const Deed& deed : test::deeds()) {
    const std::string error = deed.act(rig);
    CHECK(contains(error, " " + std::to_string(at) + ","));
    CHECK(contains(error, " " + std::to_string(at + 7) + ","));
  }
  CHECK(rig.files() == files);
}

TEST_CASE("a lineage that is a cycle is refused, not followed for ever") {
  Rig rig;
  rig.populate();
  rig.deactivate_all();
  RecordChange change;
  Version db = *rig.store().version("db", 1);
  db.basis = rig.store().version("web", 1)->ref();
  change.versions = {db};
  REQUIRE(rig.store().apply(change));
  engine::Activation wanted;
  wanted.names = {"web"};
  const auto refused = engine::activate(rig.env, wanted);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::damaged);
  CHECK(contains(refused.error().text(), "cycle"));
}

TEST_CASE("a missing key blocks its own vault and nothing else") {
  Rig rig;
  rig.populate();
  rig.deactivate_all();
  const Uuid web = rig.store().vault("web")->uuid;
  std::filesystem::remove(rig.file("etc/keys/" + web.text() + ".key"));
  engine::Activation wanted;
  wanted.names = {"web"};
  const auto refused = engine::activate(rig.env, wanted);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::key);
  wanted.names = {"dev"};
  REQUIRE_OK(engine::activate(rig.env, wanted));
  REQUIRE_OK(engine::remove(rig.env, {"p", "web"}));
}

TEST_CASE_METHOD(Rig, "a snapshot that took longer than writers may wait is undone") {
  create("db");
  mapper.on_message = [this](const std::string& text) {
    if (text.rfind("create_snap", 0) == 0) mapper.fire_guards();
  };
  mapper.expect_violations();  // the snapshot of a device that runs again is just what is to be thrown away
  engine::Publish r;
  r.names = {"db"};
  const auto late = engine::publish(env, r);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Code::busy);
  CHECK(store().volume("db")->versions.empty());
  CHECK(mapper.pool(device_names::vault_pool("p", store().vault("db")->outer)).thins.size() == 1);
}

TEST_CASE("which pool is meant: the one named, the default, the only one") {
  Rig rig;
  CHECK(*engine::resolve_pool(rig.env, "other") == "other");
  CHECK(engine::resolve_pool(rig.env, "with-dash").error().code == Code::usage);
  CHECK(*engine::resolve_pool(rig.env, "") == "p");
  REQUIRE(write_pool_location(rig.file("etc"), {"q", Uuid::random(), {"/dev/other"}, false}));
  const auto several = engine::resolve_pool(rig.env, "");
  REQUIRE_FALSE(several);
  CHECK(several.error().code == Code::usage);
  CHECK(contains(several.error().text(), "p q"));
  std::ofstream(rig.file("etc/tclone.toml")) << "format = 1\ndefault_pool = \"q\"\n# end\n";
  CHECK(*engine::resolve_pool(rig.env, "") == "q");
  REQUIRE(forget_pool_location(rig.file("etc"), "p"));
  std::filesystem::remove(rig.file("etc/tclone.toml"));
  REQUIRE(forget_pool_location(rig.file("etc"), "q"));
  CHECK(engine::resolve_pool(rig.env, "").error().code == Code::not_found);
}

TEST_CASE_METHOD(Rig, "looking at a large pool goes by its index, and whatever changes something by the files") {
  create("db", true);
  publish({"db"});
  RecordChange change;
  for (std::size_t i = 0; i < kIndexFrom / 2; ++i) {
    Volume volume = store().volume("db").value();
    Vault vault = store().vault("db").value();
    volume.name = volume.vault = vault.name = "v" + std::to_string(i);
    volume.versions.clear();
    volume.tags.clear();
    volume.origin = store().version("db", 1)->ref();
    change.vaults.push_back(vault);
    change.volumes.push_back(volume);
  }
  REQUIRE(store().apply(change));
  env.now = [] { return std::time(nullptr) + 10; };  // all of it is a while ago
  const auto active = [&](const std::string& name) {
    const auto all = engine::list(env, "p");
    REQUIRE_OK(all);
    CHECK(all->size() == kIndexFrom / 2 + 1);
    return std::find_if(all->begin(), all->end(), [&](const auto& v) { return v.record.name == name; })->active;
  };
  CHECK(active("db"));
  CHECK_FALSE(active("v7"));
  CHECK(std::filesystem::exists(file("run/p-index")));

  // In place, as no command does it: only who reads the file finds out.
  std::ofstream(file("lib/p/volumes/v7.toml")) << "format = 1\n";
  CHECK_FALSE(active("v7"));
  CHECK(engine::tree(env, "p")->at(0).below.at(0).below.size() == kIndexFrom / 2);
  CHECK(engine::history(env, {"p", "db"})->at(0).clones.size() == kIndexFrom / 2);
  CHECK(engine::show(env, {"p", "db@1"})->version->clones.size() == kIndexFrom / 2);
  CHECK(contains(error_of(engine::rename(env, {"p", "db"}, "db2")), "volumes/v7.toml"));

  // With the next change the listing finds out as well, and says what it says of a small pool.
  REQUIRE_OK(engine::publish(env, {"p", {"db"}, {}, {}}));
  CHECK(contains(error_of(engine::list(env, "p")), "volumes/v7.toml"));
  CHECK_FALSE(std::filesystem::exists(file("run/p-index")));
}

TEST_CASE_METHOD(
    Rig, "a vault that waits for space in a full pool is waited for once a command, whatever it activates there") {
  create("db");
  publish({"db"});
  publish({"db"});
  const std::string inner = device_names::vault_pool("p", store().vault("db")->outer);
  mapper.set_pool_mode("tclone-p-_pool", dm::PoolMode::out_of_data_space);
  mapper.stall(inner);
  engine::Activation of;
  of.names = {"db@1", "db@2"};
  const auto done = engine::activate(env, of);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::no_space);
  CHECK(contains(done.error().text(), "waits for space"));
  CHECK(mapper.device("tclone-p-db@2") == nullptr);
  CHECK(mapper.given_up() == 1);
}

TEST_CASE_METHOD(Rig, "a removal within a vault that waits for a full pool is refused before it is begun") {
  create("db");
  publish({"db"});
  clone("db@1", "dev", true);
  const std::string inner = device_names::vault_pool("p", store().vault("db")->outer);
  mapper.set_pool_mode("tclone-p-_pool", dm::PoolMode::out_of_data_space);
  mapper.stall(inner);
  const auto before = files();
  for (const char* name : {"dev", "db@1"}) {
    const auto done = engine::remove(env, {"p", name});
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::no_space);
    CHECK(contains(done.error().text(), "waits for space"));
  }
  CHECK(files() == before);
}

TEST_CASE_METHOD(Rig, "a deactivate that is interrupted closes the vault of what it has taken down") {
  create("db");
  create("other");
  env.stop = [this] { return mapper.device("tclone-p-db") == nullptr; };
  const auto stopped = engine::deactivate(env, {"p", {"db", "other"}, false});
  REQUIRE_FALSE(stopped.has_value());
  CHECK(contains(stopped.error().text(), "interrupted"));
  CHECK(mapper.device("tclone-p-other") != nullptr);
  CHECK(mapper.device(device_names::vault_pool("p", store().vault("db")->outer)) == nullptr);
}
