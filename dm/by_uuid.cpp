// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/by_uuid.h"

namespace tclone::dm {

Result<std::optional<Info>> own_info(DeviceMapper& dm, const std::string& name, const std::string& uuid) {
  auto info = TC_TRY(dm.info(name));
  if (info && (info->uuid == uuid || info->uuid.empty())) return info;
  const auto found = TC_TRY(dm.find_uuid(uuid));
  if (found && *found != name) return renamed_by_hand(*found, name);
  if (!info) return info;
  return fail(Code::damaged, "device " + name, "it is another one (uuid " + info->uuid + ") that was given this name",
              "give it its own back (`dmsetup rename " + name + " NAME`); `tclone doctor` knows which one that is");
}

tl::unexpected<Error> renamed_by_hand(const std::string& found, const std::string& name) {
  return fail(Code::damaged, "device " + found, "it is " + name + ", which somebody has renamed in device-mapper",
              "`dmsetup rename " + found + " " + name + "` gives it its name back");
}

}  // namespace tclone::dm
