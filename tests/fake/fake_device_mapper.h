// SPDX-License-Identifier: GPL-2.0-or-later
// A DeviceMapper in memory that knows the kernel's protocol. What the kernel would refuse is refused with the same
// errno; what the kernel would silently let corrupt data or hang is a violation: it fails the running Catch2 test on
// the spot (see expect_violations()) and is kept in violations().
//
// Pools outlive their devices: what a thin-pool holds is keyed by where its metadata lies, resolved through linear,
// crypt and thin down to the first device that is not ours, and is formatted when that metadata begins with zeros.
// reboot() takes the devices and leaves the pools.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dm/device_mapper.h"

namespace tclone::test {

/// The persistent side of one thin-pool.
struct FakePool {
  std::map<std::uint32_t, std::uint64_t> thins;  ///< id to a number that is unique in the fake: its contents
  std::set<std::uint32_t> ever_used;
  std::set<std::uint32_t> activated;  ///< those that ever had a device
  std::uint64_t transaction = 0;
  std::uint64_t used_data = 0, used_metadata = 0;
  dm::PoolMode mode = dm::PoolMode::rw;
  bool needs_check = false;
  std::optional<std::uint64_t> held_root;
};

struct FakeDevice {
  std::string uuid;
  dm::Table live;
  std::optional<dm::Table> loaded;
  bool read_only = false, loaded_read_only = false;
  dm::Udev udev = dm::Udev::hidden;
  std::uint32_t minor = 0;
  std::optional<dm::Suspend> suspended;
  int holders = 0;  ///< as if mounted or open
};

class FakeDeviceMapper final : public dm::DeviceMapper {
 public:
  /// `folder` must exist; path(name) is a file in it.
  explicit FakeDeviceMapper(std::filesystem::path folder);
  ~FakeDeviceMapper() override;
  FakeDeviceMapper(const FakeDeviceMapper&) = delete;
  FakeDeviceMapper& operator=(const FakeDeviceMapper&) = delete;

  Result<std::optional<dm::Version>> target_version(const std::string& type) override;
  Result<std::optional<dm::Info>> info(const std::string& name) override;
  Result<std::optional<std::string>> find_uuid(const std::string& uuid) override;
  Result<std::vector<dm::Named>> list(const std::string& prefix) override;
  Result<dm::Table> table(const std::string& name) override;
  Status create(const dm::Spec& spec) override;
  Status reload(const std::string& name, const dm::Table& table, bool read_only = false) override;
  Status suspend(const std::string& name, dm::Suspend how) override;
  Status resume(const std::string& name) override;
  Status remove(const std::string& name, std::chrono::milliseconds patience) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status message(const std::string& name, const std::string& text) override;
  Result<dm::PoolStatus> pool_status(const std::string& name, Limit limit = {}) override;
  Result<dm::ThinStatus> thin_status(const std::string& name, Limit limit = {}) override;
  /// A link to a sparse file of the device's size (at most kLongestFile, since few filesystems take a 1 PiB file). A thin's file follows the thin (pool and id), so its bytes are
  /// there again after remove and create; any other device's file follows its name. Layers do not alias each
  /// other (but for aliased()), and a snapshot starts out empty: only what is written through this very device is read back.
  std::string path(const std::string& name) const override;
  Result<std::unique_ptr<Guard>> guard(std::span<const std::string> names, std::chrono::milliseconds limit) override;

  // What tests do to it.
  /// The (skip+1)-th next call of `op` fails with this errno and does nothing. `op` is the function's name, or
  /// "message:create_snap" for one kind of message. Calls on every device count.
  void fail_next(const std::string& op, int sys, int skip = 0);
  /// A failure that was asked for and did not come is not to come any more; whether there was one.
  bool forget_failures() {
    const bool any = !failures_.empty();
    failures_.clear();
    return any;
  }
  /// How many calls of `op` a failure that was asked for still lets pass; -1 when none is.
  [[nodiscard]] int lets_pass(const std::string& op) const;
  void set_pool_used(const std::string& pool, std::uint64_t data_blocks, std::uint64_t metadata_blocks);
  /// Its commits wait for space: a status with a limit is busy, and one without would not come, which is a violation.
  void stall(const std::string& pool) { stalled_.insert(pool); }
  /// How many statuses were given up.
  [[nodiscard]] int given_up() const { return given_up_; }
  void set_pool_mode(const std::string& pool, dm::PoolMode mode, bool needs_check = false);
  /// As if that many others had the device open (mounted, say): it cannot be removed.
  void hold(const std::string& name, int holders);
  void set_target(const std::string& type, std::optional<dm::Version> version) { targets_[type] = version; }
  /// Called with each message before it is carried out.
  std::function<void(const std::string& text)> on_message = [](const std::string&) {};
  /// Every armed guard fires: its devices are resumed, its fired() is true.
  void fire_guards();
  /// All devices are gone, as after a power cut; the pools keep what messages did.
  void reboot();
  /// The engine was killed: guards resume what they guard, the devices stay. Destroy the engine's Guard objects after.
  void kill_caller() { fire_guards(); }

  // What tests look at.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  /// From here on violations are only recorded. For the tests of the fake itself.
  void expect_violations() { quiet_ = true; }
  /// One line a call that changes something, or tried to: "suspend tclone-p-db".
  [[nodiscard]] const std::vector<std::string>& calls() const { return calls_; }
  void clear_calls() { calls_.clear(); }
  [[nodiscard]] const FakeDevice* device(const std::string& name) const;
  /// The pool behind an existing thin-pool device.
  [[nodiscard]] FakePool& pool(const std::string& name);
  /// The name of the device at this path; empty when it is none of ours.
  [[nodiscard]] std::string name_at(const std::string& path) const { return name_of(path); }
  /// What the head of the device at this path lies on: the same for the same thin whatever its device is called.
  [[nodiscard]] std::string place(const std::string& path) const { return where(path, 0); }
  static constexpr Bytes kLongestFile{1ULL << 40U};

 private:
  friend class FakeGuard;
  struct Failure {
    std::string op;
    int sys, skip;
  };

  [[nodiscard]] Status begin(const std::string& op, const std::string& subject);
  void violation(const std::string& what);
  void not_while_suspended(const std::string& doing);
  void wake(const std::string& name);
  [[nodiscard]] bool guarded(const std::string& name) const;
  [[nodiscard]] Result<FakeDevice*> existing(const std::string& name);

  // Tables (fake_tables.cpp).
  [[nodiscard]] std::string name_of(const std::string& reference) const;  ///< empty when it is none of ours
  [[nodiscard]] std::set<std::string> uses(const std::string& name) const;
  [[nodiscard]] std::set<std::string> used_by(const std::string& name) const;
  [[nodiscard]] std::string where(const std::string& reference, std::uint64_t sector) const;
  [[nodiscard]] std::string pool_key(const dm::Target& pool_target) const;
  [[nodiscard]] Status check_table(const std::string& name, const dm::Table& table);
  [[nodiscard]] Status check_pool(const std::string& name, const dm::Target& target);
  [[nodiscard]] Status check_thin(const std::string& name, const dm::Target& target);
  [[nodiscard]] std::set<std::string> devices_of_thin(const std::string& pool, std::uint32_t id) const;
  [[nodiscard]] FakePool* pool_of_thin(const dm::Target& target, std::uint32_t& id);
  void place_file(const std::string& name);
  /// The crypt device at whose head a linear one lies: the one alias there is, so that the metadata of an inner pool is
  /// part of what a copy of its vault copies. A pool whose metadata was copied begins as the pool it was copied from.
  [[nodiscard]] std::string aliased(const dm::Table& table) const;
  void format_if_blank(const dm::Target& pool_target);

  // Messages (fake_messages.cpp).
  [[nodiscard]] Status apply(const std::string& name, FakePool& pool, const std::vector<std::string>& words);
  [[nodiscard]] Status add_thin(const std::string& name, FakePool& pool, std::uint32_t id);
  void check_origin(const std::string& name, std::uint32_t origin);

  std::filesystem::path folder_;
  std::map<std::string, FakeDevice> devices_;
  std::map<std::string, FakePool> pools_;
  std::map<std::string, std::optional<dm::Version>> targets_;
  std::vector<Failure> failures_;
  std::set<Guard*> guards_;
  std::vector<std::string> violations_, calls_;
  std::set<std::string> stalled_;
  int given_up_ = 0;
  std::uint32_t next_minor_ = 0;
  std::uint64_t next_content_ = 1;
  bool quiet_ = false;
};

/// The words of a table's parameters or of a message.
[[nodiscard]] std::vector<std::string> split_words(const std::string& text);

}  // namespace tclone::test
