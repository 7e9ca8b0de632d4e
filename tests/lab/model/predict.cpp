// SPDX-License-Identifier: GPL-2.0-or-later
// What each command must do, one class for all of them because they share the words and the state. Exit statuses are
// those of tclone(1).
#include <algorithm>
#include <charconv>

#include "tests/lab/model/model.h"
#include "tests/lab/model/predict.h"

namespace tclone::lab::model {
namespace {

constexpr int kDone = 0, kUsage = 2, kNotFound = 3, kExists = 4, kBusy = 5;

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

Contents image_of(std::uint64_t size) {
  Pages pages(size / kPage, 0);
  std::vector<unsigned char> bytes(kPage);
  for (std::uint64_t page = 0; page < kImagePages; ++page) {
    make_page(kImageStamp, page, bytes.data());
    pages[page] = page_hash(bytes.data());
  }
  return std::make_shared<const Pages>(std::move(pages));
}

}  // namespace

std::uint64_t number(const std::string& text) {
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

std::uint64_t size_in_bytes(const std::string& text) { return number(text.substr(0, text.size() - 1)) << 10U; }

Predictor::Predictor(const Model& before, const Operation& operation) : words_(operation.words) { out_.after = before; }

Prediction Predictor::run() {
  const std::string& verb = words_.at(0);
  static const std::map<std::string, int (Predictor::*)()> verbs{
      {"create", &Predictor::create},     {"clone", &Predictor::clone},
      {"publish", &Predictor::publish},   {"revert", &Predictor::revert},
      {"refresh", &Predictor::refresh},   {"tag", &Predictor::tag},
      {"untag", &Predictor::untag},       {"rename", &Predictor::rename},
      {"rm", &Predictor::remove},         {"resize", &Predictor::resize},
      {"activate", &Predictor::activate}, {"deactivate", &Predictor::deactivate},
      {"key", &Predictor::key},           {"pool", &Predictor::pool},
      {"write", &Predictor::write},       {"discard", &Predictor::discard},
      {"hold", &Predictor::hold},         {"release", &Predictor::release},
      {"cut", &Predictor::cut},           {"extend", &Predictor::nothing},
      {"look", &Predictor::nothing},      {"recover", &Predictor::needs_pool},
      {"doctor", &Predictor::nothing},    {"rekey", &Predictor::rekey}};
  const Model before = out_.after;
  out_.code = (this->*verbs.at(verb))();
  // What is refused leaves no trace; only activate and deactivate go on with their other names.
  if (out_.code != kDone && verb != "activate" && verb != "deactivate") out_.after = before;
  return std::move(out_);
}

bool Predictor::option(const std::string& name) const {
  return std::find(words_.begin(), words_.end(), name) != words_.end();
}

std::string Predictor::value(const std::string& name, const std::string& fallback) const {
  const auto at = std::find(words_.begin(), words_.end(), name);
  return at == words_.end() || at + 1 == words_.end() ? fallback : *(at + 1);
}

ModelVolume* Predictor::volume(const std::string& name) {
  const auto found = out_.after.volumes.find(name);
  return found == out_.after.volumes.end() ? nullptr : &found->second;
}

/// "db@3", "db@stable"; without an @ the newest. No number when there is none.
std::optional<std::uint64_t> Predictor::select(const std::string& name, const std::string& selector) {
  const ModelVolume* v = volume(name);
  if (v == nullptr) return std::nullopt;
  std::uint64_t n = 0;
  if (is_number(selector)) {
    n = number(selector);
  } else {
    const auto tagged = v->tags.find(selector);
    if (tagged == v->tags.end()) return std::nullopt;
    n = tagged->second;
  }
  if (!v->versions.contains(n)) return std::nullopt;
  return n;
}

std::pair<std::string, std::string> Predictor::split(const std::string& target) {
  const std::size_t at = target.find('@');
  if (at == std::string::npos) return {target, ""};
  return {target.substr(0, at), target.substr(at + 1)};
}

std::string Predictor::free_vault(const std::string& name) const {
  if (!out_.after.vaults.contains(name)) return name;
  for (unsigned n = 2;; ++n) {
    std::string other = name + "." + std::to_string(n);
    if (!out_.after.vaults.contains(other)) return other;
  }
}

std::uint64_t Predictor::freeze(const std::string& name) {
  ModelVolume& v = *volume(name);
  const std::uint64_t n = v.next++;
  v.versions[n] = {out_.after.next_id++, v.vault, v.size, v.fs, v.basis, "", v.contents};
  v.tags["latest"] = n;
  return n;
}

void Predictor::drop_vault_if_empty(const std::string& name) {
  for (const auto& [n, v] : out_.after.volumes) {
    if (v.vault == name) return;
    for (const auto& [number, version] : v.versions) {
      if (version.vault == name) return;
    }
  }
  out_.after.vaults.erase(name);
}

int Predictor::needs_pool() { return out_.after.up ? kDone : kExists; }

int Predictor::create() {
  if (!out_.after.up) return kExists;
  const std::string& name = words_.at(1);
  if (volume(name) != nullptr) return kExists;
  const bool from = option("--from");
  ModelVolume v;
  if (from) {
    const std::uint64_t image = kImagePages * kPage;
    v.size = option("--size") ? size_in_bytes(value("--size")) : (image + kBlock - 1) / kBlock * kBlock;
    if (v.size < image) return kUsage;
    v.contents = image_of(v.size);
  } else {
    v.size = size_in_bytes(value("--size"));
    v.fs = value("--fs", "ext4");
    if (v.fs == "none") v.contents = std::make_shared<const Pages>(v.size / kPage, 0);
  }
  v.vault = free_vault(name);
  const std::string key = value("--key", "file");
  out_.after.vaults[v.vault] = option("--plain") ? ModelVault{false, {}, ""} : ModelVault{true, {key}, key};
  out_.after.volumes[name] = v;
  out_.after.active.insert(name);
  return kDone;
}

int Predictor::clone() {
  if (!out_.after.up) return kExists;
  const auto [source, selector] = split(words_.at(1));
  const std::string& name = words_.at(2);
  if (volume(name) != nullptr) return kExists;
  if (volume(source) == nullptr) return kNotFound;
  std::optional<std::uint64_t> n;
  if (!selector.empty() && !(n = select(source, selector))) return kNotFound;
  const std::string into = value("--vault");
  if (!into.empty() && !out_.after.vaults.contains(into)) return kNotFound;
  if (!n && out_.after.closed(volume(source)->vault, std::nullopt)) return kExists;
  if (!n) n = freeze(source);
  const ModelVersion version = volume(source)->versions.at(*n);
  const Reference ref{source, *n, version.id};
  ModelVolume v;
  v.size = version.size;
  v.fs = version.fs;
  v.contents = version.contents;
  v.origin = ref;
  v.follows = value("--follow", "latest");
  if (option("--shared-key")) {
    v.vault = volume(source)->vault;
  } else if (!into.empty()) {
    v.vault = into;
  } else {
    v.vault = free_vault(name);
    const std::string key = value("--key", "file");
    out_.after.vaults[v.vault] = {true, {key}, key};
  }
  v.own = v.vault != version.vault;
  v.basis = v.own ? std::optional(ref) : version.basis;
  if (out_.after.closed(v.vault, v.basis)) return kExists;
  out_.after.volumes[name] = v;
  out_.after.active.insert(name);
  return kDone;
}

int Predictor::publish() {
  if (!out_.after.up) return kExists;
  std::vector<std::string> names;
  for (std::size_t i = 1; i < words_.size(); ++i) {
    if (words_[i] == "--tag" || words_[i] == "-m") {
      ++i;
    } else {
      names.push_back(words_[i]);
    }
  }
  for (const std::string& name : names) {
    if (volume(name) == nullptr) return kNotFound;
  }
  for (const std::string& name : names) {
    if (out_.after.closed(volume(name)->vault, std::nullopt)) return kExists;
  }
  for (const std::string& name : names) {
    const std::uint64_t n = freeze(name);
    volume(name)->versions[n].message = value("-m");
    if (option("--tag")) volume(name)->tags[value("--tag")] = n;
  }
  return kDone;
}

/// Back to a version, or on to another one.
int Predictor::restart(const std::string& name, const Reference& to) {
  if (out_.after.held.contains(name)) return kBusy;
  ModelVolume& v = *volume(name);
  if (out_.after.closed(v.vault, std::nullopt)) return kExists;
  const ModelVersion& version = *out_.after.version(to);
  v.size = version.size;
  v.fs = version.fs;
  v.contents = version.contents;
  if (to.volume != name) {
    v.origin = to;
    v.basis = version.vault == v.vault ? version.basis : std::optional(to);
  } else {
    if (version.basis) v.origin = version.basis;
    v.basis = version.basis;
  }
  out_.touched.insert(name);
  return kDone;
}

int Predictor::revert() {
  if (!out_.after.up) return kExists;
  const std::string& name = words_.at(1);
  const ModelVolume* v = volume(name);
  if (v == nullptr) return kNotFound;
  if (option("--to")) {
    const auto n = select(name, value("--to"));
    if (!n) return kNotFound;
    return restart(name, {name, *n, v->versions.at(*n).id});
  }
  if (v->origin) return out_.after.version(*v->origin) == nullptr ? kNotFound : restart(name, Reference(*v->origin));
  if (v->versions.empty()) return kNotFound;
  return restart(name, {name, v->versions.rbegin()->first, v->versions.rbegin()->second.id});
}

int Predictor::refresh() {
  if (!out_.after.up) return kExists;
  const std::string& name = words_.at(1);
  const ModelVolume* v = volume(name);
  if (v == nullptr) return kNotFound;
  if (!v->origin) return kUsage;
  const std::string source = v->origin->volume;
  const auto n = select(source, value("--to", v->follows));
  if (!n) return kNotFound;
  const Reference to{source, *n, volume(source)->versions.at(*n).id};
  if (option("--if-newer") && to.id == v->origin->id) return kDone;
  return restart(name, to);
}

Prediction predict(const Model& before, const Operation& operation) { return Predictor(before, operation).run(); }

}  // namespace tclone::lab::model
