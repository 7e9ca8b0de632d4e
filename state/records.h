// SPDX-License-Identifier: GPL-2.0-or-later
// Records as the text of their files and back. Private to this room (and its tests).
//
// A file is one comment line, `format = 1`, the fields, and "# end" as its last line: the mark makes a file that was
// cut short anywhere a damaged one, never a shorter record.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/journal.h"
#include "model/pool.h"
#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"

namespace tclone::state {

constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kPoolFormat = 2;  ///< of pool.toml

/// The file of a record, relative to the store: "volumes/db.toml".
[[nodiscard]] std::string vault_file(std::string_view name);
[[nodiscard]] std::string volume_file(std::string_view name);
[[nodiscard]] std::string version_file(std::string_view volume, std::uint64_t number);
constexpr const char* kPoolFile = "pool.toml";
constexpr const char* kJournalFile = "journal.toml";

/// usage error, naming file and field, for a value that could not be read again.
[[nodiscard]] Result<std::string> encode(const PoolRecord& pool);
[[nodiscard]] Result<std::string> encode(const Vault& vault);
[[nodiscard]] Result<std::string> encode(const Volume& volume);
[[nodiscard]] Result<std::string> encode(const Version& version);
[[nodiscard]] Result<std::string> encode(const Journal& journal);
/// Whether a change could be written; the same checks.
[[nodiscard]] Status check(const RecordChange& change);

/// damaged, naming file, line and field, for anything but a record of that name.
[[nodiscard]] Result<PoolRecord> decode_pool(std::string_view text);
[[nodiscard]] Result<Vault> decode_vault(const std::string& name, std::string_view text);
[[nodiscard]] Result<Volume> decode_volume(const std::string& name, std::string_view text);
[[nodiscard]] Result<Version> decode_version(const std::string& volume, std::uint64_t number, std::string_view text);
[[nodiscard]] Result<Journal> decode_journal(std::string_view text);

}  // namespace tclone::state
