// SPDX-License-Identifier: GPL-2.0-or-later
// key add, rm, list, test, backup and restore as whole commands: what they do, what they refuse, and that a crash in them
// locks nobody out.
#include <algorithm>
#include <fstream>

#include "model/device_names.h"
#include "state/lock.h"
#include "unit/engine/crash.h"

using namespace tclone;
using test::contains;
using test::crashed;
using test::End;
using test::error_of;
using test::Rig;

namespace {

/// A closed volume db with its generated key, and files with keys of their own.
struct Keys : Rig {
  Keys() {
    create("db");
    deactivate_all();
  }
  KeySource source(const std::string& name) {
    const std::string path = file(name + ".secret");
    std::ofstream(path) << "the key of " << name << ", which is long enough to be random";
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return {"file", path};
  }
  Result<engine::Outcome> add(const KeySource& key, std::optional<KeySource> unlock = std::nullopt) {
    engine::KeyAdd r;
    r.name = "db";
    r.key = key;
    r.unlock = std::move(unlock);
    return engine::key_add(env, r);
  }
  Result<engine::Outcome> remove(std::optional<std::uint32_t> slot, std::optional<KeySource> key, bool last = false,
                                 std::optional<KeySource> use = std::nullopt) {
    engine::KeyRemove r;
    r.name = "db";
    r.slot = slot;
    r.key = std::move(key);
    r.use = std::move(use);
    r.last = last;
    return engine::key_remove(env, r);
  }
  Result<engine::KeyTested> try_key(const std::optional<KeySource>& key = std::nullopt) {
    return engine::key_test(env, {"p", "db"}, key);
  }
  std::vector<std::uint32_t> slots() {
    const auto listed = engine::key_list(env, {"p", "db"});
    INFO(error_of(listed));
    REQUIRE(listed);
    std::vector<std::uint32_t> out;
    for (const auto& slot : listed->slots) out.push_back(slot.slot);
    return out;
  }
  template <class T>
  void refused(const Result<T>& result, Code code, const std::string& why) {
    REQUIRE_FALSE(result);
    INFO(result.error().text());
    CHECK(result.error().code == code);
    CHECK(contains(result.error().text() + result.error().next, why));
  }
};

}  // namespace

TEST_CASE_METHOD(
    Keys, "a key that is added opens the vault, is listed with its source, and adding it again changes nothing") {
  const KeySource spare = source("spare");
  REQUIRE_OK(add(spare));
  CHECK(slots() == std::vector<std::uint32_t>{0, 1});
  const auto tested = try_key(spare);
  REQUIRE(tested);
  CHECK(tested->slot == 1);
  CHECK(store().vault("db")->key == KeySource{});
  const auto again = add(spare);
  REQUIRE(again);
  CHECK_FALSE(again->changed);
  CHECK(slots().size() == 2);
  const auto listed = engine::key_list(env, {"p", "db"});
  CHECK(listed->slots.at(1).sources == std::vector<KeySource>{spare});
  check_whole();
}

TEST_CASE_METHOD(Keys, "a key is added with another source than the recorded one when that is said") {
  const KeySource spare = source("spare");
  const KeySource third = source("third");
  REQUIRE_OK(add(spare));
  const std::string made = file("etc/keys/" + *key_files().begin() + ".key");
  std::filesystem::rename(made, file("away"));
  refused(add(third), Code::key, made);
  REQUIRE_OK(add(third, spare));
  refused(add(source("fourth"), source("wrong")), Code::key, "keyslot");
  std::filesystem::rename(file("away"), made);
  CHECK(slots().size() == 3);
  check_whole();
}

TEST_CASE_METHOD(
    Keys,
    "adding is refused for a token that is not enrolled, an unlocking token, one stdin twice, and a plain vault") {
  refused(add({"token", ""}), Code::kernel, "token");
  refused(add(source("a"), KeySource{"token", ""}), Code::usage, "--unlock");
  refused(add({"stdin", ""}, KeySource{"stdin", ""}), Code::usage, "both");
  create("open", true);
  engine::KeyAdd r;
  r.name = "open";
  r.key = source("a");
  refused(engine::key_add(env, r), Code::usage, "not encrypted");
  r.name = "none";
  refused(engine::key_add(env, r), Code::not_found, "tclone list");
  CHECK(slots() == std::vector<std::uint32_t>{0});
}

TEST_CASE_METHOD(Keys,
                 "a vault that is made with a token is refused before anything is there, with the way to have one") {
  const auto before = files();
  const auto thins = outer_thins();
  engine::Create r;
  r.name = "new";
  r.size = kMiB * 8;
  r.key = KeySource{"token", ""};
  refused(engine::create(env, r), Code::usage, "systemd-cryptenroll");
  engine::Clone c;
  c.source = "db";
  c.name = "new";
  c.key = r.key;
  refused(engine::clone(env, c), Code::usage, "systemd-cryptenroll");
  CHECK(files() == before);
  CHECK(outer_thins() == thins);
  CHECK(key_files().size() == 1);
}

TEST_CASE_METHOD(Keys, "removing the recorded key turns to the last one added that is left, or to the one named") {
  const KeySource a = source("a");
  const KeySource b = source("b");
  REQUIRE_OK(add(a));
  REQUIRE_OK(add(b));
  REQUIRE_OK(remove(std::nullopt, KeySource{}));
  CHECK(key_files().empty());
  CHECK(store().vault("db")->key == b);
  CHECK(slots() == std::vector<std::uint32_t>{1, 2});
  REQUIRE_OK(add({}));
  REQUIRE_OK(remove(2, std::nullopt, false, a));
  CHECK(store().vault("db")->key == a);
  REQUIRE_OK(remove(std::nullopt, KeySource{}));
  CHECK(store().vault("db")->key == a);
  CHECK(slots() == std::vector<std::uint32_t>{1});
  engine::Activation of;
  of.names = {"db"};
  REQUIRE_OK(engine::activate(env, of));
}

TEST_CASE_METHOD(Keys, "the last key goes only when that is wanted, and then nothing opens the vault") {
  refused(remove(0, std::nullopt), Code::exists, "--yes");
  CHECK(slots() == std::vector<std::uint32_t>{0});
  const auto gone = remove(0, std::nullopt, true);
  REQUIRE_OK(gone);
  REQUIRE(gone->warnings.size() == 1);
  CHECK(contains(gone->warnings.front(), "nothing opens"));
  CHECK(key_files().empty());
  engine::Activation of;
  of.names = {"db"};
  refused(engine::activate(env, of), Code::key, "");
}

TEST_CASE_METHOD(
    Keys, "removing is refused for a slot that is not there, a source that does not open it, and one that stays shut") {
  refused(remove(9, std::nullopt), Code::not_found, "key slot 9");
  refused(remove(std::nullopt, std::nullopt), Code::usage, "either");
  refused(remove(0, KeySource{}), Code::usage, "either");
  refused(remove(std::nullopt, source("stranger")), Code::key, "");
  const KeySource spare = source("spare");
  REQUIRE_OK(add(spare));
  // What would be left as the only way in is tried first.
  std::ofstream(spare.reference) << "somebody has written something else into it meanwhile";
  refused(remove(std::nullopt, KeySource{}), Code::key, "does not open");
  refused(remove(0, std::nullopt, false, KeySource{}), Code::usage, "is to go");
  CHECK(slots().size() == 2);
  CHECK(key_files().size() == 1);
}

TEST_CASE_METHOD(Keys, "a host hands a vault over without being able to read the tenant's key") {
  const KeySource tenant = source("tenant");
  REQUIRE_OK(add(tenant));
  std::filesystem::rename(tenant.reference, file("away"));
  REQUIRE_OK(remove(std::nullopt, KeySource{}));
  CHECK(store().vault("db")->key == tenant);
  refused(try_key(), Code::key, tenant.reference);
  std::filesystem::rename(file("away"), tenant.reference);
  REQUIRE_OK(try_key());
}

TEST_CASE_METHOD(Keys, "a header is saved once, and brought back when the vault is closed") {
  REQUIRE_OK(add(source("spare")));
  const std::string saved = file("db.header");
  REQUIRE_OK(engine::key_backup(env, {"p", "db"}, saved));
  refused(engine::key_backup(env, {"p", "db"}, saved), Code::exists, "exists");
  refused(engine::key_restore(env, {"p", "db"}, file("none")), Code::not_found, "");
  refused(engine::key_restore(env, {"p", "db"}, folder.path.string()), Code::usage, "regular");
  REQUIRE_OK(remove(1, std::nullopt));
  engine::Activation of;
  of.names = {"db"};
  REQUIRE_OK(engine::activate(env, of));
  refused(engine::key_restore(env, {"p", "db"}, saved), Code::busy, "deactivate");
  REQUIRE_OK(engine::deactivate(env, of));
  create("other");
  deactivate_all();
  refused(engine::key_restore(env, {"p", "other"}, saved), Code::damaged, "UUID");
  const auto restored = engine::key_restore(env, {"p", "db"}, saved);
  REQUIRE_OK(restored);
  CHECK(contains(restored->warnings.at(0), "key test"));
  CHECK(slots() == std::vector<std::uint32_t>{0, 1});
}

TEST_CASE_METHOD(Keys, "a header backup from before a rekey is refused") {
  const std::string saved = file("db.header");
  REQUIRE_OK(engine::key_backup(env, {"p", "db"}, saved));
  engine::RekeyRequest r;
  r.name = "db";
  REQUIRE_OK(engine::rekey(env, r));
  refused(engine::key_restore(env, {"p", "db"}, saved), Code::damaged, "UUID");
  check_whole();
}

TEST_CASE_METHOD(Keys, "dry runs of key backup and key restore refuse what the real ones refuse") {
  const std::string saved = file("db.header");
  REQUIRE_OK(engine::key_backup(env, {"p", "db"}, saved));
  std::ofstream(file("noise")) << "no header";
  create("other");
  deactivate_all();
  env.dry_run = true;
  refused(engine::key_backup(env, {"p", "db"}, saved), Code::exists, "exists");
  refused(engine::key_restore(env, {"p", "db"}, file("noise")), Code::damaged, "header");
  refused(engine::key_restore(env, {"p", "other"}, saved), Code::damaged, "UUID");
  REQUIRE_OK(engine::key_restore(env, {"p", "db"}, saved));
}

TEST_CASE_METHOD(Keys, "dry runs of the key commands change nothing") {
  const auto before = files();
  mapper.clear_calls();
  env.dry_run = true;
  REQUIRE_OK(add(source("a")));
  REQUIRE_OK(remove(0, std::nullopt, true));
  REQUIRE_OK(engine::key_backup(env, {"p", "db"}, file("saved")));
  CHECK_FALSE(std::filesystem::exists(file("saved")));
  CHECK(mapper.calls().empty());
  CHECK(files() == before);
}

TEST_CASE_METHOD(Keys, "a dry run refuses to remove the last key of an open vault, as the real run would") {
  engine::Activation of;
  of.names = {"db"};
  REQUIRE_OK(engine::activate(env, of));
  env.dry_run = true;
  refused(remove(0, std::nullopt, false), Code::exists, "the last one");
  REQUIRE_OK(remove(0, std::nullopt, true));
  CHECK(slots() == std::vector<std::uint32_t>{0});
}

TEST_CASE_METHOD(
    Keys, "the keys of an open vault are looked at while another command has the pool, and those of a closed one not") {
  engine::Activation of;
  of.names = {"db"};
  REQUIRE_OK(engine::activate(env, of));
  const auto held = PoolLock::take(file("run/p.lock"), "tclone create huge", std::chrono::milliseconds(100));
  REQUIRE(held);
  CHECK(slots() == std::vector<std::uint32_t>{0});
  REQUIRE_OK(try_key());
  mapper.clear_calls();
  REQUIRE_OK(try_key());
  CHECK(mapper.calls().empty());
}

TEST_CASE_METHOD(Keys, "who has the pool is told when the keys of a closed vault cannot be looked at") {
  const auto held = PoolLock::take(file("run/p.lock"), "tclone create huge", std::chrono::milliseconds(100));
  REQUIRE(held);
  const auto listed = engine::key_list(env, {"p", "db"});
  refused(listed, Code::busy, "tclone create huge");
  CHECK(env.lock_deadline == std::chrono::milliseconds(200));
}

TEST_CASE(
    "wherever a change of keys is cut off, the recorded source opens the vault and the change can be made again") {
  struct KeyDeed {
    const char* name;
    bool prepared;
    std::function<std::string(Rig&)> act;
  };
  const auto spare = [](Rig& r) {
    const std::string path = r.file("spare.secret");
    if (!std::filesystem::exists(path)) {
      std::ofstream(path) << "a spare key, which is long enough to be random";
      std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    return KeySource{"file", path};
  };
  const auto add = [&](Rig& r) {
    engine::KeyAdd request;
    request.name = "db";
    request.key = spare(r);
    return error_of(engine::key_add(r.env, request));
  };
  const auto remove = [](Rig& r) {
    engine::KeyRemove request;
    request.name = "db";
    request.slot = 0;
    const auto done = engine::key_remove(r.env, request);
    return !done && done.error().code == Code::not_found ? "" : error_of(done);
  };
  for (const KeyDeed& deed : {KeyDeed{"key add", false, add}, KeyDeed{"key rm", true, remove}}) {
    const auto prepared = [&](Rig& r) {
      r.create("db");
      if (deed.prepared) REQUIRE(add(r) == "");
      r.deactivate_all();
    };
    std::uint64_t points = 0;
    {
      Rig rig;
      prepared(rig);
      rig.points.arm(~0ULL, [] {});
      REQUIRE(deed.act(rig) == "");
      points = rig.points.passed();
    }
    for (const End how : {End::reboot, End::kill}) {
      for (std::uint64_t point = 0; point < points; ++point) {
        INFO(deed.name << ", " << (how == End::kill ? "kill" : "reboot") << " at point " << point << " of " << points);
        Rig rig;
        prepared(rig);
        REQUIRE(crashed(rig, {deed.name, deed.act}, point, how));
        REQUIRE_OK(engine::recover(rig.env, "p"));
        REQUIRE_OK(engine::key_test(rig.env, {"p", "db"}, std::nullopt));
        CHECK(deed.act(rig) == "");
        REQUIRE_OK(engine::key_test(rig.env, {"p", "db"}, std::nullopt));
        REQUIRE_OK(engine::key_test(rig.env, {"p", "db"}, spare(rig)));
        const Vault v = *rig.store().vault("db");
        const auto files = rig.key_files();
        CHECK(files.size() == (deed.prepared ? 0U : 1U));
        engine::Activation of;
        of.names = {"db"};
        REQUIRE_OK(engine::activate(rig.env, of));
      }
    }
  }
}

TEST_CASE_METHOD(Keys, "a key command runs while the pool is not locked, and once, whatever asks for its key") {
  // A key service that wants the pool's lock itself, and keeps count.
  const std::string key = source("slow").reference;
  const std::string count = file("count");
  const auto slow = [&](const std::string& name) {
    return KeySource{"exec", "sh -c 'flock -n \"" + file("run/p.lock") + "\" cat \"" + key + "\" && echo " + name +
                                 " >>\"" + count + "\"'"};
  };
  const auto asked = [&] {
    std::ifstream in(count);
    std::string word;
    std::string all;
    while (in >> word) all += (all.empty() ? "" : " ") + word;
    std::filesystem::remove(count);
    return all;
  };
  REQUIRE_OK(add(slow("new")));
  CHECK(asked() == "new");
  const std::string generated = *key_files().begin();
  REQUIRE_OK(remove(0, std::nullopt, false, slow("used")));
  CHECK(asked() == "used");
  CHECK(key_files().count(generated) == 0);
  REQUIRE_OK(engine::activate(env, {"p", {"db"}, false}));
  CHECK(asked() == "used");
  deactivate_all();
  REQUIRE_OK(add(source("other"), slow("unlock")));
  CHECK(asked() == "unlock");

  engine::Create made;
  made.pool = "p";
  made.name = "web";
  made.size = Bytes{16 << 20};
  made.fs = FsKind::none;
  made.key = slow("web");
  REQUIRE_OK(engine::create(env, made));
  CHECK(asked() == "web");
  publish({"db", "web"});
  CHECK(asked() == "used");
  deactivate_all();
  // A clone opens what it stands on.
  engine::Clone clone;
  clone.pool = "p";
  clone.source = "db@1";
  clone.name = "own";
  clone.key = slow("own");
  REQUIRE_OK(engine::clone(env, clone));
  CHECK(asked() == "own used");
  deactivate_all();
  REQUIRE_OK(engine::activate(env, {"p", {}, true}));
  CHECK(asked() == "used own web");
  deactivate_all();
  check_whole();
}

TEST_CASE_METHOD(Keys, "a command that has to wait for a key leaves nothing behind when the key does not come") {
  REQUIRE_OK(add(source("spare")));
  const auto before = files();
  engine::Create made;
  made.pool = "p";
  made.name = "web";
  made.size = Bytes{16 << 20};
  made.key = KeySource{"exec", "false"};
  refused(engine::create(env, made), Code::key, "failed with status 1");
  refused(add(KeySource{"exec", "false"}), Code::key, "failed with status 1");
  CHECK(files() == before);
  check_whole();
}

TEST_CASE_METHOD(Keys, "a token is asked while the pool is not locked, and once a command") {
  const KeySource token{"token", ""};
  int asked = 0;
  int locked = 0;
  luks.on_token = [&] {
    ++asked;
    locked += std::system(("flock -n '" + file("run/p.lock") + "' true").c_str()) == 0 ? 0 : 1;
  };
  const auto count = [&] { return std::exchange(asked, 0); };
  REQUIRE_OK(add(token));
  CHECK(count() == 1);
  REQUIRE_OK(add(source("spare")));
  REQUIRE_OK(remove(1, std::nullopt, false, token));
  CHECK(count() == 0);  // the record tells that it opens another slot
  CHECK(store().vault("db")->key == token);
  REQUIRE_OK(engine::activate(env, {"p", {"db"}, false}));
  CHECK(count() == 1);
  REQUIRE_OK(engine::key_test(env, {"p", "db"}, std::nullopt));
  CHECK(count() == 1);
  deactivate_all();
  REQUIRE_OK(engine::key_test(env, {"p", "db"}, token));
  CHECK(count() == 1);
  publish({"db"});
  CHECK(count() == 1);
  deactivate_all();
  engine::Clone clone;
  clone.pool = "p";
  clone.source = "db@1";
  clone.name = "own";
  REQUIRE_OK(engine::clone(env, clone));
  CHECK(count() == 1);
  CHECK(locked == 0);
  deactivate_all();
  check_whole();
}

TEST_CASE_METHOD(Keys, "what a token said opens no header but the one that it was asked with") {
  const KeySource token{"token", ""};
  luks.on_token = [] {};
  REQUIRE_OK(add(token));
  REQUIRE_OK(add(source("spare")));
  REQUIRE_OK(remove(1, std::nullopt, false, token));
  deactivate_all();
  // Meanwhile somebody else adds a key.
  engine::Env other{.dm = mapper, .luks = luks, .paths = env.paths, .now = env.now};
  int asked = 0;
  luks.on_token = [&] {
    engine::KeyAdd third{"p", "db", source("third"), KeySource{"file", ""}};
    if (asked++ == 0) REQUIRE_OK(engine::key_add(other, third));
  };
  refused(engine::activate(env, {"p", {"db"}, false}), Code::busy, "changed while its token was waited for");
  check_whole();
  REQUIRE_OK(engine::activate(env, {"p", {"db"}, false}));
  deactivate_all();
  check_whole();
}
