// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/pbkdf.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>

namespace tclone::crypt {
namespace {
constexpr std::uint64_t kLeastKib = 32ULL * 1024;
constexpr std::uint64_t kMostKib = 256ULL * 1024;
constexpr std::uint64_t kWorkKib = 1024ULL * 1024;
constexpr std::uint32_t kLeastIterations = 4;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// "max", and whatever else is no number, gives `other`.
std::uint64_t number_or(const std::string& text, std::uint64_t other) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? value : other;
}

/// Zero when it is not there. Of a file with one "name value" a line.
std::uint64_t field(const std::string& text, const std::string& name) {
  std::istringstream in(text);
  std::string word;
  std::uint64_t value = 0;
  while (in >> word >> value) {
    if (word == name) return value;
  }
  return 0;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::uint64_t available_in_machine_kib() {
  std::ifstream in("/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  std::string rest;
  while (in >> name >> kib && std::getline(in, rest)) {
    if (name == "MemAvailable:") return kib;
  }
  return 0;
}
}  // namespace

Argon2 argon2_for(std::uint64_t available_kib, std::uint32_t cpus) noexcept {
  const std::uint64_t memory = std::clamp(available_kib / 4, kLeastKib, kMostKib) / 1024 * 1024;
  Argon2 cost;
  cost.memory_kib = static_cast<std::uint32_t>(memory);
  cost.iterations = std::max(kLeastIterations, static_cast<std::uint32_t>(kWorkKib / memory));
  cost.threads = std::clamp(cpus, 1U, 4U);
  return cost;
}

std::uint64_t left_in_cgroup_kib(const CgroupMemory& group) {
  const std::uint64_t limit = std::min(number_or(group.max, kNoLimit), number_or(group.high, kNoLimit));
  if (limit == kNoLimit) return kNoLimit;
  const std::uint64_t used = number_or(group.current, 0);
  const std::uint64_t cache = std::min(used, field(group.stat, "inactive_file"));
  return limit > used - cache ? (limit - (used - cache)) / 1024 : 0;
}

std::vector<std::string> cgroup_folders(const std::string& membership, const std::string& mount) {
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("0::/")) continue;
    std::vector<std::string> out;
    for (std::string path = line.substr(3); path.size() > 1; path.resize(path.rfind('/'))) out.push_back(mount + path);
    out.push_back(mount);
    return out;
  }
  return {};
}

std::uint64_t available_memory_kib() {
  std::uint64_t least = available_in_machine_kib();
  for (const std::string& folder : cgroup_folders(text_of("/proc/self/cgroup"), "/sys/fs/cgroup")) {
    least =
        std::min(least, left_in_cgroup_kib({text_of(folder + "/memory.max"), text_of(folder + "/memory.high"),
                                            text_of(folder + "/memory.current"), text_of(folder + "/memory.stat")}));
  }
  return least;
}

}  // namespace tclone::crypt
