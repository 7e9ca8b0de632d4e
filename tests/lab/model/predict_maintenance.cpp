// SPDX-License-Identifier: GPL-2.0-or-later
// The other half of predict.cpp: contents, names, devices, keys, the pool.
#include <algorithm>

#include "tests/lab/model/predict.h"

namespace tclone::lab::model {
namespace {

constexpr int kDone = 0, kUsage = 2, kNotFound = 3, kExists = 4, kBusy = 5, kKey = 7;

/// A name of a volume or of one of its versions, as it is called after a rename.
std::set<std::string> renamed(const std::set<std::string>& names, const std::string& from, const std::string& to) {
  std::set<std::string> out;
  for (const std::string& name : names) {
    if (name == from) {
      out.insert(to);
    } else if (name.starts_with(from + "@")) {
      out.insert(to + name.substr(from.size()));
    } else {
      out.insert(name);
    }
  }
  return out;
}

/// Its size, longer with zeros or cut.
Contents resized(const Contents& from, std::uint64_t size) {
  if (!from) return from;
  Pages pages = *from;
  pages.resize(size / kPage, 0);
  return std::make_shared<const Pages>(std::move(pages));
}

}  // namespace

int Predictor::tag() {
  if (!out_.after.up) return kExists;
  const auto [name, selector] = split(words_.at(1));
  const auto n = select(name, selector.empty() ? "latest" : selector);
  if (!n) return kNotFound;
  volume(name)->tags[words_.at(2)] = *n;
  return kDone;
}

int Predictor::untag() {
  if (!out_.after.up) return kExists;
  ModelVolume* v = volume(words_.at(1));
  return v != nullptr && v->tags.erase(words_.at(2)) > 0 ? kDone : kNotFound;
}

int Predictor::rename() {
  if (!out_.after.up) return kExists;
  const std::string from = words_.at(1), to = words_.at(2);
  Model& m = out_.after;
  if (volume(from) == nullptr) return kNotFound;
  if (volume(to) != nullptr) return kExists;
  // Its vault goes with it when it is called after it and the name is free.
  const bool with_vault = m.volumes[from].vault == from && !m.vaults.contains(to);
  m.volumes[to] = m.volumes[from];
  m.volumes.erase(from);
  const auto in_reference = [&](std::optional<Reference>& ref) {
    if (ref && ref->volume == from) ref->volume = to;
  };
  const auto in_vault = [&](std::string& vault) {
    if (with_vault && vault == from) vault = to;
  };
  for (auto& [name, v] : m.volumes) {
    in_reference(v.origin);
    in_reference(v.basis);
    in_vault(v.vault);
    for (auto& [n, version] : v.versions) {
      in_reference(version.basis);
      in_vault(version.vault);
    }
  }
  if (with_vault) {
    m.vaults[to] = m.vaults[from];
    m.vaults.erase(from);
  }
  for (auto* names : {&m.active, &m.pinned, &m.held}) *names = renamed(*names, from, to);
  return kDone;
}

int Predictor::remove_version(const std::string& name, std::uint64_t number) {
  ModelVolume& v = *volume(name);
  const ModelVersion gone = v.versions.at(number);
  if (!out_.after.standing_on(gone.id).empty()) return kExists;
  v.versions.erase(number);
  std::erase_if(v.tags, [&](const auto& tag) { return tag.second == number; });
  if (!v.versions.empty()) v.tags["latest"] = v.versions.rbegin()->first;
  out_.after.pinned.erase(name + "@" + std::to_string(number));
  drop_vault_if_empty(gone.vault);
  return kDone;
}

int Predictor::remove() {
  if (!out_.after.up) return kExists;
  const auto [name, selector] = split(words_.at(1));
  Model& m = out_.after;
  if (volume(name) == nullptr) return kNotFound;
  if (!selector.empty()) {
    const auto n = select(name, selector);
    return n ? remove_version(name, *n) : kNotFound;
  }
  if (m.held.contains(name)) return kBusy;
  for (const auto& [n, version] : volume(name)->versions) {
    if (!m.standing_on(version.id).empty()) return kExists;
  }
  for (const auto& [n, version] : volume(name)->versions) m.pinned.erase(name + "@" + std::to_string(n));
  const ModelVolume gone = *volume(name);
  m.volumes.erase(name);
  m.active.erase(name);
  drop_vault_if_empty(gone.vault);
  for (const auto& [n, version] : gone.versions) drop_vault_if_empty(version.vault);
  for (auto& [other, v] : m.volumes) {
    if (!v.origin || v.origin->volume != name) continue;
    v.origin.reset();
    v.follows.clear();
  }
  return kDone;
}

int Predictor::write() {
  const std::string& name = words_.at(1);
  ModelVolume* v = volume(name);
  if (v == nullptr || !v->contents || !out_.after.active.contains(name)) return kDone;
  Pages pages = *v->contents;
  std::vector<unsigned char> bytes(kPage);
  const std::uint64_t first = number(words_.at(2)), stamp = number(words_.at(4));
  for (std::uint64_t page = first; page < first + number(words_.at(3)) && page < pages.size(); ++page) {
    make_page(stamp, page, bytes.data());
    pages[page] = page_hash(bytes.data());
  }
  v->contents = std::make_shared<const Pages>(std::move(pages));
  return kDone;
}

/// A discarded block of an own-key clone lets its basis show through.
int Predictor::discard() {
  const std::string& name = words_.at(1);
  ModelVolume* v = volume(name);
  if (v == nullptr || !v->contents || !out_.after.active.contains(name)) return kDone;
  const ModelVersion* basis = v->basis ? out_.after.version(*v->basis) : nullptr;
  if (basis != nullptr && !basis->contents) {
    v->contents = nullptr;
    return kDone;
  }
  Pages pages = *v->contents;
  const std::uint64_t first = number(words_.at(2)) * kPagesPerBlock;
  for (std::uint64_t page = first; page < first + number(words_.at(3)) * kPagesPerBlock && page < pages.size();
       ++page) {
    pages[page] = basis != nullptr && page < basis->contents->size() ? (*basis->contents)[page] : 0;
  }
  v->contents = std::make_shared<const Pages>(std::move(pages));
  return kDone;
}

int Predictor::resize() {
  if (!out_.after.up) return kExists;
  ModelVolume* v = volume(words_.at(1));
  if (v == nullptr) return kNotFound;
  const std::uint64_t size = size_in_bytes(words_.at(2));
  if (size < v->size) return kUsage;
  if (size == v->size && v->fs == "none") return kDone;
  if (out_.after.closed(v->vault, std::nullopt)) return kExists;
  v->size = size;
  // A filesystem grows along: what it looks like then is learned.
  v->contents = v->fs == "none" ? resized(v->contents, size) : nullptr;
  return kDone;
}

int Predictor::activate() {
  if (!out_.after.up) return kExists;
  Model& m = out_.after;
  int first = kDone;
  if (option("--all")) {
    return activate_all();
  }
  for (std::size_t i = 1; i < words_.size(); ++i) {
    const auto [name, selector] = split(words_[i]);
    const auto n = selector.empty() ? std::nullopt : select(name, selector);
    if (volume(name) == nullptr || (!selector.empty() && !n)) {
      if (first == kDone) first = kNotFound;
    } else if (n ? out_.after.closed(volume(name)->versions.at(*n).vault, volume(name)->versions.at(*n).basis)
                 : closed(name)) {
      if (first == kDone) first = kExists;
    } else if (n) {
      m.pinned.insert(name + "@" + std::to_string(*n));
    } else {
      m.active.insert(name);
    }
  }
  return first;
}

int Predictor::deactivate() {
  if (!out_.after.up) return kExists;
  Model& m = out_.after;
  int first = kDone;
  std::vector<std::string> targets(words_.begin() + 1, words_.end());
  if (option("--all")) {
    targets.clear();
    for (const auto& [name, v] : m.volumes) targets.push_back(name);
  }
  for (const std::string& target : targets) {
    const auto [name, selector] = split(target);
    const auto n = selector.empty() ? std::nullopt : select(name, selector);
    int code = kDone;
    if (volume(name) == nullptr || (!selector.empty() && !n)) {
      code = kNotFound;
    } else if (n) {
      const std::string version = name + "@" + std::to_string(*n);
      const bool was = m.pinned.erase(version) > 0;
      if (m.active_versions().contains(version)) {
        code = kBusy;
        if (was) m.pinned.insert(version);
      }
    } else if (m.held.contains(name)) {
      code = kBusy;
    } else {
      m.active.erase(name);
    }
    if (first == kDone) first = code;
  }
  return first;
}

int Predictor::key() {
  if (!out_.after.up) return kExists;
  const ModelVolume* v = volume(words_.at(2));
  if (v == nullptr) return kNotFound;
  ModelVault& vault = out_.after.vaults.at(v->vault);
  if (!vault.encrypted) return kUsage;
  if (vault.rekey == "copy") return kExists;
  return words_.at(1) == "add" ? key_add(vault) : key_remove(vault);
}

int Predictor::key_add(ModelVault& vault) {
  const std::string source = value("--key");
  if (std::find(vault.keys.begin(), vault.keys.end(), source) == vault.keys.end()) vault.keys.push_back(source);
  return kDone;
}

int Predictor::key_remove(ModelVault& vault) {
  const std::string source = value("--key");
  if (std::find(vault.keys.begin(), vault.keys.end(), source) == vault.keys.end()) return kKey;
  if (vault.keys.size() == 1) return kExists;
  std::erase(vault.keys, source);
  if (vault.key == source) vault.key = vault.keys.back();
  return kDone;
}

void Predictor::all_down() {
  out_.after.up = false;
  out_.after.active.clear();
  out_.after.pinned.clear();
}

int Predictor::pool() {
  Model& m = out_.after;
  const std::string& verb = words_.at(1);
  if (verb == "stock") return pool_stock();
  if (verb == "check" || verb == "status") return kDone;
  if (verb == "activate") {
    m.up = true;
    if (option("--volumes")) static_cast<void>(activate_all());  // what cannot be is told, and the others go on
    return kDone;
  }
  if (m.up && !m.held.empty()) return kBusy;
  all_down();
  return kDone;
}

int Predictor::hold() {
  if (out_.after.active.contains(words_.at(1))) out_.after.held.insert(words_.at(1));
  return kDone;
}

int Predictor::release() {
  out_.after.held.erase(words_.at(1));
  return kDone;
}

/// The pool comes back by `pool activate`.
int Predictor::cut() {
  all_down();
  out_.after.up = true;
  out_.after.held.clear();
  return kDone;
}

}  // namespace tclone::lab::model
