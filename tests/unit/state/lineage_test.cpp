// SPDX-License-Identifier: GPL-2.0-or-later
// What records say about each other.
#include "state/lineage.h"

#include <algorithm>

#include "unit/catch.h"
#include "unit/state/samples.h"

using namespace tclone;

namespace {

/// db with version db@7, and web1, an own-key clone of it with a version of its own.
Records two_volumes() {
  Records all;
  all.pool = samples::pool();
  all.vaults = {samples::vault("db", 10), samples::vault("web1", 11)};
  Volume db = samples::volume("db", 10);
  Volume web = samples::volume("web1", 11);
  Version base = samples::version("db", 7, 10);
  Version own = samples::version("web1", 7, 11);
  web.origin = web.basis = own.basis = base.ref();
  all.volumes = {db, web};
  all.versions = {base, own};
  return all;
}

void finds(const Records& records, const std::string& file, const std::string& why) {
  const std::vector<Finding> found = check_lineage(records);
  std::string all;
  for (const Finding& f : found) all += f.file + ": " + f.why + "\n";
  INFO(all);
  CHECK(std::any_of(found.begin(), found.end(),
                    [&](const Finding& f) { return f.file == file && f.why.find(why) != std::string::npos; }));
}

}  // namespace

TEST_CASE("a pool in order has no findings") { CHECK(check_lineage(two_volumes()).empty()); }

TEST_CASE("ids given twice or beyond their counter are found") {
  Records r = two_volumes();
  r.volumes[1].uuid = r.volumes[0].uuid;
  finds(r, "volumes/web1.toml", "has the uuid of volumes/db.toml");
  r = two_volumes();
  r.versions[0].thin = r.volumes[0].thin;
  finds(r, "versions/db@7.toml", "has thin id 0 in vault db, and so has volumes/db.toml");
  r = two_volumes();
  r.vaults[1].outer = r.vaults[0].outer;
  finds(r, "vaults/web1.toml", "has the outer thin id 10 of vaults/db.toml");
  r = two_volumes();
  r.pool->next_outer = 11;
  finds(r, "vaults/web1.toml", "the pool's next one is 11");
  r = two_volumes();
  r.vaults[0].next_thin = 1;
  finds(r, "versions/db@7.toml", "next_thin of vault db is 1");
  r = two_volumes();
  r.vaults[0].pending.delete_thins = {ThinId{1}};
  finds(r, "versions/db@7.toml", "which vault db is about to delete");
}

TEST_CASE("a shared-key clone outlives the version it was cloned from") {
  Records r = two_volumes();
  r.volumes[1].basis.reset();
  r.versions[1].basis.reset();
  r.versions.erase(r.versions.begin());
  r.volumes[0].versions.clear();
  r.volumes[0].tags.clear();
  r.vaults[0].versions = 0;
  r.volumes[1].own_key = false;
  CHECK(check_lineage(r).empty());
}

TEST_CASE("references to what is not there are found") {
  Records r = two_volumes();
  r.versions.erase(r.versions.begin());
  r.volumes[1].own_key = true;
  finds(r, "volumes/web1.toml", "origin db@7 does not exist");
  finds(r, "volumes/web1.toml", "basis db@7 does not exist");
  finds(r, "versions/web1@7.toml", "basis db@7 does not exist");
  finds(r, "volumes/db.toml", "lists version 7, which has no record");
  r = two_volumes();
  r.versions[0].uuid = samples::uuid(999);
  finds(r, "volumes/web1.toml", "basis db@7 has another uuid now");
  r = two_volumes();
  r.volumes[1].basis->volume = "dc";
  finds(r, "volumes/web1.toml", "basis dc@7 has the uuid of db@7");
  r = two_volumes();
  r.vaults.pop_back();
  finds(r, "volumes/web1.toml", "is in vault web1, which does not exist");
  r = two_volumes();
  r.volumes[0].tags["stable"] = 3;
  finds(r, "volumes/db.toml", "tag stable names version 3, which does not exist");
  r = two_volumes();
  r.volumes[0].tags.erase("latest");
  finds(r, "volumes/db.toml", "tag latest does not name the newest version, 7");
  r = two_volumes();
  r.volumes[0].versions.clear();
  finds(r, "versions/db@7.toml", "is not listed by volume db");
  r = two_volumes();
  r.vaults[0].volumes = 3;
  finds(r, "vaults/db.toml", "counts 3 volumes, but there are 1");
}

TEST_CASE("a circle of bases is found and does not hang") {
  Records r = two_volumes();
  r.versions[0].basis = r.versions[1].ref();
  finds(r, "versions/db@7.toml", "bases form a circle");
  finds(r, "versions/web1@7.toml", "bases form a circle");
  r.versions[0].basis = r.versions[0].ref();
  finds(r, "versions/db@7.toml", "bases form a circle");
}

TEST_CASE("who stands on a version is told") {
  const Records r = two_volumes();
  CHECK(standing_on(r, r.versions[0].uuid) == std::vector<std::string>{"web1", "web1@7"});
  CHECK(standing_on(r, r.versions[1].uuid).empty());
}

TEST_CASE("loading names what is damaged and reads the rest") {
  const samples::TempFolder folder;
  Store store = Store::create(folder / "s", samples::pool()).value();
  RecordChange change;
  change.vaults = {samples::vault()};
  change.volumes = {samples::volume(), samples::volume("bad", 12)};
  change.versions = {samples::version()};
  REQUIRE(store.apply(change));
  std::filesystem::resize_file(folder / "s/volumes/bad.toml", 100);
  const LoadedRecords all = load_records(store).value();
  CHECK(all.records.volumes.size() == 1);
  CHECK(all.records.versions.size() == 1);
  REQUIRE(all.damaged.size() == 1);
  CHECK(all.damaged[0].file == "volumes/bad.toml");
  CHECK(all.damaged[0].why.find("is cut short") != std::string::npos);
  CHECK(check_lineage(all.records).empty());
}
