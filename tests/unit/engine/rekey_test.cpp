// SPDX-License-Identifier: GPL-2.0-or-later
// A new volume key: what it refuses, which keys come along, and that it may end anywhere.
#include <fstream>

#include "engine/protocol/operation.h"
#include "model/device_names.h"
#include "unit/engine/rekey_support.h"

using namespace tclone;
using test::contains;
using test::Deed;
using test::error_of;
using test::give_up;
using test::rekey_db;
using test::rekey_of;
using test::Rig;
using test::shape_of;

namespace {

std::string key_file(Rig& rig, const std::string& name, const std::string& text) {
  std::string path = rig.file(name);
  std::ofstream(path) << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

std::string add_key(Rig& rig, const KeySource& source) {
  engine::KeyAdd r;
  r.name = "db";
  r.key = source;
  return error_of(engine::key_add(rig.env, r));
}

std::string test_key(Rig& rig, const KeySource& source) {
  return error_of(engine::key_test(rig.env, {"p", "db"}, source));
}

/// A rekey of db that ended after the first piece of copying; how much that was.
Bytes begin_only(Rig& rig) {
  Bytes copied{};
  rig.env.progress = [&](std::string_view, Bytes done, Bytes) { copied = done; };
  rig.env.stop = [&] { return copied.n > 0; };
  const std::string error = rekey_db().act(rig);
  CHECK(contains(error, "interrupted"));
  CHECK(contains(error, "--cancel"));
  rig.env.stop = [] { return false; };
  rig.env.progress = [](std::string_view, Bytes, Bytes) {};
  const Vault v = *rig.store().vault("db");
  REQUIRE(v.being_copied());
  CHECK(v.rekey->done > kMiB * 2);
  return copied;
}

}  // namespace

TEST_CASE_METHOD(
    Rig, "after a rekey the vault is another outer thin with another header and key file, and all in it is there") {
  populate();
  deactivate_all();
  const Vault before = *store().vault("db");
  const auto keys = key_files();
  REQUIRE_OK(engine::rekey(env, rekey_of("db")));
  const Vault after = *store().vault("db");
  CHECK(after.outer != before.outer);
  CHECK(after.uuid != before.uuid);
  CHECK(after.header.uuid != before.header.uuid);
  CHECK(after.next_thin == before.next_thin);
  CHECK(key_files().size() == keys.size());
  CHECK(key_files().count(before.uuid.text()) == 0);
  CHECK(luks.destroyed().size() == 2);  // once when it was left, once with its thin
  check_whole();
  // The clones that stand on a version in it, and what shares its key, go on.
  engine::Reset back;
  back.name = "web";
  REQUIRE_OK(engine::revert(env, back));
  publish({"db", "dev", "web"});
  clone("dev@1", "more", true);
  check_whole();
}

TEST_CASE_METHOD(Rig, "a rekey is refused while anything of the vault is active, and says how to deactivate it") {
  populate();
  engine::Activation of;
  const auto refused = [&] {
    const auto calls = mapper.calls().size();
    const auto done = engine::rekey(env, rekey_of("db"));
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Code::busy);
    CHECK(mapper.calls().size() == calls);
    return done.error().text();
  };
  CHECK(contains(refused(), "`tclone deactivate db dev solo web`"));
  of.names = {"db", "dev", "web"};
  REQUIRE_OK(engine::deactivate(env, of));
  CHECK(contains(refused(), "`tclone deactivate solo`"));
  of.names = {"solo"};
  REQUIRE_OK(engine::deactivate(env, of));
  of.names = {"db@2"};
  REQUIRE_OK(engine::activate(env, of));
  CHECK(contains(refused(), "`tclone deactivate db@2`"));
  REQUIRE_OK(engine::deactivate(env, of));
  REQUIRE_OK(engine::rekey(env, rekey_of("db")));
}

TEST_CASE_METHOD(
    Rig, "a rekey of a plain vault, without its key, without room or of a token is refused before anything is made") {
  create("open", true);
  create("db");
  deactivate_all();
  const auto before = files();
  const auto code = [&](const engine::RekeyRequest& r) {
    const auto done = engine::rekey(env, r);
    REQUIRE_FALSE(done);
    return done.error().code;
  };
  CHECK(code(rekey_of("open")) == Code::usage);
  CHECK(code(rekey_of("none")) == Code::not_found);
  engine::RekeyRequest token = rekey_of("db");
  token.key = KeySource{"token", ""};
  CHECK(code(token) == Code::usage);
  engine::RekeyRequest cancel = rekey_of("db");
  cancel.cancel = true;
  CHECK(code(cancel) == Code::not_found);
  const std::string key = file("etc/keys/" + *key_files().begin() + ".key");
  const std::string other = file("etc/keys/" + *key_files().rbegin() + ".key");
  std::filesystem::rename(key, file("away"));
  CHECK(code(rekey_of("db")) == Code::key);
  std::filesystem::rename(file("away"), key);
  CHECK(key == other);
  mapper.set_pool_used("tclone-p-_pool", 65536 - 3278, 10);
  CHECK(code(rekey_of("db")) == Code::no_space);
  mapper.set_pool_used("tclone-p-_pool", 100, 10);
  CHECK(files() == before);
  CHECK(outer_thins().size() == 2);
}

TEST_CASE_METHOD(Rig,
                 "keys that can be read are carried over, and those that cannot are lost only when that is wanted") {
  create("db");
  deactivate_all();
  const KeySource spare{"file", key_file(*this, "spare", "a key of more than thirty-two bytes")};
  const KeySource away{"file", key_file(*this, "away", "another key of more than thirty-two bytes")};
  REQUIRE(add_key(*this, spare) == "");
  REQUIRE(add_key(*this, away) == "");
  std::filesystem::rename(away.reference, away.reference + ".gone");
  const auto refused = engine::rekey(env, rekey_of("db"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::exists);
  CHECK(contains(refused.error().text(), away.reference));
  CHECK_FALSE(contains(refused.error().text(), spare.reference));
  engine::RekeyRequest anyway = rekey_of("db");
  anyway.lose_keys = true;
  const auto done = engine::rekey(env, anyway);
  REQUIRE_OK(done);
  CHECK(std::any_of(done->warnings.begin(), done->warnings.end(),
                    [&](const auto& w) { return contains(w, away.reference); }));
  std::filesystem::rename(away.reference + ".gone", away.reference);
  CHECK(test_key(*this, {}) == "");
  CHECK(test_key(*this, spare) == "");
  CHECK(test_key(*this, away) != "");
  const Vault v = *store().vault("db");
  CHECK(v.slots == std::vector<SlotSource>{{0, {}}, {1, spare}});
  check_whole();
}

TEST_CASE_METHOD(Rig,
                 "a rekey may change the source that activate asks, and a key file that is not used any more goes") {
  create("db");
  deactivate_all();
  engine::RekeyRequest r = rekey_of("db");
  r.key = KeySource{"file", key_file(*this, "tenant", "a key of more than thirty-two bytes")};
  REQUIRE_OK(engine::rekey(env, r));
  CHECK(key_files().empty());
  CHECK(store().vault("db")->key == *r.key);
  CHECK(test_key(*this, *r.key) == "");
  engine::Activation of;
  of.names = {"db"};
  REQUIRE_OK(engine::activate(env, of));
}

TEST_CASE_METHOD(Rig, "while a vault is copied it may not be opened or changed, and what frees space in it may") {
  populate();
  deactivate_all();
  begin_only(*this);
  const auto refused = [](const auto& done) {
    REQUIRE_FALSE(done);
    CHECK(contains(done.error().text(), "tclone rekey"));
    CHECK(done.error().code == Code::exists);
  };
  engine::Activation of;
  for (const char* name : {"db", "dev", "web", "db@1"}) {
    of.names = {name};
    refused(engine::activate(env, of));
  }
  engine::Publish publishing;
  publishing.names = {"db"};
  refused(engine::publish(env, publishing));
  engine::Reset back;
  back.name = "dev";
  refused(engine::revert(env, back));
  engine::KeyAdd adding;
  adding.name = "db";
  adding.key = {"file", key_file(*this, "spare", "a key of more than thirty-two bytes")};
  refused(engine::key_add(env, adding));
  engine::KeyRemove removing;
  removing.name = "db";
  removing.slot = 0;
  removing.last = true;
  refused(engine::key_remove(env, removing));
  engine::RekeyRequest other = rekey_of("db");
  other.key = adding.key;
  const auto decided = engine::rekey(env, other);
  REQUIRE_FALSE(decided);
  CHECK(contains(decided.error().text(), "decided"));
  REQUIRE_OK(engine::key_test(env, {"p", "db"}, std::nullopt));

  REQUIRE_OK(engine::remove(env, {"p", "db@2"}));
  REQUIRE_OK(engine::rename(env, {"p", "db"}, "data"));
  REQUIRE_OK(engine::rekey(env, rekey_of("data")));
  check_whole();
}

TEST_CASE_METHOD(Rig, "a copy that was interrupted goes on where it was") {
  create("db");
  // Two places far apart, so that there are two pieces to copy.
  const std::string crypt = mapper.path(device_names::vault_crypt("p", store().vault("db")->outer));
  deactivate_all();
  {
    std::fstream far(file("dev/.content-" + std::filesystem::path(crypt).filename().string()),
                     std::ios::in | std::ios::out | std::ios::binary);
    far.seekp(static_cast<std::streamoff>((kGiB * 20).n)) << "far away";
  }
  const Bytes first = begin_only(*this);
  CHECK(store().vault("db")->rekey->done <= kGiB * 20 + kMiB * 2);
  std::vector<Bytes> seen;
  env.progress = [&](std::string_view what, Bytes now, Bytes) {
    if (contains(std::string(what), "copy")) seen.push_back(now);
  };
  REQUIRE_OK(engine::rekey(env, rekey_of("db")));
  REQUIRE_FALSE(seen.empty());
  CHECK(seen.front() > first);
  check_whole();
}

TEST_CASE("a rekey or filling the stock that is interrupted says that nothing was changed only where it is true") {
  const Deed fill{"filling the stock", [](Rig& r) { return error_of(engine::pool_stock(r.env, {"p", 3U})); }};
  for (const Deed& deed : {rekey_db(), fill}) {
    bool interrupted = true;
    for (unsigned at = 0; interrupted; ++at) {
      INFO(deed.name << ", interrupted when it asks for the " << at << "th time");
      Rig rig;
      rig.populate_for(deed);
      rig.deactivate_all();
      const auto before = rig.shape();
      unsigned asked = 0;
      rig.env.stop = [&] { return asked++ >= at; };
      const std::string error = deed.act(rig);
      rig.env.stop = [] { return false; };
      interrupted = !error.empty();
      if (contains(error, engine::kNothingChanged)) CHECK(rig.shape() == before);
      if (interrupted) CHECK(contains(error, "interrupted"));
    }
  }
}

TEST_CASE_METHOD(Rig, "a rekey that is given up leaves nothing of its half") {
  populate();
  deactivate_all();
  const auto before = shape_of(*this);
  const auto keys = key_files();
  const auto thins = outer_thins();
  begin_only(*this);
  CHECK(key_files().size() == keys.size() + 1);
  CHECK(give_up(*this, "db") == "");
  CHECK(shape_of(*this) == before);
  CHECK(key_files() == keys);
  CHECK(outer_thins() == thins);
  check_whole();
}

TEST_CASE_METHOD(Rig, "a volume that goes takes both halves of a rekey with it") {
  create("db");
  deactivate_all();
  begin_only(*this);
  REQUIRE_OK(engine::remove(env, {"p", "db"}));
  CHECK(outer_thins().empty());
  CHECK(key_files().empty());
  CHECK(luks.headers().empty());
}

TEST_CASE_METHOD(Rig, "a dry run of a rekey tells every step and does none") {
  populate();
  deactivate_all();
  const auto before = files();
  mapper.clear_calls();
  env.dry_run = true;
  const auto told = engine::rekey(env, rekey_of("db"));
  REQUIRE_OK(told);
  CHECK(told->steps.size() >= 10);
  CHECK(mapper.calls().empty());
  CHECK(files() == before);
}

TEST_CASE_METHOD(Rig, "a copy whose metadata does not hold together does not become the vault") {
  create("db");
  deactivate_all();
  const Vault before = *store().vault("db");
  env.programs.check = [](const std::string&, bool) { return std::string("bad checksum in a btree node"); };
  const auto done = engine::rekey(env, rekey_of("db"));
  REQUIRE_FALSE(done);
  CHECK(contains(done.error().text(), "bad checksum"));
  CHECK(store().vault("db")->outer == before.outer);
  CHECK(give_up(*this, "db") == "");
  check_whole();
}

TEST_CASE_METHOD(
    Rig, "a rekey without the programs it needs is refused before a key is asked, when it begins and when it goes on") {
  create("db");
  deactivate_all();
  const bool begun = GENERATE(false, true);
  if (begun) begin_only(*this);
  env.programs.require = [] { return fail(Code::kernel, "thin_check", "is not installed"); };
  engine::RekeyRequest r = rekey_of("db");
  r.unlock = KeySource{"exec", "touch " + file("asked")};
  const auto calls = mapper.calls().size();
  const auto done = engine::rekey(env, r);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::kernel);
  CHECK(mapper.calls().size() == calls);
  CHECK_FALSE(std::filesystem::exists(file("asked")));
}
