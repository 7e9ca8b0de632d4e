// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: the guard process of DeviceMapper::guard().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "dm/device_mapper.h"

namespace tclone::dm {

/// A device as the dm ioctls number it.
struct DeviceNumber {
  std::uint32_t major = 0, minor = 0;
};

/// Starts the guard; when this returns it is armed and its memory locked. It resumes the devices in the
/// reverse of the given order. A table that is loaded but not yet live becomes live by that resume.
[[nodiscard]] Result<std::unique_ptr<DeviceMapper::Guard>> start_guard(std::span<const DeviceNumber> devices,
                                                                       std::chrono::milliseconds limit);

}  // namespace tclone::dm
