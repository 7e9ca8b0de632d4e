// SPDX-License-Identifier: GPL-2.0-or-later
// The layers of one vault: outer thin, dm-crypt, linear metadata and data, inner thin-pool. Nothing here needs its key.
#pragma once

#include "dm/types.h"
#include "engine/core/session.h"
#include "engine/core/work.h"
#include "model/vault.h"

namespace tclone::engine {

/// Whether the inner pool is up (not: whether its status is good). Under the lock, busy when a
/// layer of it is suspended (suspended.h).
[[nodiscard]] Result<bool> vault_is_open(Session& s, Work& w, const Vault& vault);

/// Takes down what stands on the dm-crypt of an encrypted vault and leaves that up for open_vault() of the same session, which
/// then needs no key; false, with nothing done, when there is none that could be used. busy as close_vault().
[[nodiscard]] Result<bool> close_above_crypt(Session& s, Work& w, ThinId outer);
/// Takes all layers down, top first; layers that are not there are fine. busy when a thin of it is still active or a
/// layer is suspended.
[[nodiscard]] Status close_vault(Session& s, Work& w, ThinId outer);
/// Closes it, and the other half of a rekey, when no thin of it is active.
[[nodiscard]] Status close_vault_if_unused(Session& s, Work& w, const Vault& vault);

/// The inner pool's status; damaged, naming the vault and the way out, unless it is rw and needs no check.
[[nodiscard]] Result<dm::PoolStatus> healthy_inner_pool(Session& s, const Vault& vault);

/// Activates only the outer thin, for work on the header or discarding; nullopt when the thin id does not exist.
/// The caller removes the device.
[[nodiscard]] Result<bool> activate_outer_thin(Session& s, Work& w, ThinId outer);

}  // namespace tclone::engine
