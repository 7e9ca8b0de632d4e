// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/lineage.h"

#include <algorithm>
#include <map>
#include <set>

#include "state/records.h"

namespace tclone {
namespace {

std::string file_of(const Vault& vault) { return state::vault_file(vault.name); }
std::string file_of(const Volume& volume) { return state::volume_file(volume.name); }
std::string file_of(const Version& version) { return state::version_file(version.volume, version.number); }

class Check {
 public:
  explicit Check(const Records& records) : records_(records) {
    for (const Vault& vault : records.vaults) vaults_.emplace(vault.name, &vault);
    for (const Volume& volume : records.volumes) volumes_.emplace(volume.name, &volume);
    for (const Version& version : records.versions) {
      versions_.emplace(version.uuid, &version);
      places_.emplace(std::pair(version.volume, version.number), &version);
    }
  }

  std::vector<Finding> run() {
    if (records_.pool) unique_uuid(state::kPoolFile, records_.pool->uuid);
    for (const Volume& volume : records_.volumes) count(volume);
    for (const Version& version : records_.versions) ++tenants_[version.vault].versions;
    for (const Vault& vault : records_.vaults) check_vault(vault);
    for (const Volume& volume : records_.volumes) check_volume(volume);
    for (const Version& version : records_.versions) check_version(version);
    return std::move(findings_);
  }

 private:
  void found(const std::string& file, std::string why) { findings_.push_back({file, std::move(why)}); }

  struct Tenants {
    std::uint64_t volumes = 0;
    std::uint64_t versions = 0;
    Bytes writable;
  };
  void count(const Volume& volume) {
    Tenants& tenants = tenants_[volume.vault];
    ++tenants.volumes;
    tenants.writable = tenants.writable + volume.size;
  }

  void unique_uuid(const std::string& file, const Uuid& uuid) {
    const auto [first, fresh] = uuids_.emplace(uuid, file);
    if (!fresh) found(file, "has the uuid of " + first->second);
  }

  void check_outer(const std::string& file, ThinId outer) {
    const auto [first, fresh] = outers_.emplace(outer, file);
    if (!fresh) found(file, "has the outer thin id " + std::to_string(outer.n) + " of " + first->second);
    if (records_.pool && outer.n >= records_.pool->next_outer)
      found(file, "has outer thin id " + std::to_string(outer.n) + ", but the pool's next one is " +
                      std::to_string(records_.pool->next_outer));
  }

  void check_half(const std::string& file, const Rekey& half) {
    unique_uuid(file, half.uuid);
    check_outer(file, half.outer);
  }

  void check_vault(const Vault& vault) {
    const std::string file = file_of(vault);
    unique_uuid(file, vault.uuid);
    check_outer(file, vault.outer);
    if (vault.rekey) check_half(file, *vault.rekey);
    const Tenants& tenants = tenants_[vault.name];
    const auto counts = [&](const char* what, std::uint64_t recorded, std::uint64_t real) {
      if (recorded != real)
        found(file, "counts " + std::to_string(recorded) + " " + what + ", but there are " + std::to_string(real));
    };
    counts("volumes", vault.volumes, tenants.volumes);
    counts("versions", vault.versions, tenants.versions);
    counts("writable bytes", vault.writable.n, tenants.writable.n);
    for (const ThinId thin : vault.pending.create_thins)
      if (thin.n >= vault.next_thin)
        found(file, "is to create thin id " + std::to_string(thin.n) + " beyond next_thin");
  }

  /// What holds for everything that is a thin in a vault.
  template <class Thin>
  void check_thin(const std::string& file, const Thin& thin) {
    unique_uuid(file, thin.uuid);
    const std::string id = "thin id " + std::to_string(thin.thin.n);
    const auto [first, fresh] = thins_.emplace(std::pair(thin.vault, thin.thin), file);
    if (!fresh) found(file, "has " + id + " in vault " + thin.vault + ", and so has " + first->second);
    const auto vault = vaults_.find(thin.vault);
    if (vault == vaults_.end()) return found(file, "is in vault " + thin.vault + ", which does not exist");
    if (thin.thin.n >= vault->second->next_thin)
      found(file,
            "has " + id + ", but next_thin of vault " + thin.vault + " is " + std::to_string(vault->second->next_thin));
    const std::vector<ThinId>& doomed = vault->second->pending.delete_thins;
    if (std::find(doomed.begin(), doomed.end(), thin.thin) != doomed.end())
      found(file, "has " + id + ", which vault " + thin.vault + " is about to delete");
  }

  /// The version a reference means, or nullptr after a finding.
  const Version* check_ref(const std::string& file, const char* what, const VersionRef& ref) {
    const std::string text = std::string(what) + " " + ref.text();
    const auto by_uuid = versions_.find(ref.uuid);
    if (by_uuid != versions_.end()) {
      if (by_uuid->second->ref() == ref) return by_uuid->second;
      found(file, text + " has the uuid of " + by_uuid->second->ref().text());
    } else if (places_.contains(std::pair(ref.volume, ref.number))) {
      found(file, text + " has another uuid now: it is not the version that was meant");
    } else {
      found(file, text + " does not exist");
    }
    return nullptr;
  }

  void check_volume(const Volume& volume) {
    const std::string file = file_of(volume);
    check_thin(file, volume);
    // A shared-key clone holds its blocks itself: the version it came from may have been removed.
    const bool removed = volume.origin && !volume.own_key && !versions_.contains(volume.origin->uuid) &&
                         !places_.contains(std::pair(volume.origin->volume, volume.origin->number));
    if (volume.origin && !removed) static_cast<void>(check_ref(file, "origin", *volume.origin));
    if (volume.basis) static_cast<void>(check_ref(file, "basis", *volume.basis));
    for (const std::uint64_t number : volume.versions)
      if (!places_.contains(std::pair(volume.name, number)))
        found(file, "lists version " + std::to_string(number) + ", which has no record");
    for (const auto& [tag, number] : volume.tags)
      if (!std::binary_search(volume.versions.begin(), volume.versions.end(), number))
        found(file, "tag " + tag + " names version " + std::to_string(number) + ", which does not exist");
    if (volume.versions.empty()) return;
    const auto latest = volume.tags.find("latest");
    if (latest == volume.tags.end() || latest->second != volume.versions.back())
      found(file, "tag latest does not name the newest version, " + std::to_string(volume.versions.back()));
  }

  void check_version(const Version& version) {
    const std::string file = file_of(version);
    check_thin(file, version);
    const auto volume = volumes_.find(version.volume);
    if (volume == volumes_.end()) {
      found(file, "is of volume " + version.volume + ", which does not exist");
    } else {
      const std::vector<std::uint64_t>& listed = volume->second->versions;
      if (!std::binary_search(listed.begin(), listed.end(), version.number))
        found(file, "is not listed by volume " + version.volume);
    }
    if (version.basis && check_ref(file, "basis", *version.basis) != nullptr && stands_on_itself(version))
      found(file, "stands on itself: its bases form a circle");
  }

  /// Walks the bases down from a version: back at it, it is part of the circle.
  [[nodiscard]] bool stands_on_itself(const Version& start) const {
    std::set<Uuid> seen;
    for (const Version* at = &start; at->basis;) {
      const auto next = versions_.find(at->basis->uuid);
      if (next == versions_.end()) return false;
      at = next->second;
      if (at->uuid == start.uuid) return true;
      if (!seen.insert(at->uuid).second) return false;  // a circle further down, found from there
    }
    return false;
  }

  const Records& records_;
  std::map<std::string, const Vault*> vaults_;
  std::map<std::string, const Volume*> volumes_;
  std::map<Uuid, const Version*> versions_;
  std::map<std::pair<std::string, std::uint64_t>, const Version*> places_;
  std::map<Uuid, std::string> uuids_;
  std::map<ThinId, std::string> outers_;
  std::map<std::pair<std::string, ThinId>, std::string> thins_;
  std::map<std::string, Tenants> tenants_;
  std::vector<Finding> findings_;
};

/// Keeps what was read, names what is damaged, and passes on errors of reading itself.
template <class T>
Status keep(Result<T> read, const std::string& file, std::vector<T>& into, std::vector<Finding>& damaged) {
  if (read) {
    into.push_back(std::move(*read));
    return {};
  }
  const Error& error = read.error();
  if (error.code == Code::not_found) return {};  // removed since the folder was listed
  if (error.code != Code::damaged) return tl::unexpected(error);
  damaged.push_back({file, error.object == file ? error.why : error.object + ": " + error.why});
  return {};
}

}  // namespace

Result<LoadedRecords> load_records(const Store& store) {
  LoadedRecords all;
  std::vector<PoolRecord> pools;
  TC_CHECK(keep(store.pool(), state::kPoolFile, pools, all.damaged));
  if (!pools.empty()) all.records.pool = pools.front();
  for (const std::string& name : TC_TRY(store.vault_names()))
    TC_CHECK(keep(store.vault(name), state::vault_file(name), all.records.vaults, all.damaged));
  for (const std::string& name : TC_TRY(store.volume_names()))
    TC_CHECK(keep(store.volume(name), state::volume_file(name), all.records.volumes, all.damaged));
  for (const auto& [volume, number] : TC_TRY(store.version_names()))
    TC_CHECK(
        keep(store.version(volume, number), state::version_file(volume, number), all.records.versions, all.damaged));
  return all;
}

std::vector<Finding> check_lineage(const Records& records) { return Check(records).run(); }

std::vector<std::string> standing_on(const Records& records, const Uuid& version) {
  std::vector<std::string> names;
  for (const Volume& volume : records.volumes)
    if (volume.basis && volume.basis->uuid == version) names.push_back(volume.name);
  for (const Version& other : records.versions)
    if (other.basis && other.basis->uuid == version) names.push_back(other.ref().text());
  return names;
}

}  // namespace tclone
