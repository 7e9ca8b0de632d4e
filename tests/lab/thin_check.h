// SPDX-License-Identifier: GPL-2.0-or-later
// thin_check of a live pool, by its metadata snapshot.
#pragma once

#include <string>

#include "dm/device_mapper.h"

namespace tclone::lab {

/// False when thin_check finds something, which it then has said on standard output or error. The snapshot is given back.
/// \param pool  name of the thin-pool's device
/// \param metadata  name of the device that its metadata is on
[[nodiscard]] Result<bool> thin_check_passes(dm::DeviceMapper& mapper, const std::string& pool,
                                             const std::string& metadata);

}  // namespace tclone::lab
