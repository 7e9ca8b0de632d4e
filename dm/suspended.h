// SPDX-License-Identifier: GPL-2.0-or-later
// Devices that somebody else has suspended (dmsetup suspend, a killed tool): what reads or writes through one waits in the
// kernel, where neither a deadline nor a signal ends it. So they are looked for before anything is.
#pragma once

#include <string>
#include <vector>

#include "dm/device_mapper.h"

namespace tclone::dm {

/// busy, naming the device and what resumes it, when one of these devices of `pool` is suspended. One that is not there is
/// not. Under the pool's lock, or of devices that tclone itself never suspends: else a command at work is taken for it.
[[nodiscard]] Status refuse_suspended(DeviceMapper& dm, const std::string& pool,
                                      const std::vector<std::string>& devices);

}  // namespace tclone::dm
