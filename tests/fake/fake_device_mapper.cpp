// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake/fake_device_mapper.h"

#include <algorithm>
#include <cerrno>

#include "dm/by_uuid.h"
#include "dm/targets.h"
#include "model/device_names.h"
#include "unit/catch.h"

namespace tclone::test {

using namespace dm;

class FakeGuard final : public DeviceMapper::Guard {
 public:
  FakeGuard(FakeDeviceMapper& mapper, std::vector<std::string> names) : mapper_(mapper), names_(std::move(names)) {
    mapper_.guards_.insert(this);
  }
  FakeGuard(const FakeGuard&) = delete;
  FakeGuard& operator=(const FakeGuard&) = delete;
  ~FakeGuard() override {
    mapper_.guards_.erase(this);
    for (const std::string& name : names_) {
      const FakeDevice* device = mapper_.device(name);
      if (device != nullptr && device->suspended)
        mapper_.violation("the guard is disarmed while " + name + " is suspended");
    }
  }
  bool fired() const override { return fired_; }
  void fire() { fired_ = true; }
  const std::vector<std::string>& names() const { return names_; }

 private:
  FakeDeviceMapper& mapper_;
  std::vector<std::string> names_;
  bool fired_ = false;
};

FakeDeviceMapper::FakeDeviceMapper(std::filesystem::path folder) : folder_(std::move(folder)) {
  targets_ = {{"linear", Version{1, 4, 0}},
              {"striped", Version{1, 6, 0}},
              {"thin-pool", Version{1, 22, 0}},
              {"thin", Version{1, 22, 0}},
              {"crypt", Version{1, 24, 0}}};
}

FakeDeviceMapper::~FakeDeviceMapper() {
  for (const auto& [name, device] : devices_) {
    if (device.suspended) violation(name + " is left suspended");
  }
}

void FakeDeviceMapper::violation(const std::string& what) {
  violations_.push_back(what);
  if (!quiet_) FAIL_CHECK("device-mapper protocol: " << what);
}

Status FakeDeviceMapper::begin(const std::string& op, const std::string& subject) {
  calls_.push_back(op + " " + subject);
  const std::string kind = op == "message" ? op + ":" + subject.substr(subject.find(' ') + 1) : op;
  for (auto failure = failures_.begin(); failure != failures_.end(); ++failure) {
    const bool same = failure->op == op || failure->op == kind || kind.rfind(failure->op + " ", 0) == 0;
    if (!same || failure->skip-- > 0) continue;
    const int sys = failure->sys;
    failures_.erase(failure);
    return fail_errno(sys, subject, "the test wants " + op + " to fail");
  }
  return {};
}

void FakeDeviceMapper::not_while_suspended(const std::string& doing) {
  for (const auto& [name, device] : devices_) {
    if (device.suspended) violation(doing + " while " + name + " is suspended");
  }
}

Result<FakeDevice*> FakeDeviceMapper::existing(const std::string& name) {
  const auto found = devices_.find(name);
  if (found == devices_.end()) return fail_errno(ENXIO, name, "there is no such device");
  return &found->second;
}

const FakeDevice* FakeDeviceMapper::device(const std::string& name) const {
  const auto found = devices_.find(name);
  return found == devices_.end() ? nullptr : &found->second;
}

Result<std::optional<Version>> FakeDeviceMapper::target_version(const std::string& type) {
  const auto found = targets_.find(type);
  return found == targets_.end() ? std::nullopt : found->second;
}

Result<std::optional<Info>> FakeDeviceMapper::info(const std::string& name) {
  const FakeDevice* found = device(name);
  if (found == nullptr) return std::nullopt;
  Info info;
  info.major = 253;
  info.minor = found->minor;
  info.open_count = found->holders + static_cast<int>(used_by(name).size());
  info.suspended = found->suspended.has_value();
  info.read_only = found->read_only;
  info.live_table = !found->live.empty();
  info.inactive_table = found->loaded.has_value();
  info.uuid = found->uuid;
  return info;
}

Result<std::optional<std::string>> FakeDeviceMapper::find_uuid(const std::string& uuid) {
  not_while_suspended("find " + uuid);
  for (const auto& [name, device] : devices_) {
    if (device.uuid == uuid) return name;
  }
  return std::nullopt;
}

Result<std::vector<Named>> FakeDeviceMapper::list(const std::string& prefix) {
  not_while_suspended("list");
  std::vector<Named> found;
  for (const auto& [name, device] : devices_) {
    if (name.compare(0, prefix.size(), prefix) == 0) found.push_back({name, 253, device.minor});
  }
  return found;
}

Result<Table> FakeDeviceMapper::table(const std::string& name) {
  not_while_suspended("table of " + name);
  return TC_TRY(existing(name))->live;
}

Status FakeDeviceMapper::create(const Spec& spec) {
  TC_CHECK(begin("create", spec.name));
  not_while_suspended("create " + spec.name);
  if (!device_names::valid(spec.name)) return fail(Code::usage, spec.name, "is no name that device-mapper can take");
  for (const auto& [name, device] : devices_) {
    if (name != spec.name && !spec.uuid.empty() && device.uuid == spec.uuid) return renamed_by_hand(name, spec.name);
    if (name == spec.name) {
      return fail(Code::exists, spec.name, "there is a device of this name or uuid already", {}, EBUSY);
    }
  }
  TC_CHECK(check_table(spec.name, spec.table));
  FakeDevice device;
  device.uuid = spec.uuid;
  device.live = spec.table;
  device.read_only = spec.read_only;
  device.udev = spec.udev;
  device.minor = next_minor_++;
  devices_[spec.name] = std::move(device);
  place_file(spec.name);
  if (spec.table.front().type == "thin-pool") format_if_blank(spec.table.front());
  return {};
}

Status FakeDeviceMapper::reload(const std::string& name, const Table& table, bool read_only) {
  TC_CHECK(begin("reload", name));
  not_while_suspended("reload " +
                      name);  // libdm's "unsafe table load": it may wait for memory, and that for the device
  FakeDevice* device = TC_TRY(existing(name));
  TC_CHECK(check_table(name, table));
  device->loaded = table;
  device->loaded_read_only = read_only;
  return {};
}

Status FakeDeviceMapper::suspend(const std::string& name, Suspend how) {
  TC_CHECK(begin("suspend", name));
  FakeDevice* device = TC_TRY(existing(name));
  if (how == Suspend::freeze && !guarded(name)) violation("suspend " + name + " without a guard");
  for (const std::string& below : uses(name)) {
    if (devices_.at(below).suspended) violation("suspend " + name + " after " + below + ", which is below it");
  }
  device->suspended = how;
  return {};
}

Status FakeDeviceMapper::resume(const std::string& name) {
  TC_CHECK(begin("resume", name));
  TC_TRY(existing(name));
  wake(name);
  return {};
}

void FakeDeviceMapper::wake(const std::string& name) {
  FakeDevice& device = devices_.at(name);
  device.suspended.reset();
  if (!device.loaded) return;
  device.live = std::move(*device.loaded);
  device.loaded.reset();
  device.read_only = device.loaded_read_only;
  place_file(name);
}

Status FakeDeviceMapper::remove(const std::string& name, std::chrono::milliseconds) {
  TC_CHECK(begin("remove", name));
  not_while_suspended("remove " + name);
  const FakeDevice* found = device(name);
  if (found == nullptr) return {};
  const int open = found->holders + static_cast<int>(used_by(name).size());
  if (open > 0) {
    return fail_errno(EBUSY, name, "cannot remove it: it is still open (" + std::to_string(open) + " times)");
  }
  std::filesystem::remove(path(name));
  devices_.erase(name);
  return {};
}

Status FakeDeviceMapper::rename(const std::string& from, const std::string& to) {
  TC_CHECK(begin("rename", from + " " + to));
  not_while_suspended("rename " + from);
  TC_TRY(existing(from));
  if (!device_names::valid(to)) return fail(Code::usage, to, "is no name that device-mapper can take");
  if (device(to) != nullptr)
    return fail(Code::exists, from, "cannot rename it: there is a device named " + to, {}, EBUSY);
  // Tables keep the device's number, not its name; so do the fake's, once the old path means nothing.
  const std::string number = TC_TRY(info(from))->dev(), old_path = path(from);
  const auto renumber = [&](Table& table) {
    for (Target& target : table) {
      std::string params;
      for (const std::string& word : split_words(target.params)) {
        params += (params.empty() ? "" : " ") + (word == old_path ? number : word);
      }
      target.params = params;
    }
  };
  for (auto& [name, device] : devices_) {
    renumber(device.live);
    if (device.loaded) renumber(*device.loaded);
  }
  auto node = devices_.extract(from);
  node.key() = to;
  devices_.insert(std::move(node));
  std::filesystem::rename(old_path, path(to));
  return {};
}

std::string FakeDeviceMapper::path(const std::string& name) const { return (folder_ / name).string(); }

bool FakeDeviceMapper::guarded(const std::string& name) const {
  for (const Guard* guard : guards_) {
    const auto& names = static_cast<const FakeGuard*>(guard)->names();
    if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  }
  return false;
}

Result<std::unique_ptr<DeviceMapper::Guard>> FakeDeviceMapper::guard(std::span<const std::string> names,
                                                                     std::chrono::milliseconds) {
  std::string subject;
  for (const std::string& name : names) subject += (subject.empty() ? "" : " ") + name;
  TC_CHECK(begin("guard", subject));
  for (const std::string& name : names) {
    if (TC_TRY(existing(name))->suspended) violation("the guard is armed after " + name + " was suspended");
  }
  return std::make_unique<FakeGuard>(*this, std::vector<std::string>(names.begin(), names.end()));
}

void FakeDeviceMapper::fail_next(const std::string& op, int sys, int skip) { failures_.push_back({op, sys, skip}); }

int FakeDeviceMapper::lets_pass(const std::string& op) const {
  const auto found = std::ranges::find(failures_, op, &Failure::op);
  return found == failures_.end() ? -1 : found->skip;
}

void FakeDeviceMapper::hold(const std::string& name, int holders) { devices_.at(name).holders = holders; }

void FakeDeviceMapper::fire_guards() {
  for (Guard* guard : guards_) {
    auto* fake = static_cast<FakeGuard*>(guard);
    fake->fire();
    for (const std::string& name : fake->names()) {
      if (device(name) != nullptr) wake(name);
    }
  }
}

void FakeDeviceMapper::reboot() {
  for (const auto& entry : devices_) std::filesystem::remove(path(entry.first));
  devices_.clear();
}

}  // namespace tclone::test
