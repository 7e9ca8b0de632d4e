// SPDX-License-Identifier: GPL-2.0-or-later
// Vaults that tokens open, several of them in one command, and after a kill.
#include <fstream>

#include "dm/names.h"
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
  const auto own_is_up = [&] { return mapper.device(dm::names::volume("p", "own")) != nullptr; };
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
