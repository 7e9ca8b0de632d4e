// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dm/device_mapper.h"
#include "os/filesystem.h"

namespace tclone::engine {

/// Which devices of the pool there are and what is mounted where, each asked for once however much is then looked at: most
/// of thousands of volumes are not active, and asking for each would cost more than reading the records.
class DeviceIndex {
 public:
  [[nodiscard]] static Result<DeviceIndex> at(dm::DeviceMapper& dm, const std::string& pool);
  /// The state of a device; nothing when it was not there, or is without a table.
  [[nodiscard]] Result<std::optional<dm::Info>> live(const std::string& device) const;
  [[nodiscard]] bool has(const std::string& device) const { return devices_.contains(device); }
  [[nodiscard]] Result<std::vector<std::string>> mounts_of(const dm::Info& device);

  /// How much space the outer pool had when that was first asked (views.cpp): the answer decides how much is looked at, and how
  /// patiently.
  enum class Space { plenty, little, none };
  std::optional<Space> outer_space;

 private:
  DeviceIndex(dm::DeviceMapper& dm, std::set<std::string> devices) : dm_(dm), devices_(std::move(devices)) {}
  dm::DeviceMapper& dm_;
  std::set<std::string> devices_;
  std::optional<os::Mounts> mounts_;
};

}  // namespace tclone::engine
