// SPDX-License-Identifier: GPL-2.0-or-later
// The programs of thin-provisioning-tools, run on the metadata of a thin-pool.
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace tclone::engine::thin_tools {

/// error kernel: not installed, or one of 1.0.0 to 1.0.5, which are known to be wrong (thin_delta merges runs that do
/// not belong together, -m is ignored).
[[nodiscard]] Status require();
/// The same of what `thin_check -V` says; also kernel when there is no version in it.
[[nodiscard]] Status judge_version(const std::string& said);

/// "" when the metadata is sound, else what thin_check says. `live` looks at the metadata snapshot that the caller
/// holds on an active pool.
[[nodiscard]] Result<std::string> check(const std::string& metadata, bool live);
/// The thin ids it knows.
[[nodiscard]] Result<std::set<std::uint32_t>> ids(const std::string& metadata, bool live);
/// Blocks of the pool's block size, one after the other, that a thin maps.
struct Run {
  std::uint64_t first = 0, count = 0;
  bool operator==(const Run&) const = default;
};
/// What a thin of an active pool maps, ascending, from the metadata snapshot that the caller holds. `scratch` is a file
/// that is made for the answer and removed; not_found when there is no such thin.
[[nodiscard]] Result<std::vector<Run>> mapped(const std::string& metadata, ThinId thin, const std::string& scratch);
/// The same from the text of thin_dump (XML); damaged when it is not whole, or not understood.
[[nodiscard]] Result<std::vector<Run>> parse_mapped(std::istream& dump, ThinId thin);

/// Clears the needs_check flag of metadata that check() found sound.
[[nodiscard]] Status clear_needs_check(const std::string& metadata);
/// What a superblock says and tclone knows as well, for metadata whose superblock is lost.
struct Superblock {
  std::uint64_t transaction = 0;
  Sectors block;
  std::uint64_t data_blocks = 0;
};
/// Writes repaired metadata to another device; the damaged one is only read. `known`, if it is, serves when nothing can
/// be saved without it.
[[nodiscard]] Status repair(const std::string& from, const std::string& to, const std::optional<Superblock>& known);

/// Those a rekey asks. Replaced by tests on fakes, whose pools have no metadata that a program could read.
struct Programs {
  std::function<Status()> require = thin_tools::require;
  std::function<Result<std::string>(const std::string& metadata, bool live)> check = thin_tools::check;
  std::function<Result<std::vector<Run>>(const std::string& metadata, ThinId thin, const std::string& scratch)> mapped =
      thin_tools::mapped;
};

}  // namespace tclone::engine::thin_tools
