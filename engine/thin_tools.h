// SPDX-License-Identifier: GPL-2.0-or-later
// The programs of thin-provisioning-tools, run on the metadata of a thin-pool.
#pragma once

#include <set>
#include <string>

#include "base/result.h"

namespace tclone::engine::thin_tools {

/// error kernel: not installed, or one of 1.0.0 to 1.0.5, which are known to be wrong (thin_delta merges runs that do
/// not belong together, -m is ignored).
[[nodiscard]] Status require();

/// "" when the metadata is sound, else what thin_check says. `live` looks at the metadata snapshot that the caller
/// holds on an active pool.
[[nodiscard]] Result<std::string> check(const std::string& metadata, bool live);
/// The thin ids it knows.
[[nodiscard]] Result<std::set<std::uint32_t>> ids(const std::string& metadata, bool live);
/// Whether a thin-pool's superblock is there (its magic number, dm-thin-metadata.c THIN_SUPERBLOCK_MAGIC), sound or not.
[[nodiscard]] Result<bool> looks_like_metadata(const std::string& metadata);
/// Clears the needs_check flag of metadata that check() found sound.
[[nodiscard]] Status clear_needs_check(const std::string& metadata);
/// Writes repaired metadata to another device; the damaged one is only read.
[[nodiscard]] Status repair(const std::string& from, const std::string& to);

}  // namespace tclone::engine::thin_tools
