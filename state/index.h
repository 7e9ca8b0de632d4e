// SPDX-License-Identifier: GPL-2.0-or-later
// The index of a large pool's records: what their files said, in one file that is quick to read. A cache and nothing more:
// it may be missing, old, damaged or of another pool, and then it is made anew.
//
// Only for looking, never for what is changed: a file that was edited in place, which no command of tclone does, is noticed
// once another of its folder is made, replaced or removed, because only that changes the folder's times.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "state/lineage.h"

namespace tclone {

/// From so many record files on a pool has an index. Below, reading them all takes a tenth of a second at most.
constexpr std::size_t kIndexFrom = 1000;

/// What a caller looks at: versions are the most, and listing volumes takes none of them.
enum class Wanted { vaults_and_volumes, all };

/// All records that are wanted, but pool.toml, in the order of their names, by way of the index in the file `path`: without
/// looking at any record's file when their folders have not changed, else by reading the files that have changed, after
/// which the index is written anew (not durably; when it cannot be, that is no error). Nothing for a pool with fewer than
/// `from` files that are wanted, and nothing when any of them cannot be read: whoever then reads them one by one meets what
/// is wrong with it. Of what is not wanted no file is looked at, and what the index has of it stays in it as it is.
/// Records that vanish meanwhile are passed over. `pool` is the uuid; `now` is since the epoch, by the clock that files are
/// stamped with, and asked before the call.
[[nodiscard]] std::optional<Records> indexed_records(const Store& store, const std::string& path, const Uuid& pool,
                                                     std::chrono::nanoseconds now, Wanted wanted,
                                                     std::size_t from = kIndexFrom);

}  // namespace tclone
