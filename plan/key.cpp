// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan/plan.h"

namespace tclone::plan {

// The record changes at the commit, and slots go after it: whatever the moment of a crash, the source that the record
// names is one whose slot is there.
Plan plan_key(const KeyFacts& f) {
  Draft d(f.common.pool_name, f.operation, f.common.pool, f.common.now);
  d.vault(f.vault);
  d.plan.cleanup.keys = f.gone;
  return d.finish();
}

}  // namespace tclone::plan
