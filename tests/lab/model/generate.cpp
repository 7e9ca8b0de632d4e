// SPDX-License-Identifier: GPL-2.0-or-later
// Which operation comes next. Small sets of names, so that things meet: names are used again, clones stand on clones.
#include <algorithm>
#include <array>

#include "tests/lab/model/model.h"

namespace tclone::lab::model {
namespace {

using Words = std::vector<std::string>;

constexpr std::array kNames{"a", "b", "c", "d", "e-1", "f.2"};
constexpr std::array kTags{"stable", "test"};
constexpr std::uint64_t kLeast = 4ULL << 20U, kMost = 8ULL << 20U;

class Generator {
 public:
  Generator(const Model& model, Random& random) : m_(model), r_(random) {
    for (const auto& [name, v] : m_.volumes) volumes_.push_back(name);
  }

  Operation next() {
    Operation out;
    out.words = choose();
    const std::string& verb = out.words.front();
    const bool ours = verb != "write" && verb != "discard" && verb != "hold" && verb != "release" && verb != "cut" &&
                      verb != "extend" && verb != "look" && verb != "doctor";
    if (ours && r_.chance(40)) out.fault = fault(verb == "rekey" ? 70 : 36);
    return out;
  }

 private:
  Fault fault(std::uint64_t most) {
    constexpr std::array kinds{Fault::Kind::kill, Fault::Kind::kill, Fault::Kind::fail, Fault::Kind::interrupt,
                               Fault::Kind::terminate};
    constexpr std::array thens{Fault::Then::recover, Fault::Then::cut, Fault::Then::killed_recovery,
                               Fault::Then::next_command};
    // Most commands pass between 10 and 40 points, a rekey more; recover passes few.
    return {kinds.at(r_.below(kinds.size())), static_cast<unsigned>(1 + r_.below(r_.chance(65) ? most / 3 : most)),
            thens.at(r_.below(thens.size()))};
  }

  std::string number(std::uint64_t n) { return std::to_string(n); }
  std::string size() { return number((kLeast + r_.below((kMost - kLeast) / kBlock + 1) * kBlock) >> 10U) + "K"; }
  std::string any_name() { return kNames.at(r_.below(kNames.size())); }
  std::string tag() { return kTags.at(r_.below(kTags.size())); }
  std::string key() { return "file:" + std::string(kKeyFolder) + "k" + number(1 + r_.below(3)); }

  /// Mostly one that is there.
  std::string a_volume() {
    return volumes_.empty() || r_.chance(6) ? any_name() : volumes_.at(r_.below(volumes_.size()));
  }
  std::string an_active() {
    if (m_.active.empty()) return a_volume();
    auto it = m_.active.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(r_.below(m_.active.size())));
    return *it;
  }
  std::string a_new_name() {
    Words there;
    for (const char* name : kNames) {
      if (!m_.volumes.contains(name)) there.emplace_back(name);
    }
    return there.empty() || r_.chance(6) ? any_name() : there.at(r_.below(there.size()));
  }
  std::string a_selector(const std::string& volume) {
    const auto v = m_.volumes.find(volume);
    if (v == m_.volumes.end() || v->second.versions.empty() || r_.chance(5)) return number(1 + r_.below(9));
    if (r_.chance(25)) return r_.chance(50) ? "latest" : tag();
    auto it = v->second.versions.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(r_.below(v->second.versions.size())));
    return number(it->first);
  }
  std::string a_version() {
    Words with;
    for (const auto& [name, v] : m_.volumes) {
      if (!v.versions.empty()) with.push_back(name);
    }
    const std::string name = with.empty() || r_.chance(5) ? a_volume() : with.at(r_.below(with.size()));
    return name + "@" + a_selector(name);
  }

  Words create() {
    Words w{"create", a_new_name()};
    if (r_.chance(15)) {
      w.insert(w.end(), {"--from", kImage});
      if (r_.chance(50)) w.insert(w.end(), {"--size", size()});
    } else {
      w.insert(w.end(), {"--size", size(), "--fs", r_.chance(12) ? "ext4" : "none"});
    }
    if (r_.chance(20)) {
      w.emplace_back("--plain");
    } else if (r_.chance(15)) {
      w.insert(w.end(), {"--key", key()});
    }
    return w;
  }

  Words clone() {
    Words w{"clone", r_.chance(15) ? a_volume() : a_version(), a_new_name()};
    const std::uint64_t kind = r_.below(10);
    if (kind < 3) {
      w.emplace_back("--shared-key");
    } else if (kind < 5 && !m_.vaults.empty()) {
      auto it = m_.vaults.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(r_.below(m_.vaults.size())));
      w.insert(w.end(), {"--vault", r_.chance(5) ? "nowhere" : it->first});
    } else if (kind == 5) {
      w.insert(w.end(), {"--key", key()});
    }
    if (r_.chance(20)) w.insert(w.end(), {"--follow", tag()});
    return w;
  }

  Words publish() {
    Words w{"publish", a_volume()};
    for (unsigned more = 0; more < 2 && r_.chance(25); ++more) {
      if (const std::string name = a_volume(); std::find(w.begin(), w.end(), name) == w.end()) w.push_back(name);
    }
    if (r_.chance(30)) w.insert(w.end(), {"--tag", tag()});
    if (r_.chance(20)) w.insert(w.end(), {"-m", "note" + number(r_.below(100))});
    return w;
  }

  Words remove() {
    if (r_.chance(55)) return {"rm", a_version(), "--yes"};
    return {"rm", a_volume(), "--yes"};
  }

  Words write() {
    const std::string name = an_active();
    const auto v = m_.volumes.find(name);
    const std::uint64_t pages = v == m_.volumes.end() ? 1024 : v->second.size / kPage;
    if (r_.chance(15)) return {"discard", name, number(r_.below(pages / kPagesPerBlock)), number(1 + r_.below(4))};
    return {"write", name, number(r_.below(pages)), number(1 + r_.below(r_.chance(70) ? 8 : 120)),
            number(r_.next() >> 40U)};
  }

  Words restart() {
    if (r_.chance(50)) {
      Words w{"refresh", a_volume()};
      if (r_.chance(35)) {
        const auto v = m_.volumes.find(w[1]);
        const bool clone = v != m_.volumes.end() && v->second.origin;
        w.insert(w.end(), {"--to", a_selector(clone ? v->second.origin->volume : w[1])});
      }
      if (r_.chance(15)) w.emplace_back("--if-newer");
      return w;
    }
    Words w{"revert", a_volume()};
    if (r_.chance(45)) w.insert(w.end(), {"--to", a_selector(w[1])});
    return w;
  }

  Words keys() {
    Words w{"key", r_.chance(60) ? "add" : "rm", a_volume(), "--key"};
    w.push_back(r_.chance(25) ? "file" : key());
    return w;
  }

  Words rekey() {
    Words under_way, idle;
    for (const std::string& name : volumes_) {
      const ModelVault& vault = m_.vaults.at(m_.volumes.at(name).vault);
      if (!vault.rekey.empty()) under_way.push_back(name);
      if (vault.encrypted && vault.rekey.empty() && !m_.in_use(m_.volumes.at(name).vault)) idle.push_back(name);
    }
    if (!under_way.empty() && r_.chance(75)) {
      Words w{"rekey", under_way.at(r_.below(under_way.size()))};
      if (r_.chance(30)) w.emplace_back("--cancel");
      return w;
    }
    if (idle.empty() && r_.chance(80)) return {"deactivate", "--all"};
    Words w{"rekey", idle.empty() || r_.chance(5) ? a_volume() : idle.at(r_.below(idle.size()))};
    if (r_.chance(25)) w.insert(w.end(), {"--key", r_.chance(30) ? "file" : key()});
    return w;
  }

  bool any_rekey() const {
    return std::any_of(m_.vaults.begin(), m_.vaults.end(), [](const auto& v) { return !v.second.rekey.empty(); });
  }

  Words stock() {
    Words w{"pool", "stock"};
    if (r_.chance(75)) w.insert(w.end(), {"--keep", number(r_.below(4))});
    return w;
  }

  Words devices() {
    const std::uint64_t kind = r_.below(12);
    if (kind < 3) return {"activate", a_volume()};
    if (kind < 5) return {"activate", a_volume(), a_version()};
    if (kind < 6) return {"activate", "--all"};
    if (kind < 9) return {"deactivate", an_active()};
    if (kind < 11) {
      return {"deactivate", m_.pinned.empty() ? a_version() : *m_.pinned.begin(), a_volume()};
    }
    return {"deactivate", "--all"};
  }

  Words choose() {
    if (!m_.up)
      return r_.chance(75) ? Words{"pool", "activate", "--volumes"} : Words{r_.chance(70) ? "recover" : "cut"};
    if (!m_.held.empty() && r_.chance(25)) return {"release", *m_.held.begin()};
    if (m_.volumes.size() < 2) return create();
    if (any_rekey() && r_.chance(12)) return rekey();
    if (m_.active.empty() && m_.pinned.empty() && r_.chance(30)) return rekey();
    if (m_.active.size() * 2 < m_.volumes.size() && r_.chance(40)) return {"activate", "--all"};
    std::size_t versions = 0;
    for (const auto& [name, v] : m_.volumes) versions += v.versions.size();
    if (versions > 20 && r_.chance(50)) return {"rm", a_version(), "--yes"};
    if (m_.volumes.size() == kNames.size() && r_.chance(15)) return {"rm", a_volume(), "--yes"};
    const std::uint64_t k = r_.below(105);
    if (k < 6) return create();
    if (k < 18) return clone();
    if (k < 31) return publish();
    if (k < 50) return write();
    if (k < 62) return restart();
    if (k < 71) return remove();
    if (k < 75) return r_.chance(70) ? Words{"tag", a_version(), tag()} : Words{"untag", a_volume(), tag()};
    if (k < 79) return {"rename", a_volume(), a_new_name()};
    if (k < 82) return {"resize", a_volume(), size()};
    if (k < 89) return devices();
    if (k < 93) return keys();
    if (k < 94) return {"hold", an_active()};
    if (k < 95) return {"look"};
    if (k < 97) return {"cut"};
    if (k < 98) return {"pool", "deactivate"};
    if (k < 99) return r_.chance(30) ? Words{"extend"} : Words{"doctor"};
    if (k >= 103) return stock();
    if (k >= 100) return rekey();
    return r_.chance(30) ? Words{"pool", "check"} : Words{"recover"};
  }

  const Model& m_;
  Random& r_;
  Words volumes_;
};

}  // namespace

Operation generate(const Model& model, Random& random) { return Generator(model, random).next(); }

}  // namespace tclone::lab::model
