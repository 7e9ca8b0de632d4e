// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/suspended.h"

#include "model/device_names.h"

namespace tclone::engine {

Status refuse_suspended(dm::DeviceMapper& dm, const std::string& pool, const std::vector<std::string>& devices) {
  for (const std::string& name : devices) {
    const auto info = TC_TRY(dm.info(name));
    if (!info || !info->live_table || !info->suspended) continue;
    return fail(Code::busy, "device " + name, "somebody has suspended it, and whoever uses it waits",
                "`tclone recover --pool " + pool + "`, or `dmsetup resume " + name + "`");
  }
  return {};
}

Status refuse_suspended(Session& s, ThinId outer) {
  if (s.not_suspended.contains(outer.n)) return {};
  TC_CHECK(refuse_suspended(s.env.dm, s.pool, device_names::vault_layers(s.pool, outer)));
  s.not_suspended.insert(outer.n);
  return {};
}

}  // namespace tclone::engine
