// SPDX-License-Identifier: GPL-2.0-or-later
// Vaults that tokens open, several of them in one command, and after a kill.
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "model/device_names.h"
#include "unit/engine/rig.h"

using namespace tclone;
using test::Rig;

namespace {

/// Volumes "own", which stands on a version of "db" and has a vault of its own, and "other".
struct Tokens : Rig {
  Tokens() {
    create("db");
    publish({"db"});
    clone("db@1", "own");
    create("other");
    deactivate_all();
  }
  void set_key(const std::string& vault, const KeySource& key) {
    Vault v = *store().vault(vault);
    v.key = key;
    v.slots = {{0, key}};
    RecordChange change;
    change.vaults.push_back(v);
    REQUIRE_OK(store().apply(change));
  }
  /// What a unit is given; without it somebody would be asked on the terminal.
  void give_pin(const std::string& pin) {
    std::filesystem::create_directories(file("credentials"));
    std::ofstream(file("credentials/cryptsetup.tpm2-pin")) << pin;
    REQUIRE(setenv("CREDENTIALS_DIRECTORY", file("credentials").c_str(), 1) == 0);
  }
  ~Tokens() { unsetenv("CREDENTIALS_DIRECTORY"); }
  void killed_while_own_was_down() { std::ofstream(file("run/p.working")) << "own\n"; }
};

}  // namespace

TEST_CASE_METHOD(Tokens, "each token is asked once, and what it said is dropped when its vault is open to stay") {
  for (const char* name : {"db", "own", "other"}) set_key(name, {"token", ""});
  const Uuid other = store().vault("other")->uuid;
  const Uuid db = store().vault("db")->uuid;
  std::vector<std::pair<bool, bool>> kept;
  luks.on_token = [&] { kept.emplace_back(env.asked.token(other) != nullptr, env.asked.token(db) != nullptr); };
  REQUIRE_OK(engine::activate(env, {"p", {"other", "own"}, false}));
  // The vault of db is closed again while the token of own is asked.
  CHECK(kept == std::vector<std::pair<bool, bool>>{{false, false}, {false, false}, {false, true}});
  deactivate_all();
}

TEST_CASE_METHOD(Tokens, "what a kill took down waits for activate if a key below it would have to be asked for") {
  int asked = 0;
  luks.on_token = [&] { ++asked; };
  const auto own_is_up = [&] { return mapper.device(device_names::volume("p", "own")) != nullptr; };
  for (const KeySource& key : {KeySource{"token", ""}, KeySource{"exec", "touch '" + file("asked") + "'"}}) {
    INFO(key.kind);
    const KeySource usual = store().vault("db")->key;
    set_key("db", key);
    killed_while_own_was_down();
    // A command that fails would be begun anew if a key was wanted.
    const auto unrelated = engine::activate(env, {"p", {"none"}, false});
    REQUIRE_FALSE(unrelated);
    CHECK(unrelated.error().code == Code::not_found);
    killed_while_own_was_down();
    REQUIRE_OK(engine::recover(env, "p"));
    CHECK(asked == 0);
    CHECK_FALSE(std::filesystem::exists(file("asked")));
    CHECK_FALSE(own_is_up());
    set_key("db", usual);
  }
  killed_while_own_was_down();
  REQUIRE_OK(engine::recover(env, "p"));
  CHECK(own_is_up());
  deactivate_all();
  set_key("db", {"token", ""});
  killed_while_own_was_down();
  REQUIRE_OK(engine::activate(env, {"p", {"own"}, false}));
  CHECK(asked == 1);
  CHECK(own_is_up());
  deactivate_all();
}

TEST_CASE_METHOD(Tokens, "a token that wants a PIN gets it without the pool's lock, where the header lies as well") {
  set_key("own", {"token", ""});
  const bool in_place = GENERATE(false, true);
  INFO(in_place);
  luks.token_in_place = in_place;
  luks.token_pin = "1234";
  int asked = 0;
  luks.on_token = [&] { ++asked; };
  give_pin("1234");
  REQUIRE_OK(engine::activate(env, {"p", {"own"}, false}));
  // Under the lock the token is asked anew when the PIN is there.
  CHECK(asked == (in_place ? 2 : 1));
  deactivate_all();
  REQUIRE_OK(engine::key_test(env, {"p", "own"}, std::nullopt));
  asked = 0;
  give_pin("4321");
  const auto wrong = engine::activate(env, {"p", {"own"}, false});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Code::key);
  CHECK(asked == (in_place ? 2 : 1));
}

TEST_CASE_METHOD(Tokens, "key rm of a token that is listed asks nobody for its PIN") {
  luks.on_token = [] {};
  REQUIRE_OK(engine::key_add(env, {"p", "own", {"token", ""}, std::nullopt}));
  const std::string file_of_own = file("spare");
  std::ofstream(file_of_own) << std::string(64, 'x');
  std::filesystem::permissions(file_of_own, std::filesystem::perms::owner_read);
  REQUIRE_OK(engine::key_add(env, {"p", "own", {"file", file_of_own}, std::nullopt}));
  luks.token_pin = "1234";
  give_pin("1234");
  // The header must not tell which slot is the token's: with its PIN it would.
  Vault v = *store().vault("own");
  v.slots = {{1, {"token", ""}}, {0, {"file", ""}}};
  RecordChange change;
  change.vaults.push_back(v);
  REQUIRE_OK(store().apply(change));
  engine::KeyRemove remove;
  remove.pool = "p";
  remove.name = "own";
  remove.key = KeySource{"token", ""};
  REQUIRE_OK(engine::key_remove(env, remove));
  const auto left = store().vault("own")->slots;
  REQUIRE(left.size() == 1);
  CHECK(left[0].slot == 0);
}
