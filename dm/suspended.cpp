// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/suspended.h"

namespace tclone::dm {

Status refuse_suspended(DeviceMapper& dm, const std::string& pool, const std::vector<std::string>& devices) {
  for (const std::string& name : devices) {
    const auto info = TC_TRY(dm.info(name));
    if (!info || !info->live_table || !info->suspended) continue;
    return fail(Code::busy, "device " + name, "somebody has suspended it, and whoever uses it waits",
                "`tclone recover --pool " + pool + "`, or `dmsetup resume " + name + "`");
  }
  return {};
}

}  // namespace tclone::dm
