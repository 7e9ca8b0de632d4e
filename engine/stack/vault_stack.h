// SPDX-License-Identifier: GPL-2.0-or-later
// Opening a vault, which may need its key: the layers of vault_layers.h brought up.
#pragma once

#include "engine/core/session.h"
#include "engine/core/work.h"
#include "model/vault.h"

namespace tclone::engine {

/// Brings the layers up (asking the vault's key source), checks the inner pool's health, and pays what the record says
/// is pending; the record is rewritten durably before the vault is used. An open vault is left as it is.
/// Remains of a command that was killed half-way are taken down first.
[[nodiscard]] Status open_vault(Session& s, Work& w, const std::string& name);
/// Of a vault that this operation just made: header in place, inner pool formatted from nothing.
[[nodiscard]] Status open_new_vault(Session& s, Work& w, const Vault& vault);
/// For repair: everything below the inner pool, and in the inner pool's place (so that close_vault takes it down) a
/// linear device over the half of the metadata's room that is not in use. Returns its name.
/// usage error when the metadata is larger than that half.
[[nodiscard]] Result<std::string> open_for_repair(Session& s, Work& w, const Vault& vault);
/// For work on all of it while nobody uses it: everything below the inner pool. The caller closes it with close_vault().
[[nodiscard]] Status open_below(Session& s, Work& w, const Vault& vault);
/// exists, saying what to do, while the vault is being copied to get a new volume key: it must not change then.
[[nodiscard]] Status refuse_while_copied(const Vault& vault);
/// Capacity rule and metadata ahead (policies/sizing.h) for a sum of writable sizes. The record is raised durably
/// before the kernel's devices are, so it never says less than the inner pool knows.
[[nodiscard]] Status make_room(Session& s, const std::string& vault, Bytes writable);

}  // namespace tclone::engine
