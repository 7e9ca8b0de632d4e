// SPDX-License-Identifier: GPL-2.0-or-later
// How the fake reads tables: what lies on what, where a pool's metadata is, and what the kernel would refuse to load.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/fd.h"
#include "dm/targets.h"
#include "fake/fake_device_mapper.h"

namespace tclone::test {

using namespace dm;

namespace {

Sectors length_of(const Table& table) { return table.empty() ? Sectors{} : table.back().start + table.back().length; }

std::uint64_t to_number(const std::string& word) { return std::strtoull(word.c_str(), nullptr, 10); }

}  // namespace

std::vector<std::string> split_words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string FakeDeviceMapper::name_of(const std::string& reference) const {
  if (reference.rfind("253:", 0) == 0) {
    const std::uint64_t minor = to_number(reference.substr(4));
    for (const auto& [name, device] : devices_) {
      if (device.minor == minor) return name;
    }
    return {};
  }
  const std::string folder = folder_.string() + "/";
  if (reference.rfind(folder, 0) != 0) return {};
  const std::string name = reference.substr(folder.size());
  return devices_.count(name) > 0 ? name : std::string();
}

std::set<std::string> FakeDeviceMapper::uses(const std::string& name) const {
  std::set<std::string> found;
  const FakeDevice& device = devices_.at(name);
  const auto add = [&](const Table& table) {
    for (const Target& target : table) {
      for (const std::string& word : split_words(target.params)) {
        if (const std::string below = name_of(word); !below.empty()) found.insert(below);
      }
    }
  };
  add(device.live);
  if (device.loaded) add(*device.loaded);
  return found;
}

std::set<std::string> FakeDeviceMapper::used_by(const std::string& name) const {
  std::set<std::string> found;
  for (const auto& entry : devices_) {
    if (entry.first != name && uses(entry.first).count(name) > 0) found.insert(entry.first);
  }
  return found;
}

std::string FakeDeviceMapper::where(const std::string& reference, std::uint64_t sector) const {
  const std::string name = name_of(reference);
  if (name.empty()) return reference + "+" + std::to_string(sector);
  for (const Target& target : devices_.at(name).live) {
    if (sector < target.start.n || sector >= target.start.n + target.length.n) continue;
    const auto words = split_words(target.params);
    const std::uint64_t within = sector - target.start.n;
    if (target.type == "linear") return where(words.at(0), to_number(words.at(1)) + within);
    if (target.type == "striped" && words.at(0) == "1") return where(words.at(2), to_number(words.at(3)) + within);
    if (target.type == "crypt") return where(words.at(3), to_number(words.at(4)) + within) + "/crypt";
    if (target.type == "thin") {
      const FakeDevice* pool = device(name_of(words.at(0)));
      if (pool == nullptr || pool->live.empty()) break;
      return pool_key(pool->live[0]) + "#" + words.at(1) + "+" + std::to_string(within);
    }
  }
  return name + "+" + std::to_string(sector);
}

std::string FakeDeviceMapper::pool_key(const Target& pool_target) const {
  return where(split_words(pool_target.params).at(0), 0);
}

FakePool& FakeDeviceMapper::pool(const std::string& name) { return pools_[pool_key(devices_.at(name).live.at(0))]; }

Status FakeDeviceMapper::check_table(const std::string& name, const Table& table) {
  const std::string why = "cannot load its table";
  Sectors at{};
  if (table.empty()) return fail_errno(EINVAL, name, why);
  for (const Target& target : table) {
    const auto type = targets_.find(target.type);
    if (target.start != at || target.length.n == 0 || type == targets_.end() || !type->second) {
      return fail_errno(EINVAL, name, why);
    }
    at = at + target.length;
    for (const std::string& word : split_words(target.params)) {
      const bool ours = word.rfind("253:", 0) == 0 || word.rfind(folder_.string() + "/tclone-", 0) == 0;
      const std::string below = name_of(word);
      if (ours && below.empty()) return fail_errno(ENODEV, name, why);
      if (below == name) return fail_errno(EINVAL, name, why);
      if (!below.empty() && (target.type == "linear" || target.type == "striped") &&
          to_number(split_words(target.params).back()) + target.length.n > length_of(devices_.at(below).live).n) {
        return fail_errno(EINVAL, name, why);  // "device too small for target" (dm-table.c)
      }
    }
    if (target.type == "thin-pool") TC_CHECK(check_pool(name, target));
    if (target.type == "thin") TC_CHECK(check_thin(name, target));
  }
  return {};
}

Status FakeDeviceMapper::check_pool(const std::string& name, const Target& target) {
  const auto words = split_words(target.params);
  const std::uint64_t block = words.size() < 4 ? 0 : to_number(words[2]);
  if (block < 128 || block > 2097152 || block % 128 != 0) return fail_errno(EINVAL, name, "cannot load its table");
  const std::string data = name_of(words[1]);
  if (!data.empty() && target.length > length_of(devices_.at(data).live)) {
    return fail_errno(EINVAL, name, "cannot load its table");
  }
  const std::string key = pool_key(target);
  for (const auto& [other, device] : devices_) {
    const bool is_pool = !device.live.empty() && device.live[0].type == "thin-pool";
    if (other != name && is_pool && pool_key(device.live[0]) == key) {
      return fail_errno(EBUSY, name, "cannot load its table");  // "metadata device already in use by a pool"
    }
  }
  FakePool& pool = pools_[key];
  if (pool.used_metadata == 0) pool.used_metadata = 8;
  return {};
}

// dm-thin-metadata.c formats a metadata device whose superblock is all zeros (superblock_all_zeroes).
void FakeDeviceMapper::format_if_blank(const Target& pool_target) {
  const std::string metadata = name_of(split_words(pool_target.params).at(0));
  if (metadata.empty()) return;
  const std::string key = pool_key(pool_target);
  std::fstream file(path(metadata), std::ios::in | std::ios::out | std::ios::binary);
  FakePool& pool = pools_[key];
  if (file.peek() != 0) {
    std::string word, from;
    file >> word >> from;
    const auto copied = pools_.find(from);
    if (word != "superblock" || from == key || copied == pools_.end()) return;
    pool = copied->second;
  } else {
    // A start that was cut off is made again with the same ids; nobody has seen these.
    std::erase_if(pool.ever_used, [&](std::uint32_t id) { return pool.activated.count(id) == 0; });
    pool.thins.clear();
    pool.transaction = 0;
    pool.used_data = 0;
    pool.used_metadata = 8;
  }
  file.seekp(0) << "superblock " << key << "\n";
}

std::string FakeDeviceMapper::aliased(const Table& table) const {
  if (table.size() != 1 || table[0].type != "linear") return {};
  const auto words = split_words(table[0].params);
  const std::string below = name_of(words.at(0));
  const bool head_of_crypt = !below.empty() && words.at(1) == "0" && devices_.at(below).live.at(0).type == "crypt";
  return head_of_crypt ? below : std::string();
}

FakePool* FakeDeviceMapper::pool_of_thin(const Target& target, std::uint32_t& id) {
  const auto parsed = thin_id_of(target);
  const std::string name = parsed ? name_of(split_words(target.params).at(0)) : "";
  if (name.empty() || devices_.at(name).live.at(0).type != "thin-pool") return nullptr;
  id = parsed->n;
  return &pool(name);
}

Status FakeDeviceMapper::check_thin(const std::string& name, const Target& target) {
  const std::string why = "cannot load its table";
  std::uint32_t id = 0;
  FakePool* pool = pool_of_thin(target, id);
  if (pool == nullptr || pool->mode == PoolMode::fail) return fail_errno(EINVAL, name, why);
  if (pool->thins.count(id) == 0) return fail_errno(ENODATA, name, why);
  pool->activated.insert(id);
  const auto words = split_words(target.params);
  const std::string pool_name = name_of(words[0]);
  for (const std::string& other : devices_of_thin(pool_name, id)) {
    if (other != name) violation(name + " and " + other + " are both thin " + std::to_string(id) + " of " + pool_name);
  }
  if (words.size() < 3) return {};
  const std::string origin = name_of(words[2]);
  if (origin == pool_name) return fail_errno(EINVAL, name, why);
  if (!origin.empty() && !devices_.at(origin).read_only) violation("external origin " + origin + " is writable");
  return {};
}

std::set<std::string> FakeDeviceMapper::devices_of_thin(const std::string& pool, std::uint32_t id) const {
  std::set<std::string> found;
  for (const auto& [name, device] : devices_) {
    const auto matches = [&](const Table& table) {
      return !table.empty() && table[0].type == "thin" && name_of(split_words(table[0].params).at(0)) == pool &&
             thin_id_of(table[0])->n == id;
    };
    if (matches(device.live) || (device.loaded && matches(*device.loaded))) found.insert(name);
  }
  return found;
}

void FakeDeviceMapper::place_file(const std::string& name) {
  const Table& table = devices_.at(name).live;
  std::uint32_t id = 0;
  const FakePool* pool = table[0].type == "thin" ? pool_of_thin(table[0], id) : nullptr;
  const std::string below = aliased(table);
  const std::string content = pool != nullptr ? std::to_string(pool->thins.at(id)) : below.empty() ? name : below;
  const auto file = folder_ / (".content-" + content);
  const UniqueFd fd(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const auto length = static_cast<off_t>(std::min(to_bytes(length_of(table)), kLongestFile).n);
  if (!fd || (below.empty() && ftruncate(fd.get(), length) != 0)) {
    violation("the test's folder takes no file for " + name);
  }
  std::error_code ignored;
  std::filesystem::remove(path(name), ignored);
  std::filesystem::create_symlink(file.filename(), path(name), ignored);
}

}  // namespace tclone::test
