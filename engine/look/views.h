// SPDX-License-Identifier: GPL-2.0-or-later
// Records and kernel state put together for looking at.
#pragma once

#include "engine/api/api.h"
#include "engine/core/session.h"
#include "engine/look/device_index.h"

namespace tclone::engine {

[[nodiscard]] Result<VaultView> view_vault(Session& s, DeviceIndex& device_index, const Vault& vault);
[[nodiscard]] Result<VolumeView> view_volume(Session& s, DeviceIndex& device_index, Volume volume, const Vault& vault);
[[nodiscard]] VersionView view_version(const Session& s, const DeviceIndex& device_index, const Volume& volume,
                                       Version version);
}  // namespace tclone::engine
