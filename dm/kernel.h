// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: what the running kernel can do, and how to make it load the modules for it.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "dm/types.h"

namespace tclone::dm::kernel {

/// Error kernel, naming the module, when there is no device-mapper to speak to; key when it is not ours to open.
[[nodiscard]] Status require_driver();
/// See DeviceMapper::target_version().
[[nodiscard]] Result<std::optional<Version>> target_version(const std::string& type);

}  // namespace tclone::dm::kernel
