// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/protocol/write_out.h"

#include <chrono>

#include "dm/suspended.h"
#include "model/device_names.h"

namespace tclone::engine {
namespace {

bool may_wait_for_ever(Session& seen, const std::string& volume) {
  const auto v = seen.store.volume(volume);
  if (!v) return true;
  const auto vault = seen.store.vault(v->vault);
  if (!vault || !dm::refuse_suspended(seen.env.dm, seen.pool, device_names::vault_layers(seen.pool, vault->outer)))
    return true;
  const auto pool = seen.env.dm.pool_status(seen.outer_pool());
  return !pool || pool->mode != dm::PoolMode::rw;
}

}  // namespace

std::vector<StepTime> write_out(Session& seen, const std::vector<std::string>& volumes) {
  std::vector<StepTime> out;
  for (const std::string& volume : volumes) {
    const std::string device = device_names::volume(seen.pool, volume);
    const auto info = seen.env.dm.info(device);
    if (!info || !*info || (*info)->suspended || (*info)->open_count == 0) continue;
    if (may_wait_for_ever(seen, volume)) continue;
    const auto start = std::chrono::steady_clock::now();
    seen.env.write_out((*info)->major, (*info)->minor, seen.env.dm.path(device));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    out.push_back({"write what is cached of " + volume, took.count()});
  }
  return out;
}

}  // namespace tclone::engine
