// SPDX-License-Identifier: GPL-2.0-or-later
// Every device-mapper name and UUID tclone uses. Names stay below 128 bytes because a pool's name has at most 40
// and a volume's at most 63. What users mount is `tclone-<pool>-<volume>`; a hidden layer has an underscore after
// the second dash, which no volume name may begin with. Vault layers are named by the outer thin id, so renaming
// a volume touches none of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"

namespace tclone::device_names {

/// "tclone-<pool>-": the prefix of every device of a pool.
[[nodiscard]] std::string prefix(const std::string& pool);
[[nodiscard]] std::string volume(const std::string& pool, const std::string& volume);
[[nodiscard]] std::string version(const std::string& pool, const std::string& volume, std::uint64_t number);
/// What a version is mounted by: the kernel lets a device be mounted or be stood on by clones, never both.
[[nodiscard]] std::string view(const std::string& version);
inline constexpr const char* kView = ".view";

// Layers of the pool: tclone-<pool>-_state and so on.
[[nodiscard]] std::string state(const std::string& pool);
[[nodiscard]] std::string metadata(const std::string& pool);
[[nodiscard]] std::string spare(const std::string& pool);
[[nodiscard]] std::string data(const std::string& pool);
[[nodiscard]] std::string outer_pool(const std::string& pool);

// Layers of a vault: tclone-<pool>-_<outer id>.<layer>
[[nodiscard]] std::string vault_thin(const std::string& pool, ThinId outer);
[[nodiscard]] std::string vault_crypt(const std::string& pool, ThinId outer);
[[nodiscard]] std::string vault_metadata(const std::string& pool, ThinId outer);
[[nodiscard]] std::string vault_data(const std::string& pool, ThinId outer);
[[nodiscard]] std::string vault_pool(const std::string& pool, ThinId outer);
/// All of them, the uppermost first: as they are taken down.
[[nodiscard]] std::vector<std::string> vault_layers(const std::string& pool, ThinId outer);

/// Whether a device-mapper name is that of a hidden layer: an underscore follows its second dash. The shipped udev
/// rules decide by the same property.
[[nodiscard]] bool hidden(const std::string& name);

/// What a name must be for this room to hand it to the kernel: 1 to 127 of [A-Za-z0-9._@+:#=-], no '/', not "." or
/// "..". (DM_NAME_LEN is 128 with its zero; name mangling is off, so nothing else may get through.)
[[nodiscard]] bool valid(const std::string& name);

/// "TCLONE-<owner uuid, compact>-<suffix>"; owner is the pool, vault, volume or version; suffix names the layer.
[[nodiscard]] std::string uuid(const Uuid& owner, const std::string& suffix);

}  // namespace tclone::device_names
