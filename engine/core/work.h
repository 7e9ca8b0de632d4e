// SPDX-License-Identifier: GPL-2.0-or-later
// The scratch of one operation: what it remembers while it runs, passed to those who write or read it. Nothing of it is true
// of the pool, and nothing of it outlives the operation.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "model/version.h"

namespace tclone::engine {

struct Work {
  // What this operation has opened or left without user; close_unused() looks at these only.
  std::set<std::string> unused_vaults;
  std::set<std::string> unused_versions;  ///< "db@3"

  /// Outer thins of vaults that are being reset with their dm-crypt left up: opening them takes no key.
  std::set<std::uint32_t> unlocked;
  /// Volume keys of headers this very operation made, by outer thin id: saves unlocking them again.
  std::map<std::uint32_t, Secret> fresh_keys;
  /// Secrets for headers that are to be made, by kind and reference of their source: had already, not to be asked again.
  std::map<std::pair<std::string, std::string>, Secret> given;
  /// While nothing is written down that would have to be undone: secrets that take long are then waited for without the lock.
  bool may_begin_anew = false;

  /// Versions that the operation makes: a clone of one stands on it before its record is written.
  std::vector<Version> planned_versions;
  /// Volumes that were active when the operation began and were taken down by it.
  std::set<std::string> taken_down;

  /// Outer thins of vaults that were seen to wait for space in a full pool. Each look takes two seconds, during which the
  /// lock is held: none is looked at again.
  std::set<std::uint32_t> waiting;
  /// Outer thins of vaults none of whose layers was suspended when this operation looked (suspended.h).
  std::set<std::uint32_t> not_suspended;
};

}  // namespace tclone::engine
