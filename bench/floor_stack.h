// SPDX-License-Identifier: GPL-2.0-or-later
// The layers of bench/floor.cpp, by bare calls of libdevmapper and libcryptsetup: same tables, sizes and header as
// engine/stack/vault_stack.cpp, engine/stack/pool_stack.cpp and crypt/luks/format.cpp make. Single-threaded. Errors carry errno.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "dm/targets.h"

namespace tclone::bench {

inline constexpr const char* kOuterPool = "floor-pool";

/// "/dev/mapper/NAME": the kernel takes it in tables, so that no number has to be asked for.
[[nodiscard]] std::string node(const std::string& name);
[[nodiscard]] std::string pool_of(std::uint32_t outer);

// One request each; make_device is create, load and resume.
[[nodiscard]] Status make_device(const std::string& name, const dm::Table& table, bool read_only = false);
[[nodiscard]] Status message(const std::string& name, const std::string& text);
/// With the filesystem on it frozen and everything under way written, as a publish needs it.
[[nodiscard]] Status suspend(const std::string& name);
[[nodiscard]] Status resume(const std::string& name);
[[nodiscard]] Status remove(const std::string& name);
/// ENXIO is success.
[[nodiscard]] Status remove_if_there(const std::string& name);

/// [metadata][data] on the whole device, laid out by policies/sizing.h; the metadata's first block is zeroed.
[[nodiscard]] Status make_outer_pool(const std::string& device);
[[nodiscard]] Status remove_outer_pool();

/// Of a new outer thin: the thin itself, a LUKS2 header with one key slot and dm-crypt (or dm-crypt with the null cipher
/// and no header), metadata and data devices for a volume of `size`.
[[nodiscard]] Status open_fresh_layers(std::uint32_t outer, Bytes size, bool null_cipher);
/// Formats and loads the inner pool of a vault whose other layers are up, and makes its first thin.
[[nodiscard]] Status start_inner_pool(std::uint32_t outer, Bytes size, ThinId first);
/// Discards everything behind the header.
[[nodiscard]] Status empty_vault(std::uint32_t outer);
/// Layers that are not there are passed over.
[[nodiscard]] Status close_vault(std::uint32_t outer);

/// Before anything else here.
[[nodiscard]] Status load_devmapper();
/// What loading libdevmapper and libcryptsetup took in this process.
[[nodiscard]] double library_ms();

}  // namespace tclone::bench
