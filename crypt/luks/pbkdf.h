// SPDX-License-Identifier: GPL-2.0-or-later
// How expensive guessing a secret is made: pure decisions, no benchmark, so that the same machine always gives the
// same header and creation stays flat.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tclone::crypt {

struct Argon2 {
  std::uint32_t memory_kib = 0;
  std::uint32_t iterations = 0;
  std::uint32_t threads = 0;
};

/// A quarter of the available memory, 32 MiB to 256 MiB: the slot must also open on a busier day, and the memory
/// cost is fixed when it is written. Passes make up for less memory: memory times iterations stays at 1 GiB,
/// about half a second of one core. At least the 4 passes libcryptsetup asks for.
[[nodiscard]] Argon2 argon2_for(std::uint64_t available_kib, std::uint32_t cpus) noexcept;

/// The texts of one control group's files (cgroup v2); empty where there is none.
struct CgroupMemory {
  std::string max, high, current, stat;  ///< memory.max, memory.high, memory.current, memory.stat
};
/// What a process in that group may still take before it is killed or slowed down, in KiB: the lower of max and high, less
/// what is in use and cannot be dropped at once. The largest number when the group sets no limit or says nothing.
[[nodiscard]] std::uint64_t left_in_cgroup_kib(const CgroupMemory& group);
/// The folders of the groups that a process is in, its own first, up to that of the mount. `membership` is the text of
/// /proc/self/cgroup, `mount` where cgroup2 is mounted. Empty without cgroup v2.
[[nodiscard]] std::vector<std::string> cgroup_folders(const std::string& membership, const std::string& mount);

/// MemAvailable of /proc/meminfo in KiB, or what the control groups of this process leave of it; 0 when it cannot be read.
[[nodiscard]] std::uint64_t available_memory_kib();

/// libcryptsetup's minimum; enough for random secrets of at least kMachineSecretSize bytes, where it is the
/// 2^256 guesses that keep an attacker out.
constexpr std::uint32_t kMachineIterations = 1000;
constexpr std::uint32_t kMachineSecretSize = 32;

}  // namespace tclone::crypt
