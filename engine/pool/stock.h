// SPDX-License-Identifier: GPL-2.0-or-later
// Vaults made ahead: most of the time of an own-key clone is the making of its LUKS2 header, which needs nothing of the
// clone. A vault of the stock has its header, a key file of its own and an open inner pool; the clone takes it over under
// its name. A key is never used twice, because a vault leaves the stock with the transaction that gives it a volume.
#pragma once

#include <optional>

#include "engine/core/session.h"

namespace tclone::engine {

/// A vault that a clone of this size can take, if the pool keeps a stock and one is left whose key is on this host.
[[nodiscard]] Result<std::optional<Vault>> stocked_vault(Session& s, Bytes size);

/// What a new vault for a volume of this size takes from the outer pool before anything is written to it.
[[nodiscard]] Bytes new_vault_cost(const Session& s, Bytes size);

}  // namespace tclone::engine
