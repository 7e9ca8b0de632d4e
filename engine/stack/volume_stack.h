// SPDX-License-Identifier: GPL-2.0-or-later
// Activating and deactivating what people mount: volumes, and versions under them or by themselves.
#pragma once

#include <string>

#include "engine/core/session.h"
#include "engine/core/work.h"
#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"

namespace tclone::engine {

[[nodiscard]] std::string device_of(const Session& s, const Volume& volume);
[[nodiscard]] std::string device_of(const Session& s, const VersionRef& version);
/// Its device; nullopt when it is not active. damaged when somebody has renamed it, or put another one there (dm/by_uuid.h).
[[nodiscard]] Result<std::optional<dm::Info>> info_of(Session& s, const Volume& volume);
[[nodiscard]] Result<std::optional<dm::Info>> info_of(Session& s, const VersionRef& version);
/// What the version is mounted by.
[[nodiscard]] std::string view_of(const Session& s, const VersionRef& version);

/// Opens the vault and whatever the volume stands on, then activates its thin. Already active is fine.
[[nodiscard]] Status activate_volume(Session& s, Work& w, const Volume& volume, const Vault& vault);
/// Every vault below the volume's own that something has to be activated of before the volume can be.
[[nodiscard]] Result<std::vector<Vault>> vaults_below(Session& s, Work& w, const Volume& volume);
/// require_key (vault_header.h) for every vault below the volume's own that activating it would open.
[[nodiscard]] Status require_keys_below(Session& s, Work& w, const Volume& volume);
/// The read-only view of a version, with what it stands on; returns "major:minor". Already active is fine. It stays
/// only as long as something uses it, unless it is pinned. damaged when the record's uuid is not the one asked for.
[[nodiscard]] Result<std::string> activate_version(Session& s, Work& w, const VersionRef& version);
/// The device to mount the version by, on top of the version's own; it goes when it is no longer mounted.
[[nodiscard]] Status activate_view(Session& s, Work& w, const VersionRef& version);

/// Takes down the device that the version is mounted by, unless it is in use.
[[nodiscard]] Status close_view_if_unused(Session& s, const VersionRef& ref);
/// busy, naming processes and mount points, when it is in use. Not active is fine. Notes what it leaves idle.
[[nodiscard]] Status deactivate_volume(Session& s, Work& w, const Volume& volume);
[[nodiscard]] Status deactivate_version(Session& s, Work& w, const Version& version);
/// no_space when the outer pool is full and the vault waits for it: what was written to the vault holds its commits up, and
/// with them whoever wants to change something in it, until there is space or the kernel gives up (a minute, or never).
[[nodiscard]] Status refuse_while_it_waits(Session& s, Work& w, const Vault& vault);
/// The refusal alone: busy when the device is held open, damaged as info_of().
[[nodiscard]] Status refuse_if_held(Session& s, const Volume& volume);
/// The same for a version, by whatever device it is used. Takes a view down that is no longer mounted.
[[nodiscard]] Status refuse_if_held(Session& s, const VersionRef& version);
[[nodiscard]] Status refuse_if_mounted(Session& s, const VersionRef& version);

}  // namespace tclone::engine
