// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: a status that is not waited for longer than one likes (DeviceMapper::Limit).
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"

namespace tclone::dm {

/// As query::status(), asked by a forked process. busy when it has not answered after `limit`: the process is then killed, which
/// takes effect when the kernel lets go of it, and belongs to init once this program has ended.
[[nodiscard]] Result<std::string> status_within(const std::string& name, const std::string& type,
                                                std::chrono::milliseconds limit);

}  // namespace tclone::dm
