// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/look/device_index.h"

#include "model/device_names.h"

namespace tclone::engine {

Result<DeviceIndex> DeviceIndex::at(dm::DeviceMapper& dm, const std::string& pool) {
  std::set<std::string> devices;
  for (dm::Named& device : TC_TRY(dm.list(device_names::prefix(pool)))) devices.insert(std::move(device.name));
  return DeviceIndex(dm, std::move(devices));
}

Result<std::optional<dm::Info>> DeviceIndex::live(const std::string& device) const {
  if (!has(device)) return std::nullopt;
  auto info = TC_TRY(dm_.info(device));
  if (info && !info->live_table) info.reset();
  return info;
}

Result<std::vector<std::string>> DeviceIndex::mounts_of(const dm::Info& device) {
  if (!mounts_) mounts_ = TC_TRY(os::mounts());
  std::vector<std::string> out;
  const auto [first, last] = mounts_->equal_range({device.major, device.minor});
  for (auto mount = first; mount != last; ++mount) out.push_back(mount->second);
  return out;
}

}  // namespace tclone::engine
