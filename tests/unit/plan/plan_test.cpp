// SPDX-License-Identifier: GPL-2.0-or-later
// Every kind of plan, as the journal it would write: tests/golden/plans/<case>.txt. TCLONE_UPDATE_GOLDEN=1 rewrites
// these files; git then shows what changed. Below that, what must hold for every plan.
#include "plan/plan.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "model/device_names.h"
#include "policies/sizing.h"
#include "state/records.h"
#include "unit/catch.h"

using namespace tclone;
using namespace tclone::plan;

namespace {

constexpr std::int64_t kNow = 1714564800;

Uuid uuid(int n) {
  Uuid u;
  u.bytes[0] = 0xaa;
  u.bytes[15] = static_cast<std::uint8_t>(n);
  return u;
}

/// A pool with db (versions 1 and 2), its own-key clones web (with a version) and solo (none), its shared clone dev.
struct World {
  Common common{"p", {}, kMiB, kNow};
  Vault db, web, solo;
  Volume db_volume, web_volume, solo_volume, dev_volume;
  Version db1, db2, web1;

  World() {
    common.pool.uuid = uuid(1);
    common.pool.name = "p";
    common.pool.transaction = 41;
    common.pool.next_outer = 4;
    common.pool.block = kMiB;
    common.pool.created = kNow - 1000;
    db = vault("db", 1, 5, 2, 2, kMiB * 128);
    web = vault("web", 2, 2, 1, 1, kMiB * 64);
    solo = vault("solo", 3, 1, 1, 0, kMiB * 64);
    db_volume = volume("db", "db", 0, 20);
    db1 = version(db_volume, 1, 1, 30);
    db2 = version(db_volume, 2, 3, 31);
    db_volume.next_version = 3;
    db_volume.versions = {1, 2};
    db_volume.tags = {{"latest", 2}, {"stable", 1}};
    web_volume = clone("web", "web", 0, 21);
    web1 = version(web_volume, 1, 1, 32);
    web_volume.next_version = 2;
    web_volume.versions = {1};
    web_volume.tags = {{"latest", 1}};
    solo_volume = clone("solo", "solo", 0, 22);
    dev_volume = clone("dev", "db", 2, 23);
    dev_volume.own_key = false;
    dev_volume.basis.reset();
  }

  static Vault vault(const std::string& name, std::uint32_t outer, std::uint32_t next, std::uint32_t volumes,
                     std::uint32_t versions, Bytes writable) {
    Vault v;
    v.name = name;
    v.uuid = uuid(10 + static_cast<int>(outer));
    v.outer = ThinId{outer};
    v.header = {uuid(60 + static_cast<int>(outer)), "aes", "xts-plain64", 512, 4096, policies::kHeader};
    set_geometry(v, kMiB * 64, kMiB);
    v.next_thin = next;
    v.volumes = volumes;
    v.versions = versions;
    v.writable = writable;
    return v;
  }
  static Volume volume(const std::string& name, const std::string& in, std::uint32_t thin, int id) {
    Volume v;
    v.name = name;
    v.uuid = uuid(id);
    v.vault = in;
    v.thin = ThinId{thin};
    v.size = kMiB * 64;
    v.fs = FsKind::ext4;
    v.created = kNow - 900;
    return v;
  }
  Volume clone(const std::string& name, const std::string& in, std::uint32_t thin, int id) const {
    Volume v = volume(name, in, thin, id);
    v.origin = db1.ref();
    v.basis = db1.ref();
    v.own_key = true;
    v.follows = "latest";
    return v;
  }
  static Version version(const Volume& of, std::uint64_t number, std::uint32_t thin, int id) {
    Version v;
    v.volume = of.name;
    v.number = number;
    v.uuid = uuid(id);
    v.vault = of.vault;
    v.thin = ThinId{thin};
    v.size = of.size;
    v.fs = of.fs;
    v.basis = of.basis;
    v.time = kNow - 500;
    return v;
  }

  CreateFacts create() const {
    return {common, "new", "new", uuid(40), uuid(41), uuid(42), kMiB * 64, FsKind::ext4, true, {}, ""};
  }
  CloneFacts clone_of(const Volume& source, const Vault& in, std::optional<Version> from) const {
    return {common, "copy", "copy",          uuid(40),     uuid(41), uuid(42), uuid(43),
            source, in,     std::move(from), std::nullopt, {},       ""};
  }
  ResetFacts restart(const Volume& what, const Vault& in, const Version& to) const {
    return {common, "revert " + what.name + " to " + to.ref().text(), what, in, to, true};
  }
};

struct Case {
  std::string name;
  Plan plan;
};

std::vector<Case> cases() {
  const World w;
  std::vector<Case> all;
  const auto add = [&](const char* name, Plan plan) { all.push_back({name, std::move(plan)}); };
  add("create", plan_create(w.create()));
  CreateFacts create = w.create();
  create.encrypted = false;
  create.fs = FsKind::none;
  add("create-plain", plan_create(create));
  create = w.create();
  create.image = "/srv/image.raw";
  create.key = {"prompt", ""};
  add("create-from-image", plan_create(create));

  add("clone-own-key", plan_clone(w.clone_of(w.db_volume, w.db, w.db2)));
  CloneFacts clone = w.clone_of(w.db_volume, w.db, w.db2);
  clone.into = w.db;
  add("clone-shared-key", plan_clone(clone));
  clone = w.clone_of(w.web_volume, w.web, w.web1);
  clone.into = w.web;
  add("clone-shared-key-with-basis", plan_clone(clone));
  add("clone-volume-own-key", plan_clone(w.clone_of(w.db_volume, w.db, std::nullopt)));
  clone = w.clone_of(w.db_volume, w.db, std::nullopt);
  clone.into = w.db;
  add("clone-volume-shared-key", plan_clone(clone));
  clone = w.clone_of(w.db_volume, w.db, w.db1);
  clone.into = w.web;
  clone.follows = "stable";
  add("clone-into-vault", plan_clone(clone));

  PublishFacts publish{w.common, {{w.db_volume, w.db, uuid(50)}}, {"stable"}, "nightly"};
  add("publish", plan_publish(publish));
  clone = w.clone_of(w.db_volume, w.db, w.db1);
  clone.common.pool.stock = 2;
  clone.stock = w.web;
  clone.stock->name = "stock-9";
  clone.stock->stock = true;
  clone.stock->volumes = clone.stock->versions = 0;
  clone.stock->writable = {};
  add("clone-from-stock", plan_clone(clone));
  add("stock-one-more", plan_stock({clone.common, "stock-9", uuid(41), uuid(42)}));
  add("stock-one-less", plan_unstock(clone.common, *clone.stock));
  add("stock-size", plan_stock_size(w.common, 4));

  publish.items = {{w.web_volume, w.web, uuid(50)}, {w.db_volume, w.db, uuid(51)}, {w.dev_volume, w.db, uuid(52)}};
  add("publish-several", plan_publish(publish));

  add("revert-starts-over", plan_reset(w.restart(w.solo_volume, w.solo, w.db1)));
  add("revert-beside-versions", plan_reset(w.restart(w.web_volume, w.web, w.db1)));
  add("revert-own-version-with-basis", plan_reset(w.restart(w.web_volume, w.web, w.web1)));
  add("revert-base-to-own-version", plan_reset(w.restart(w.db_volume, w.db, w.db1)));
  ResetFacts refresh = w.restart(w.solo_volume, w.solo, w.db2);
  refresh.operation = "refresh solo to db@2";
  refresh.was_active = false;
  refresh.to.size = kGiB * 2;
  add("refresh-to-larger", plan_reset(refresh));
  refresh = w.restart(w.dev_volume, w.db, w.db2);
  refresh.operation = "refresh dev to db@2";
  add("refresh-shared-key", plan_reset(refresh));

  add("rm-last-in-vault", plan_remove({w.common, w.solo_volume, {}, {{"solo", w.solo}}, false}));
  add("rm-with-own-version", plan_remove({w.common, w.web_volume, {w.web1}, {{"web", w.web}}, false}));
  add("rm-with-shared-clone-left",
      plan_remove({w.common, w.db_volume, {w.db1, w.db2}, {{"db", w.db}}, false, {w.dev_volume}}));
  add("rm-version", plan_remove({w.common, w.db_volume, {w.db2}, {{"db", w.db}}, true}));

  RenameFacts rename{
      w.common, w.db_volume, "data", w.db, true, {w.db1, w.db2}, {w.web_volume, w.solo_volume, w.dev_volume}, {w.web1}};
  add("rename", plan_rename(rename));
  rename.vault_name_free = false;
  add("rename-vault-stays", plan_rename(rename));

  add("tag", plan_tag({w.common, w.db_volume, "good", 2}));
  add("untag", plan_tag({w.common, w.db_volume, "stable", std::nullopt}));
  RekeyFacts rekey{w.common, "rekey db", w.db, uuid(44), uuid(45), {}, {}};
  add("rekey-begin", plan_rekey_begin(rekey));
  rekey.key = {"keyring", "tenant"};
  rekey.others = {{"file", "/root/spare.key"}, {}};
  const Plan begun = plan_rekey_begin(rekey);
  add("rekey-begin-several-keys", begun);
  rekey.vault = begun.change.vaults.front();
  rekey.vault.rekey->done = kMiB * 700;
  rekey.common.pool = *begun.change.pool;
  add("rekey-given-up", plan_rekey_end(rekey));
  const Plan switched = plan_rekey_switch(rekey);
  add("rekey-switch", switched);
  rekey.vault = switched.change.vaults.front();
  rekey.common.pool = *switched.change.pool;
  add("rekey-end", plan_rekey_end(rekey));
  Vault halved = w.solo;
  halved.rekey = begun.change.vaults.front().rekey;
  add("rm-of-a-vault-half-copied", plan_remove({w.common, w.solo_volume, {}, {{"solo", halved}}, false}));
  add("resize", plan_resize({w.common, w.web_volume, w.web, kGiB * 4}));
  return all;
}

std::string text_of_plan(const Plan& plan) {
  Journal journal;
  journal.operation = plan.operation;
  journal.from = plan.commit.from;
  journal.to = plan.commit.to;
  journal.time = kNow;
  journal.steps = plan.texts();
  journal.after = plan.change;
  journal.to_undo = plan.to_undo;
  journal.cleanup = plan.cleanup;
  const auto text = state::encode(journal);
  return text ? *text : "cannot be written: " + text.error().text();
}

template <class T, class Key>
bool none_twice(const std::vector<T>& items, Key key) {
  std::set<decltype(key(items.front()))> seen;
  return std::all_of(items.begin(), items.end(), [&](const T& item) { return seen.insert(key(item)).second; });
}

}  // namespace

TEST_CASE("plans are what the golden files say") {
  for (const Case& c : cases()) {
    INFO(c.name << ": TCLONE_UPDATE_GOLDEN=1 rewrites the file");
    const std::string file = std::string(TCLONE_SOURCE_DIR) + "/tests/golden/plans/" + c.name + ".txt";
    const std::string made = text_of_plan(c.plan);
    if (std::getenv("TCLONE_UPDATE_GOLDEN") != nullptr) std::ofstream(file, std::ios::binary) << made;
    std::ifstream in(file, std::ios::binary);
    std::ostringstream golden;
    golden << in.rdbuf();
    CHECK(made == golden.str());
  }
}

TEST_CASE("every plan moves the transaction by one, in kernel and record alike") {
  for (const Case& c : cases()) {
    INFO(c.name);
    CHECK(c.plan.commit.to == c.plan.commit.from + 1);
    REQUIRE(c.plan.change.pool);
    CHECK(c.plan.change.pool->transaction == c.plan.commit.to);
  }
}

TEST_CASE("no plan writes a record and removes it, or writes one twice") {
  for (const Case& c : cases()) {
    INFO(c.name);
    const RecordChange& change = c.plan.change;
    CHECK(none_twice(change.vaults, [](const Vault& v) { return v.name; }));
    CHECK(none_twice(change.volumes, [](const Volume& v) { return v.name; }));
    CHECK(none_twice(change.versions, [](const Version& v) { return v.ref().text(); }));
    for (const Vault& v : change.vaults) {
      CHECK(std::count(change.gone_vaults.begin(), change.gone_vaults.end(), v.name) == 0);
    }
    for (const Volume& v : change.volumes) {
      CHECK(std::count(change.gone_volumes.begin(), change.gone_volumes.end(), v.name) == 0);
    }
    for (const Version& v : change.versions) {
      CHECK(std::count(change.gone_versions.begin(), change.gone_versions.end(), std::pair{v.volume, v.number}) == 0);
    }
  }
}

TEST_CASE("every thin id that is new in a plan's records is claimed or pending, and below the counter") {
  const World w;
  const std::map<std::string, Vault> before{{"db", w.db}, {"web", w.web}, {"solo", w.solo}};
  for (const Case& c : cases()) {
    INFO(c.name);
    std::map<std::string, Vault> after;
    for (const Vault& v : c.plan.change.vaults) {
      after[v.name] = v;
      CHECK(v.outer.n < c.plan.change.pool->next_outer);
      if (v.outer.n < c.plan.change.pool->next_outer - c.plan.to_undo.outer.size()) continue;
      const auto& to_undo = c.plan.to_undo.outer;
      CHECK(std::any_of(to_undo.begin(), to_undo.end(),
                        [&](const OuterRef& o) { return o.outer == v.outer && o.vault == v.uuid; }));
    }
    const auto check = [&](const std::string& in, ThinId thin, const std::string& device) {
      const auto vault = after.find(in);
      if (vault == after.end()) return;  // its vault is not touched: nothing new in it
      INFO(device);
      CHECK(thin.n < vault->second.next_thin);
      const auto old = std::find_if(before.begin(), before.end(),
                                    [&](const auto& v) { return v.second.outer == vault->second.outer; });
      if (old != before.end() && thin.n < old->second.next_thin) return;
      const auto& pending = vault->second.pending.create_thins;
      const auto& to_undo = c.plan.to_undo.inner;
      const bool claimed = std::any_of(to_undo.begin(), to_undo.end(), [&](const InnerRef& i) {
        return i.outer == vault->second.outer && i.thin == thin && i.device == device;
      });
      CHECK((claimed || std::find(pending.begin(), pending.end(), thin) != pending.end()));
    };
    for (const Volume& v : c.plan.change.volumes) check(v.vault, v.thin, device_names::volume("p", v.name));
    for (const Version& v : c.plan.change.versions)
      check(v.vault, v.thin, device_names::version("p", v.volume, v.number));
  }
}

TEST_CASE("nothing a plan owes to be deleted is still in its records, nor claimed by it") {
  for (const Case& c : cases()) {
    INFO(c.name);
    const Plan& plan = c.plan;
    for (const InnerRef& due : plan.cleanup.inner) {
      INFO(due.vault << " " << due.thin.n);
      for (const Volume& v : plan.change.volumes) CHECK((v.vault != due.vault || v.thin != due.thin));
      for (const Version& v : plan.change.versions) CHECK((v.vault != due.vault || v.thin != due.thin));
      for (const InnerRef& target : plan.to_undo.inner) CHECK((target.outer != due.outer || target.thin != due.thin));
    }
    for (const OuterRef& due : plan.cleanup.outer) {
      for (const Vault& v : plan.change.vaults) CHECK(v.outer != due.outer);
      // A vault that goes, or the half of one that the vault does not name any more.
      const auto kept = std::find_if(plan.change.vaults.begin(), plan.change.vaults.end(),
                                     [&](const Vault& v) { return v.name == due.vault_name; });
      CHECK(std::count(plan.change.gone_vaults.begin(), plan.change.gone_vaults.end(), due.vault_name) ==
            (kept == plan.change.vaults.end() ? 1 : 0));
      if (kept != plan.change.vaults.end()) CHECK_FALSE(kept->rekey);
      for (const InnerRef& inner : plan.cleanup.inner) CHECK(inner.outer != due.outer);
    }
    for (const OuterRef& due : plan.cleanup.shred) {
      const auto vault = std::find_if(plan.change.vaults.begin(), plan.change.vaults.end(),
                                      [&](const Vault& v) { return v.rekey && v.rekey->outer == due.outer; });
      REQUIRE(vault != plan.change.vaults.end());
      CHECK(vault->rekey->stage == Rekey::Stage::erase);
      CHECK(vault->rekey->uuid == due.vault);
      CHECK(vault->uuid != due.vault);
    }
    for (const OuterRef& due : plan.cleanup.reset) {
      const auto vault = std::find_if(plan.change.vaults.begin(), plan.change.vaults.end(),
                                      [&](const Vault& v) { return v.outer == due.outer; });
      REQUIRE(vault != plan.change.vaults.end());
      CHECK(vault->pending.format);
    }
  }
}

TEST_CASE("device names in plans are those of the device-mapper room") {
  const World w;
  std::set<std::string> known;
  for (const char* volume : {"db", "web", "solo", "dev", "new", "copy", "data"}) {
    known.insert(device_names::volume("p", volume));
    for (const std::uint64_t n : {1U, 2U, 3U}) known.insert(device_names::version("p", volume, n));
  }
  for (const Case& c : cases()) {
    INFO(c.name);
    for (const auto* to_undo : {&c.plan.to_undo.inner, &c.plan.cleanup.inner}) {
      for (const InnerRef& target : *to_undo) CHECK(known.count(target.device) == 1);
    }
    for (const DeviceRename& r : c.plan.cleanup.renames) {
      CHECK(known.count(r.from) == 1);
      CHECK(known.count(r.to) == 1);
    }
    for (const Action& a : c.plan.before) {
      if (const auto* snapshot = std::get_if<Snapshot>(&a)) {
        for (const Snap& s : snapshot->snaps) CHECK(known.count(s.device) == 1);
      }
    }
  }
}

TEST_CASE("counts and sums of every vault a plan touches follow what moves in and out") {
  for (const Case& c : cases()) {
    INFO(c.name);
    for (const Vault& v : c.plan.change.vaults) {
      CHECK((v.stock || v.volumes + v.versions > 0));
      CHECK((v.volumes > 0 || v.writable.n == 0));
      CHECK(v.writable.n < (1ULL << 62U));  // never below nothing
      CHECK(v.provisioned <= round_up(v.metadata, kMiB));
    }
  }
}

TEST_CASE("a plan opens a vault before it makes room in it, and makes room once") {
  for (const Case& c : cases()) {
    INFO(c.name);
    std::set<std::string> open, roomy;
    for (const Action& a : c.plan.prepare) {
      if (const auto* o = std::get_if<OpenVault>(&a)) CHECK(open.insert(o->vault).second);
      if (const auto* m = std::get_if<MakeRoom>(&a)) {
        CHECK(open.count(m->vault) == 1);
        CHECK(roomy.insert(m->vault).second);
      }
    }
    for (const Action& a : c.plan.before) {
      if (const auto* s = std::get_if<Snapshot>(&a)) {
        for (const Snap& snap : s->snaps) CHECK(roomy.count(snap.vault) == 1);
      }
    }
  }
}
