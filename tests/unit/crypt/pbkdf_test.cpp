// SPDX-License-Identifier: GPL-2.0-or-later
// How much memory a passphrase's derivation may take, where a container has less than the machine.
#include "crypt/luks/pbkdf.h"

#include <limits>

#include "unit/catch.h"

using namespace tclone::crypt;

namespace {
constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
std::string mib(std::uint64_t n) { return std::to_string(n << 20U) + "\n"; }
}  // namespace

TEST_CASE("a control group leaves what its limit is above its use, cache that can be dropped not counted") {
  CHECK(left_in_cgroup_kib({mib(512), "max\n", mib(112), ""}) == 400 * 1024);
  CHECK(left_in_cgroup_kib({mib(512), "max\n", mib(112), "anon 1\ninactive_file 104857600\nslab 3\n"}) == 500 * 1024);
  CHECK(left_in_cgroup_kib({mib(512), mib(256), mib(100), ""}) == 156 * 1024);
  CHECK(left_in_cgroup_kib({mib(64), "", mib(64), ""}) == 0);
  CHECK(left_in_cgroup_kib({mib(64), "", mib(80), "inactive_file 1\n"}) == 0);
}

TEST_CASE("a control group without a limit, or none at all, takes nothing away") {
  CHECK(left_in_cgroup_kib({}) == kNone);
  CHECK(left_in_cgroup_kib({"max\n", "max\n", mib(100), ""}) == kNone);
  CHECK(left_in_cgroup_kib({"what\n", "", "", ""}) == kNone);
}

TEST_CASE("every group above a process counts, up to the mount") {
  CHECK(cgroup_folders("0::/a.slice/b.scope\n", "/m") ==
        std::vector<std::string>{"/m/a.slice/b.scope", "/m/a.slice", "/m"});
  CHECK(cgroup_folders("12:memory:/old\n0::/\n", "/m") == std::vector<std::string>{"/m"});
  CHECK(cgroup_folders("12:memory:/old\n", "/m").empty());
  CHECK(cgroup_folders("", "/m").empty());
}

TEST_CASE("the parameters chosen in a small group are smaller than the machine's, and cost the same work") {
  const Argon2 machine = argon2_for(8ULL * 1024 * 1024, 4);
  const Argon2 group = argon2_for(left_in_cgroup_kib({mib(256), "max", "0", ""}), 4);
  CHECK(machine.memory_kib == 256 * 1024);
  CHECK(group.memory_kib == 64 * 1024);
  CHECK(group.memory_kib * group.iterations == machine.memory_kib * machine.iterations);
}
