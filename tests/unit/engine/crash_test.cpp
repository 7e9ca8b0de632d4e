// SPDX-License-Identifier: GPL-2.0-or-later
// The promise of the operation protocol: wherever an operation fails or the program or the machine ends, the next
// command finds it done or makes it undone, and the pool whole.
#include <cstdlib>

#include "unit/engine/crash.h"

using namespace tclone;
using test::crashed;
using test::Deed;
using test::End;
using test::Rig;
using test::stride;

namespace {

struct Expected {
  std::map<std::string, std::string> before, after;
  std::uint64_t points = 0;
};

Expected complete_run(const Deed& deed, bool closed) {
  Rig rig;
  rig.populate_for(deed);
  if (closed) rig.deactivate_all();
  Expected out;
  out.before = rig.shape();
  rig.points.arm(~0ULL, [] {});
  CHECK(deed.act(rig) == "");
  out.points = rig.points.passed();
  out.after = rig.shape();
  rig.check_whole();
  return out;
}

/// How often an operation on closed vaults calls the kernel.
std::map<std::string, int> kernel_calls(const Deed& deed) {
  constexpr int kNever = 1 << 20;
  std::map<std::string, int> out{{"create", 0}, {"message", 0}, {"reload", 0},     {"suspend", 0},
                                 {"resume", 0}, {"guard", 0},   {"pool_status", 0}};
  Rig rig;
  rig.populate_for(deed);
  rig.deactivate_all();
  for (const auto& [call, times] : out) rig.mapper.fail_next(call, EIO, kNever);
  CHECK(deed.act(rig) == "");
  for (auto& [call, times] : out) times = kNever - rig.mapper.lets_pass(call);
  rig.mapper.forget_failures();
  return out;
}

void check_recovered(Rig& rig, const Expected& expected) {
  REQUIRE_OK(engine::recover(rig.env, "p"));
  const auto shape = rig.shape();
  if (shape != expected.before) CHECK(shape == expected.after);
  const auto files = rig.files();
  const auto devices = rig.devices();
  const auto again = engine::recover(rig.env, "p");
  REQUIRE(again);
  CHECK_FALSE(again->changed);
  CHECK(rig.files() == files);
  CHECK(rig.devices() == devices);
  rig.check_whole();
}

void crash_everywhere(const Deed& deed, bool closed, std::uint64_t stride) {
  const Expected expected = complete_run(deed, closed);
  for (const End how : {End::reboot, End::kill}) {
    for (std::uint64_t point = how == End::kill ? stride / 2 : 0; point < expected.points; point += stride) {
      INFO(deed.name << (closed ? ", all closed" : "") << ", " << (how == End::kill ? "kill" : "reboot") << " at point "
                     << point << " of " << expected.points);
      Rig rig;
      rig.populate_for(deed);
      if (closed) rig.deactivate_all();
      REQUIRE(crashed(rig, deed, point, how));
      check_recovered(rig, expected);
    }
  }
}

}  // namespace

TEST_CASE("wherever an operation is cut off, it is done or undone afterwards") {
  for (const Deed& deed : test::deeds()) crash_everywhere(deed, false, stride());
}

TEST_CASE("wherever an operation on closed vaults is cut off, it is done or undone afterwards") {
  for (const Deed& deed : test::deeds()) crash_everywhere(deed, true, stride() * 2);
}

TEST_CASE("a recovery that is cut off itself is finished by the next one") {
  for (const std::size_t which : {0U, 6U, 9U, 14U, 18U}) {
    const Deed& deed = test::deeds()[which];
    const Expected expected = complete_run(deed, true);
    for (std::uint64_t first = 5; first < expected.points; first += stride() * 5) {
      for (std::uint64_t second = first % 3; second < 60; second += stride() * 2) {
        INFO(deed.name << ", cut at " << first << " and in recovery at " << second);
        Rig rig;
        rig.populate_for(deed);
        rig.deactivate_all();
        REQUIRE(crashed(rig, deed, first, End::reboot));
        const Deed again{"recover", [](Rig& r) { return test::error_of(engine::recover(r.env, "p")); }};
        if (!crashed(rig, again, second, End::kill)) break;
        check_recovered(rig, expected);
      }
    }
  }
}

TEST_CASE("a volume that was active when a revert was killed is active again after recovery") {
  for (const std::size_t which : {9U, 10U, 12U, 13U}) {
    const Deed& deed = test::deeds()[which];
    const std::uint64_t points = complete_run(deed, false).points;
    for (std::uint64_t point = 0; point < points; point += test::few() ? 20U : 3U) {
      INFO(deed.name << ", killed at point " << point << " of " << points);
      Rig rig;
      rig.populate_for(deed);
      const auto volumes = [&] {
        std::set<std::string> up;
        for (const char* name : {"db", "web", "solo", "dev"}) {
          if (rig.mapper.device(std::string("tclone-p-") + name) != nullptr) up.insert(name);
        }
        return up;
      };
      const auto before = volumes();
      REQUIRE(crashed(rig, deed, point, End::kill));
      REQUIRE_OK(engine::recover(rig.env, "p"));
      CHECK(volumes() == before);
    }
  }
}

TEST_CASE("a missing key does not keep an operation from being recovered") {
  for (const Deed& deed : test::deeds()) {
    const Expected expected = complete_run(deed, true);
    for (std::uint64_t point = 1; point < expected.points; point += stride() * 4) {
      INFO(deed.name << ", cut at " << point);
      Rig rig;
      rig.populate_for(deed);
      rig.deactivate_all();
      REQUIRE(crashed(rig, deed, point, End::reboot));
      const std::set<std::string> keys = rig.key_files();
      std::filesystem::copy(rig.file("etc/keys"), rig.file("away"));
      for (const std::string& key : keys) std::filesystem::remove(rig.file("etc/keys/" + key + ".key"));
      REQUIRE_OK(engine::recover(rig.env, "p"));
      for (const Vault& v : rig.records().vaults) {
        const std::string key = v.uuid.text() + ".key";
        if (v.encrypted) std::filesystem::copy_file(rig.file("away/" + key), rig.file("etc/keys/" + key));
      }
      check_recovered(rig, expected);
    }
  }
}

TEST_CASE("whichever call to the kernel fails, the operation is undone and may be tried again") {
  int kind = 0;
  for (const Deed& deed : test::deeds()) {
    const Expected expected = complete_run(deed, true);
    for (const auto& [call, times] : kernel_calls(deed)) {
      if (test::few() && ++kind % 6 != 0) continue;
      for (int skip = 0; skip < times; skip += static_cast<int>(stride())) {
        INFO(deed.name << ", " << call << " fails at its call number " << skip + 1);
        Rig rig;
        rig.populate_for(deed);
        rig.deactivate_all();
        const auto keys = rig.key_files();
        rig.mapper.fail_next(call, EIO, skip);
        const std::string error = deed.act(rig);
        CHECK_FALSE(rig.mapper.forget_failures());
        if (error.empty()) {
          CHECK(rig.shape() == expected.after);
          continue;
        }
        const bool undone = rig.shape() == expected.before;
        if (undone) CHECK(rig.key_files() == keys);
        check_recovered(rig, expected);
        if (undone) {
          CHECK(deed.act(rig) == "");
          rig.check_whole();
        }
      }
    }
  }
}
