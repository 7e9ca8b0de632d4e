// SPDX-License-Identifier: GPL-2.0-or-later
// Records to test with: plain ones, and random ones from a seed that every failing test prints.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "model/filesystem.h"
#include "model/journal.h"
#include "model/key.h"
#include "model/pool.h"
#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"

namespace tclone::samples {

inline Uuid uuid(int n) {
  Uuid u;
  u.bytes[0] = 0xaa;
  u.bytes[14] = static_cast<std::uint8_t>(n >> 8);
  u.bytes[15] = static_cast<std::uint8_t>(n);
  return u;
}

inline PoolRecord pool() {
  PoolRecord p;
  p.uuid = uuid(1);
  p.name = "tank";
  p.transaction = 7;
  p.next_outer = 12;
  p.block = kMiB;
  p.created = 1714564800;  // 2024-05-01T12:00:00Z
  return p;
}

inline Vault vault(const std::string& name = "db", int id = 10) {
  Vault v;
  v.name = name;
  v.uuid = uuid(100 + id);
  v.outer = ThinId{static_cast<std::uint32_t>(id)};
  v.header = {uuid(200 + id), "aes", "xts-plain64", 512, 4096, kMiB * 2};
  v.block = kKiB * 64;
  v.metadata = kMiB * 16;
  v.provisioned = kMiB * 2;
  v.capacity = kGiB * 20;
  v.next_thin = 9;
  v.volumes = 1;
  v.versions = 1;
  v.writable = kGiB * 10;
  return v;
}

inline Volume volume(const std::string& name = "db", int id = 10) {
  Volume v;
  v.name = name;
  v.uuid = uuid(300 + id);
  v.vault = name;
  v.thin = ThinId{0};
  v.size = kGiB * 10;
  v.fs = FsKind::ext4;
  v.created = 1714564800;
  v.next_version = 8;
  v.versions = {7};
  v.tags = {{"latest", 7}, {"v1.0", 7}};
  return v;
}

inline Version version(const std::string& volume_name = "db", std::uint64_t number = 7, int id = 10) {
  Version v;
  v.volume = volume_name;
  v.number = number;
  v.uuid = uuid(400 + id);
  v.vault = volume_name;
  v.thin = ThinId{1};
  v.size = kGiB * 10;
  v.fs = FsKind::ext4;
  v.time = 1714564801;
  v.message = "nightly \"import\"\n\tof C:\\data – größer";
  return v;
}

inline Journal journal() {
  Journal j;
  j.operation = "clone db@7 to web1";
  j.from = 7;
  j.to = 8;
  j.time = 1714564802;
  j.steps = {"create outer thin 11", "format the header of vault web1"};
  j.after.pool = pool();
  j.after.vaults = {vault("web1", 11)};
  Volume web = volume("web1", 11);
  web.origin = version().ref();
  web.basis = version().ref();
  web.own_key = true;
  web.follows = "latest";
  j.after.volumes = {web};
  j.after.versions = {version()};
  j.after.gone_volumes = {"old"};
  j.after.gone_versions = {{"old", 3}};
  j.to_undo.outer = {{ThinId{11}, uuid(111), "web1", true}};
  j.to_undo.inner = {{"web1", ThinId{11}, ThinId{0}, "tclone-tank-web1"}};
  j.cleanup.inner = {{"db", ThinId{10}, ThinId{4}, ""}};
  j.cleanup.renames = {{"tclone-tank-a", "tclone-tank-b"}};
  j.cleanup.reload = {"web1"};
  return j;
}

/// Random records within the rules, with every kind of text in them.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::uint64_t number(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(engine_);
  }
  bool flip() { return number(0, 1) == 1; }
  std::string name() {
    static constexpr char kChars[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    std::string out(1, kChars[number(0, 35)]);
    const std::uint64_t more = flip() ? number(0, 8) : number(0, 62);
    for (std::uint64_t i = 0; i < more; ++i) out += kChars[number(0, 38)];
    return out;
  }
  std::string text(bool lines) {
    static const char* const kPieces[] = {"\"", "\\", "'",      "#",       " ",     "a",        "ü",
                                          "€",  "😀",  "\u00a0", "=",       "[",     "]",        "{",
                                          "}",  ".",  "\"\"\"", "\\u0041", "# end", "x\ufffdy", "\uffff"};
    std::string out;
    for (std::uint64_t i = number(0, 12); i > 0; --i) {
      out += kPieces[number(0, std::size(kPieces) - 1)];
      if (lines && number(0, 3) == 0) out += flip() ? "\n" : "\t";
    }
    return out;
  }
  std::uint64_t any() { return flip() ? number(1, 100) : number(1, (1ULL << 63U) - 1); }
  Bytes size() { return Bytes{512 * (flip() ? number(1, 1000) : number(1, (1ULL << 54U) - 1))}; }
  ThinId thin() { return ThinId{static_cast<std::uint32_t>(number(0, kMaxThinId))}; }
  std::int64_t time() { return static_cast<std::int64_t>(number(0, 253402300799)); }
  FsKind fs() { return static_cast<FsKind>(number(0, 2)); }
  std::optional<VersionRef> ref() {
    if (flip()) return std::nullopt;
    return VersionRef{name(), any(), Uuid::random()};
  }

  PoolRecord pool() {
    PoolRecord p = samples::pool();
    p.uuid = Uuid::random();
    p.transaction = any();
    p.next_outer = thin().n;
    p.sector_size = flip() ? 512 : 4096;
    p.when_full = flip() ? WhenFull::queue : WhenFull::error;
    p.created = time();
    return p;
  }
  Rekey rekey() {
    Rekey r;
    r.stage = flip() ? Rekey::Stage::copy : Rekey::Stage::erase;
    r.outer = thin();
    r.uuid = Uuid::random();
    if (r.stage == Rekey::Stage::erase) return r;
    r.header = {Uuid::random(), "aes", text(false) + "x", 512, flip() ? 512U : 4096U, size()};
    r.key = {flip() ? "exec" : "file", text(false) + "x"};
    if (flip()) r.slots = {{0, KeySource{"file", ""}}, {1, KeySource{"exec", text(false) + "x"}}};
    r.done = size();
    return r;
  }
  Vault vault() {
    Vault v;
    v.name = name();
    v.uuid = Uuid::random();
    v.outer = thin();
    v.encrypted = flip();
    if (v.encrypted) v.header = {Uuid::random(), "aes", text(false) + "x", 512, flip() ? 512U : 4096U, size()};
    if (v.encrypted && flip())
      v.slots = {{0, KeySource{"file", ""}},
                 {static_cast<std::uint32_t>(number(1, 31)), KeySource{"exec", text(false) + "x"}}};
    v.key = v.encrypted ? KeySource{flip() ? "exec" : "file", text(false) + "x"} : KeySource{"none", ""};
    v.block = Bytes{65536 * number(1, 1000)};
    v.metadata = size();
    v.provisioned = flip() ? Bytes{0} : size();
    v.repairs = flip() ? 0 : 3;
    v.capacity = size();
    v.next_thin = thin().n;
    v.volumes = thin().n;
    v.versions = thin().n;
    v.writable = size();
    v.pending.format = flip();
    for (std::uint32_t i = 0; i < number(0, 4); ++i) v.pending.delete_thins.push_back(ThinId{i * 7});
    if (flip()) v.pending.create_thins = {thin()};
    if (v.encrypted && flip()) v.rekey = rekey();
    return v;
  }
  Volume volume() {
    Volume v;
    v.name = name();
    v.uuid = Uuid::random();
    v.vault = name();
    v.thin = thin();
    v.size = size();
    v.fs = fs();
    v.created = time();
    v.origin = ref();
    v.basis = ref();
    v.own_key = v.origin && v.basis && flip();
    if (flip()) v.follows = name();
    for (std::uint64_t i = number(0, 6); i > 0; --i) {
      v.versions.push_back(v.next_version);
      v.next_version += number(1, 1000);
      if (flip()) v.tags[name()] = v.versions.back();
    }
    return v;
  }
  Version version() {
    Version v;
    v.volume = name();
    v.number = any();
    v.uuid = Uuid::random();
    v.vault = name();
    v.thin = thin();
    v.size = size();
    v.fs = fs();
    v.basis = ref();
    v.time = time();
    v.message = text(true);
    return v;
  }
  Journal journal() {
    Journal j;
    // Names may be as short as one character, so two in a row may be the same; a journal holds each once.
    const auto add = [](auto& list, auto made) {
      const auto same = [&](const auto& one) { return one.name == made.name; };
      if (std::none_of(list.begin(), list.end(), same)) list.push_back(std::move(made));
    };
    j.operation = text(false);
    j.from = number(0, 1000);
    j.to = j.from + number(0, 1);
    j.time = time();
    for (std::uint64_t i = number(0, 3); i > 0; --i) j.steps.push_back(text(false));
    if (flip()) j.after.pool = pool();
    for (std::uint64_t i = number(0, 3); i > 0; --i) add(j.after.vaults, vault());
    for (std::uint64_t i = number(0, 3); i > 0; --i) add(j.after.volumes, volume());
    for (std::uint64_t i = number(0, 3); i > 0; --i) j.after.versions.push_back(version());
    if (flip()) j.after.gone_vaults = {"gone." + std::to_string(number(0, 9))};
    if (flip()) j.after.gone_volumes = {"gone-1", "gone-2"};
    if (flip()) j.after.gone_versions = {{"gone-1", any()}};
    for (std::uint32_t i = 0; i < number(0, 3); ++i)
      j.to_undo.outer.push_back({ThinId{i}, Uuid::random(), name(), flip()});
    for (std::uint32_t i = 0; i < number(0, 3); ++i)
      j.cleanup.inner.push_back({name(), thin(), ThinId{i}, text(false)});
    if (flip()) j.cleanup.shred = {{thin(), Uuid::random(), name(), true}};
    if (flip()) j.cleanup.reset = {{thin(), Uuid::random(), name(), true}};
    if (flip()) j.cleanup.renames = {{text(false), text(false)}};
    if (flip()) j.cleanup.keys = {{name(), thin(), static_cast<std::uint32_t>(number(0, 31)), flip(), flip()}};
    if (flip()) j.cleanup.reload = {name()};
    return j;
  }

 private:
  std::mt19937 engine_;
};

/// A folder of its own under the temporary directory, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tclone-state-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace tclone::samples
