// SPDX-License-Identifier: GPL-2.0-or-later
// What the records of a pool say about each other. load_records reads; everything else here is a pure function.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/pool.h"
#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"
#include "state/store.h"

namespace tclone {

/// All records of one pool.
struct Records {
  std::optional<PoolRecord> pool;
  std::vector<Vault> vaults;
  std::vector<Volume> volumes;
  std::vector<Version> versions;
};

/// Something that is wrong with a record.
struct Finding {
  std::string file;  ///< "volumes/db.toml"
  std::string why;   ///< a sentence without a full stop
  bool operator==(const Finding&) const = default;
};

struct LoadedRecords {
  Records records;
  std::vector<Finding> damaged;  ///< files that could not be read; their records are missing above
};

/// Reads every record, passing over (and naming) those that are damaged or vanish meanwhile. For commands that look
/// at the whole pool: it costs a file read a record.
[[nodiscard]] Result<LoadedRecords> load_records(const Store& store);

/// Contradictions between records: uuids or thin ids given twice, ids at or above the counter that gives them out,
/// vaults that do not exist, origins and bases that are not the version they name, bases in a circle, tags and lists
/// of versions that do not agree with the version files, counts of a vault that do not agree with who lives in it.
/// Empty when all is well. A record missing because it was damaged leads to further findings about those it touches.
[[nodiscard]] std::vector<Finding> check_lineage(const Records& records);

/// Who cannot be activated without this version: volumes ("web1") and versions ("web1@2") whose basis it is.
[[nodiscard]] std::vector<std::string> standing_on(const Records& records, const Uuid& version);

}  // namespace tclone
