// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/core/lookup.h"

#include <algorithm>
#include <cerrno>

#include "base/nearest.h"
#include "model/device_names.h"

namespace tclone::engine {

void explain_record(Error& error) {
  const bool disk = error.sys == EIO || error.sys == EROFS || error.sys == EUCLEAN;
  const std::string& file = error.object;
  const bool record = file.ends_with(".toml") || file.starts_with("journal") || file == "vaults" || file == "volumes" ||
                      file == "versions" || file == Store::kRecords;
  if (!record || file.starts_with("/")) return;
  if (error.code == Code::not_found) {
    // What people name is looked for by find_volume() and its like, which say so in their own words.
    error.code = Code::damaged;
    error.why = "there is no such record, although another one names it";
    error.next = "run `tclone doctor`";
    error.sys = 0;
  }
  if (!disk) return;
  error.object = file + " in the pool's state area";
  error.next =
      "the state area's device fails or failed (`dmesg`): once it is well, `tclone pool deactivate` and activate the "
      "pool again";
}

namespace {
/// By reading it: who asks for a volume needs its vault next, and what is read under the lock is kept.
bool missing_vault(const Session& s, const std::string& name) {
  const auto vault = s.store.vault(name);
  return !vault && vault.error().code == Code::not_found;
}
}  // namespace

std::vector<std::string> tags_of(const Volume& volume) {
  std::vector<std::string> out;
  for (const auto& [tag, number] : volume.tags) out.push_back(tag);
  return out;
}

Result<Volume> find_volume(const Session& s, const std::string& name) {
  TC_CHECK(names::check_volume_name(name));
  auto volume = s.store.volume(name);
  if (!volume && volume.error().code == Code::not_found) {
    const std::vector<std::string> known = s.store.volume_names().value_or(std::vector<std::string>{});
    return fail(Code::not_found, name, "there is no volume of that name in pool " + s.pool,
                did_you_mean(name, known, "`tclone list` shows them"));
  }
  // Only under the lock: a reader may look between two records of a rename.
  if (volume && s.lock && missing_vault(s, volume->vault)) {
    return fail(Code::damaged, s.store.folder() + "/volumes/" + name + ".toml",
                "it says that the volume is in vault " + volume->vault + ", which does not exist",
                "correct the file, or bring it back from a copy");
  }
  return volume;
}

bool lists_version(const Session& s, const std::string& volume, std::uint64_t number) {
  const auto now = s.store.volume(volume);
  return now && std::find(now->versions.begin(), now->versions.end(), number) != now->versions.end();
}

Result<Version> find_version(const Session& s, const names::Target& target, bool newest) {
  const Volume volume = TC_TRY(find_volume(s, target.volume));
  std::uint64_t number = 0;
  const auto missing = [&](const std::string& why) {
    return fail(Code::not_found, target.text(), why,
                did_you_mean(target.tag, tags_of(volume), "`tclone log " + target.volume + "` shows its versions"));
  };
  if (target.number) {
    number = *target.number;
  } else if (!target.tag.empty() || newest) {
    const auto tag = volume.tags.find(target.tag.empty() ? "latest" : target.tag);
    if (tag == volume.tags.end()) {
      return missing(volume.versions.empty() ? "the volume has no version yet" : "there is no such tag");
    }
    number = tag->second;
  } else {
    return fail(Code::usage, target.text(), "names a volume, not a version",
                "write " + target.volume + "@NUMBER or @TAG");
  }
  auto version = s.store.version(target.volume, number);
  if (!version && version.error().code == Code::not_found && !lists_version(s, volume.name, number))
    return missing("there is no such version");
  return version;
}

Status refuse_existing(const Session& s, const std::string& name) {
  TC_CHECK(names::check_volume_name(name));
  if (s.store.has_volume(name)) {
    return fail(Code::exists, name, "a volume of that name exists already", "choose another name, or remove it first");
  }
  // Undoing would take it for the volume's and remove it.
  if (const std::string device = device_names::volume(s.pool, name); TC_TRY(s.env.dm.info(device))) {
    return fail(Code::exists, "device " + device, "it is there already, and of no volume of this pool",
                "find out whose it is (`dmsetup table " + device + "`), or choose another name");
  }
  return {};
}

std::string free_vault_name(const Session& s, const std::string& volume) {
  if (!s.store.has_vault(volume)) return volume;
  // A name of 63 characters leaves no room for a suffix: it is cut for the vault, which is internal.
  for (unsigned n = 2;; ++n) {
    const std::string suffix = "." + std::to_string(n);
    std::string name = volume.substr(0, 63 - suffix.size()) + suffix;
    if (!s.store.has_vault(name)) return name;
  }
}

Result<Records> read_everything(const Session& s) {
  LoadedRecords loaded = TC_TRY(load_records(s.store));
  if (!loaded.damaged.empty()) {
    const auto& first = loaded.damaged.front();
    return fail(Code::damaged, s.store.folder() + "/" + first.file, first.why,
                "correct the file, or bring it back from a copy");
  }
  return std::move(loaded.records);
}

std::optional<Records> indexed(const Session& s, Wanted wanted) {
  if (s.lock) return std::nullopt;  // it is about to change something
  auto all =
      indexed_records(s.store, index_path(s.env, s.pool), s.record.uuid, std::chrono::seconds(s.env.now()), wanted);
  if (all) all->pool = s.record;
  return all;
}

Result<Records> look_at_everything(const Session& s) {
  if (auto all = indexed(s, Wanted::all)) return std::move(*all);
  return read_everything(s);
}

}  // namespace tclone::engine
