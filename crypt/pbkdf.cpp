// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/pbkdf.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace tclone::crypt {
namespace {
constexpr std::uint64_t kLeastKib = 32ULL * 1024;
constexpr std::uint64_t kMostKib = 256ULL * 1024;
constexpr std::uint64_t kWorkKib = 1024ULL * 1024;
constexpr std::uint32_t kLeastIterations = 4;
}  // namespace

Argon2 argon2_for(std::uint64_t available_kib, std::uint32_t cpus) noexcept {
  const std::uint64_t memory = std::clamp(available_kib / 4, kLeastKib, kMostKib) / 1024 * 1024;
  Argon2 cost;
  cost.memory_kib = static_cast<std::uint32_t>(memory);
  cost.iterations = std::max(kLeastIterations, static_cast<std::uint32_t>(kWorkKib / memory));
  cost.threads = std::clamp(cpus, 1U, 4U);
  return cost;
}

std::uint64_t available_memory_kib() {
  std::ifstream in("/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  std::string rest;
  while (in >> name >> kib && std::getline(in, rest)) {
    if (name == "MemAvailable:") return kib;
  }
  return 0;
}

}  // namespace tclone::crypt
