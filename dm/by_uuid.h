// SPDX-License-Identifier: GPL-2.0-or-later
// Telling a device that is not there from one that somebody has renamed (dmsetup rename): a name can be taken away, a uuid
// cannot. Taken for inactive, a volume would not be suspended for its snapshot, or be removed under who writes to it.
#pragma once

#include "dm/device_mapper.h"

namespace tclone::dm {

/// The device called `name`; nullopt when no device has this name or uuid. damaged, saying how to give it its name back, when
/// the device of this uuid is called otherwise, or when another device has the name. One without any uuid, which was made by
/// hand, is taken for it. Asks a second question only when the name alone does not tell.
[[nodiscard]] Result<std::optional<Info>> own_info(DeviceMapper& dm, const std::string& name, const std::string& uuid);

/// damaged: `found` is the device that should be called `name`.
[[nodiscard]] tl::unexpected<Error> renamed_by_hand(const std::string& found, const std::string& name);

}  // namespace tclone::dm
