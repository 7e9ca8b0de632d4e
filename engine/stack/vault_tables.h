// SPDX-License-Identifier: GPL-2.0-or-later
// The tables of a vault's layers, as its record says that they must be.
#pragma once

#include "dm/targets.h"
#include "engine/core/session.h"
#include "model/vault.h"

namespace tclone::engine {

/// "major:minor" of a device of this pool; damaged when it is not there.
[[nodiscard]] Result<std::string> dev_of(Session& s, const std::string& name);

/// The device that carries [metadata][data] and where these begin on it.
struct Payload {
  std::string dev;
  Bytes start;
};
/// Of a vault whose outer thin and dm-crypt are up.
[[nodiscard]] Result<Payload> payload(Session& s, const Vault& v);

/// Where the metadata are after this many repairs.
[[nodiscard]] dm::Table metadata_table(const Payload& p, const Vault& v, std::uint32_t repairs);
/// Where the metadata begin on the outer thin.
[[nodiscard]] Bytes metadata_at(const Vault& v);
[[nodiscard]] dm::Table data_table(const Payload& p, const Vault& v);
/// Of a vault whose metadata and data devices are up.
[[nodiscard]] Result<dm::Table> pool_table(Session& s, const Vault& v);

}  // namespace tclone::engine
