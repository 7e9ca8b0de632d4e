// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/names.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "model/names.h"
#include "state/store.h"

namespace tclone::cli {
namespace {

using NameCheck = Status (*)(std::string_view);

/// The stems of the files in a directory that are names.
std::vector<std::string> stems(const std::string& directory, NameCheck check) {
  std::vector<std::string> out;
  std::error_code ignored;
  for (std::filesystem::directory_iterator it(directory, ignored), end; !ignored && it != end; it.increment(ignored)) {
    const std::filesystem::path& file = it->path();
    if (file.extension() == ".toml" && check(file.stem().string())) out.push_back(file.stem());
  }
  return out;
}

void add_versions(const Volume& volume, bool tags_alone, std::set<std::string>& out) {
  for (const auto& [tag, number] : volume.tags) out.insert(tags_alone ? tag : volume.name + "@" + tag);
  if (tags_alone) return;
  for (const std::uint64_t number : volume.versions) out.insert(volume.name + "@" + std::to_string(number));
}

}  // namespace

std::string names(const engine::Paths& paths, const std::string& what, const std::string& pool) {
  std::vector<std::string> from = what == "policies" ? stems(paths.etc + "/policies.d", names::check_volume_name)
                                                     : stems(paths.etc + "/pools", names::check_pool_name);
  std::set<std::string> found;
  if (what == "pools" || what == "policies") {
    found.insert(from.begin(), from.end());
    from.clear();
  } else if (!pool.empty()) {
    if (!names::check_pool_name(pool)) return {};
    from = {pool};
  }
  for (const std::string& one : from) {
    const auto store = Store::open(paths.lib + "/" + one);
    if (!store) continue;
    const auto volumes = store->volume_names();
    if (!volumes) continue;
    if (what == "volumes" || what == "targets") found.insert(volumes->begin(), volumes->end());
    if (what == "volumes") continue;
    for (const std::string& name : *volumes) {
      if (const auto volume = store->volume(name)) add_versions(*volume, what == "tags", found);
    }
  }
  std::string out;
  for (const std::string& one : found) out += one + "\n";
  return out;
}

}  // namespace tclone::cli
