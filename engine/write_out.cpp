// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/write_out.h"

#include "dm/names.h"
#include "engine/suspended.h"

namespace tclone::engine {
namespace {

bool may_wait_for_ever(Session& seen, const std::string& volume) {
  const auto v = seen.store.volume(volume);
  if (!v) return true;
  const auto vault = seen.store.vault(v->vault);
  if (!vault || !refuse_suspended(seen, vault->outer)) return true;
  const auto pool = seen.env.dm.pool_status(seen.outer_pool());
  return !pool || pool->mode != dm::PoolMode::rw;
}

}  // namespace

void write_out(Session& seen, const std::vector<std::string>& volumes) {
  for (const std::string& volume : volumes) {
    const std::string device = dm::names::volume(seen.pool, volume);
    const auto info = seen.env.dm.info(device);
    if (!info || !*info || (*info)->suspended || (*info)->open_count == 0) continue;
    if (may_wait_for_ever(seen, volume)) continue;
    seen.env.write_out((*info)->major, (*info)->minor, seen.env.dm.path(device));
  }
}

}  // namespace tclone::engine
