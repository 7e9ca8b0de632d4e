// SPDX-License-Identifier: GPL-2.0-or-later
// An active pool "p" for the engine's tests: device-mapper and LUKS are fakes, everything else (records, journal, key
// files, locks, block I/O) is real and lies in a temporary folder.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "engine/api/api.h"
#include "fake/crash_points.h"
#include "fake/fake_device_mapper.h"
#include "fake/fake_luks.h"
#include "state/lineage.h"
#include "unit/catch.h"

namespace tclone::test {

struct TempFolder {
  std::filesystem::path path;
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
};

struct Rig {
  Rig();

  TempFolder folder;
  FakeDeviceMapper mapper;
  FakeLuks luks{mapper};
  CrashPoints points{mapper};
  engine::Env env;
  PoolRecord pool;

  /// What thin_dump would say: which blocks the files behind an outer thin have data for.
  [[nodiscard]] Result<std::vector<engine::thin_tools::Run>> mapped(ThinId thin);
  /// The outer pool's layers, as after `pool activate`.
  void bring_up();
  [[nodiscard]] Store store() const;
  [[nodiscard]] Records records() const;
  [[nodiscard]] std::string file(const std::string& below) const { return (folder.path / below).string(); }
  [[nodiscard]] std::set<std::string> key_files() const;
  [[nodiscard]] std::set<std::string> devices();
  [[nodiscard]] std::set<std::uint32_t> outer_thins();

  /// All records as text, without what differs from run to run (uuids) and what an undone operation may leave raised
  /// (counters of ids, capacities, pending work).
  [[nodiscard]] std::map<std::string, std::string> shape() const;
  /// Every file of the store as it is.
  [[nodiscard]] std::map<std::string, std::string> files() const;

  // Shorthands that require success.
  engine::Outcome create(const std::string& name, bool plain = false);
  engine::Outcome clone(const std::string& source, const std::string& name, bool shared = false);
  engine::Outcome publish(std::vector<std::string> names);
  void deactivate_all();
  /// db (versions 1 and 2), its own-key clones web (with a version) and solo (none), its shared-key clone dev.
  void populate();

  /// The same, and what the deed asks for.
  void populate_for(const struct Deed& deed);
  /// Keeps that many vaults made ahead.
  void stock(std::uint32_t count);

  /// Everything agrees: records among themselves and with the kernel, headers and key files with vaults; every volume
  /// and version can be activated, and inner pools hold these and nothing else. Leaves everything deactivated.
  void check_whole();
};

/// A Result's error as text, or "".
template <class T>
std::string error_of(const Result<T>& result) {
  return result ? "" : result.error().text();
}
inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
#define REQUIRE_OK(expr)                                     \
  do {                                                       \
    const auto& ok_result = (expr);                          \
    INFO(#expr ": " << ::tclone::test::error_of(ok_result)); \
    REQUIRE(ok_result.has_value());                          \
  } while (false)

/// One operation on a populated rig.
struct Deed {
  const char* name;
  std::function<std::string(Rig&)> act;   ///< "" or the error
  std::function<void(Rig&)> before = {};  ///< what it needs besides what populate() makes
};
[[nodiscard]] const std::vector<Deed>& deeds();

}  // namespace tclone::test
