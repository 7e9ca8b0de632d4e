// SPDX-License-Identifier: GPL-2.0-or-later
// The layers of one vault: outer thin, dm-crypt, linear metadata and data, inner thin-pool.
#pragma once

#include "dm/types.h"
#include "engine/core/session.h"
#include "model/vault.h"

namespace tclone::engine {

/// Whether the inner pool is up (not: whether its status is good). Under the lock, busy when a
/// layer of it is suspended (suspended.h).
[[nodiscard]] Result<bool> vault_is_open(Session& s, const Vault& vault);

/// Brings the layers up (asking the vault's key source), checks the inner pool's health, and pays what the record says
/// is pending; the record is rewritten durably before the vault is used. An open vault is left as it is.
/// Remains of a command that was killed half-way are taken down first.
[[nodiscard]] Status open_vault(Session& s, const std::string& name);
/// Takes down what stands on the dm-crypt of an encrypted vault and leaves that up for open_vault() of the same session, which
/// then needs no key; false, with nothing done, when there is none that could be used. busy as close_vault().
[[nodiscard]] Result<bool> close_above_crypt(Session& s, ThinId outer);
/// Of a vault that this operation just made: header in place, inner pool formatted from nothing.
[[nodiscard]] Status open_new_vault(Session& s, const Vault& vault);
/// Takes all layers down, top first; layers that are not there are fine. busy when a thin of it is still active or a
/// layer is suspended.
[[nodiscard]] Status close_vault(Session& s, ThinId outer);
/// For repair: everything below the inner pool, and in the inner pool's place (so that close_vault takes it down) a
/// linear device over the half of the metadata's room that is not in use. Returns its name.
/// usage error when the metadata is larger than that half.
[[nodiscard]] Result<std::string> open_for_repair(Session& s, const Vault& vault);
/// For work on all of it while nobody uses it: everything below the inner pool. The caller closes it with close_vault().
[[nodiscard]] Status open_below(Session& s, const Vault& vault);
/// exists, saying what to do, while the vault is being copied to get a new volume key: it must not change then.
[[nodiscard]] Status refuse_while_copied(const Vault& vault);
/// Closes it, and the other half of a rekey, when no thin of it is active.
[[nodiscard]] Status close_vault_if_unused(Session& s, const Vault& vault);

/// The inner pool's status; damaged, naming the vault and the way out, unless it is rw and needs no check.
[[nodiscard]] Result<dm::PoolStatus> healthy_inner_pool(Session& s, const Vault& vault);

/// Capacity rule and metadata ahead (policies/sizing.h) for a sum of writable sizes. The record is raised durably
/// before the kernel's devices are, so it never says less than the inner pool knows.
[[nodiscard]] Status make_room(Session& s, const std::string& vault, Bytes writable);

/// Activates only the outer thin, for work on the header or discarding; nullopt when the thin id does not exist.
/// The caller removes the device.
[[nodiscard]] Result<bool> activate_outer_thin(Session& s, ThinId outer);

}  // namespace tclone::engine
