// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/suspended.h"

#include "dm/suspended.h"
#include "model/device_names.h"

namespace tclone::engine {

Status refuse_suspended(Session& s, Work& w, ThinId outer) {
  if (w.not_suspended.contains(outer.n)) return {};
  TC_CHECK(dm::refuse_suspended(s.env.dm, s.pool, device_names::vault_layers(s.pool, outer)));
  w.not_suspended.insert(outer.n);
  return {};
}

}  // namespace tclone::engine
