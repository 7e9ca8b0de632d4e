// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/model.h"

#include <cstring>
#include <functional>
#include <sstream>

namespace tclone::lab::model {
namespace {

std::string text(const std::optional<Reference>& ref) { return ref ? ref->text() : "-"; }

struct Census {
  unsigned volumes = 0, versions = 0;
  std::uint64_t writable = 0;
};

}  // namespace

std::uint64_t page_hash(const unsigned char* page) {
  std::uint64_t hash = 0, all = 0;
  for (std::size_t at = 0; at < kPage; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, page + at, sizeof word);
    all |= word;
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32U;
  }
  if (all == 0) return 0;
  return hash == 0 ? 1 : hash;
}

void make_page(std::uint64_t stamp, std::uint64_t page, unsigned char* out) {
  Random random(stamp * 0x9e3779b97f4a7c15ULL + page);
  for (std::size_t at = 0; at < kPage; at += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(out + at, &word, sizeof word);
  }
}

std::string Model::text() const {
  std::set<std::string> lines;
  std::map<std::string, Census> census;
  for (const auto& [name, v] : volumes) {
    std::ostringstream out;
    out << "volume " << name << ' ' << v.vault << ' ' << v.size << ' ' << v.fs << " of " << model::text(v.origin)
        << " on " << model::text(v.basis) << (v.own ? " own" : "") << " follows " << v.follows << " next " << v.next
        << " versions";
    for (const auto& [n, version] : v.versions) out << ' ' << n;
    for (const auto& [tag, n] : v.tags) out << ' ' << tag << '=' << n;
    lines.insert(out.str());
    ++census[v.vault].volumes;
    census[v.vault].writable += v.size;
    for (const auto& [n, version] : v.versions) {
      ++census[version.vault].versions;
      lines.insert("version " + name + "@" + std::to_string(n) + " " + version.vault + " " +
                   std::to_string(version.size) + " on " + model::text(version.basis) + " " + version.message);
    }
  }
  for (const auto& [name, v] : vaults) {
    const Census& c = census[name];
    std::ostringstream out;
    out << "vault " << name << ' ' << v.encrypted << ' ' << c.volumes << ' ' << c.versions << ' ' << c.writable;
    for (const std::string& key : v.keys) out << ' ' << key << (key == v.key ? "*" : "");
    if (!v.rekey.empty()) out << " rekey " << v.rekey;
    lines.insert(out.str());
  }
  if (stock > 0) lines.insert("stock " + std::to_string(stock));
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

const ModelVersion* Model::version(const std::string& volume, std::uint64_t number) const {
  const auto v = volumes.find(volume);
  if (v == volumes.end()) return nullptr;
  const auto found = v->second.versions.find(number);
  return found == v->second.versions.end() ? nullptr : &found->second;
}

const ModelVersion* Model::version(const Reference& ref) const {
  const ModelVersion* found = version(ref.volume, ref.number);
  return found != nullptr && found->id == ref.id ? found : nullptr;
}

std::vector<std::string> Model::standing_on(std::uint64_t id) const {
  std::vector<std::string> out;
  for (const auto& [name, v] : volumes) {
    if (v.basis && v.basis->id == id) out.push_back(name);
    for (const auto& [n, version] : v.versions) {
      if (version.basis && version.basis->id == id) out.push_back(name + "@" + std::to_string(n));
    }
  }
  return out;
}

bool Model::in_use(const std::string& vault) const {
  for (const std::string& name : active) {
    if (volumes.at(name).vault == vault) return true;
  }
  for (const std::string& name : active_versions()) {
    const std::size_t at = name.find('@');
    const ModelVersion* v = version(name.substr(0, at), std::stoull(name.substr(at + 1)));
    if (v != nullptr && v->vault == vault) return true;
  }
  return false;
}

bool Model::closed(const std::string& vault, const std::optional<Reference>& basis) const {
  const auto found = vaults.find(vault);
  if (found != vaults.end() && found->second.rekey == "copy") return true;
  const ModelVersion* below = basis ? version(*basis) : nullptr;
  return below != nullptr && closed(below->vault, below->basis);
}

std::set<std::string> Model::active_versions() const {
  std::set<std::string> out;
  const std::function<void(const std::optional<Reference>&)> below = [&](const std::optional<Reference>& basis) {
    if (!basis) return;
    out.insert(basis->text());
    if (const ModelVersion* v = version(*basis)) below(v->basis);
  };
  for (const std::string& name : active) below(volumes.at(name).basis);
  for (const std::string& name : pinned) {
    const std::size_t at = name.find('@');
    const ModelVersion* v = version(name.substr(0, at), std::stoull(name.substr(at + 1)));
    out.insert(name);
    if (v != nullptr) below(v->basis);
  }
  return out;
}

}  // namespace tclone::lab::model
