// SPDX-License-Identifier: GPL-2.0-or-later
// Finding records by what people type, with the errors people should see.
#pragma once

#include "engine/core/session.h"
#include "model/names.h"
#include "state/index.h"
#include "state/lineage.h"

namespace tclone::engine {

/// Checks the name, then reads the record; not_found says how to list what there is.
[[nodiscard]] Result<Volume> find_volume(const Session& s, const std::string& name);
/// "db@7", "db@stable"; with `newest`, "db" means its newest version.
[[nodiscard]] Result<Version> find_version(const Session& s, const names::Target& target, bool newest = false);
/// The names of its tags, ascending.
[[nodiscard]] std::vector<std::string> tags_of(const Volume& volume);
/// Whether the volume's record names the version now: without the lock, it may have been removed since it was read.
[[nodiscard]] bool lists_version(const Session& s, const std::string& volume, std::uint64_t number);
/// exists when a volume of that name is there.
[[nodiscard]] Status refuse_existing(const Session& s, const std::string& name);
/// The name for a new vault: the volume's, or with a suffix when a vault of a removed volume still has it.
[[nodiscard]] std::string free_vault_name(const Session& s, const std::string& volume);

/// Every record of the store, from its file, refused (damaged) when one cannot be read: for rm, rename and the like, whose
/// cost may grow with the pool.
[[nodiscard]] Result<Records> read_everything(const Session& s);

// For commands that only look, and never for one that goes on to change something (state/index.h says why).
/// Every record that is wanted, where these are many, by way of the index; nothing when they are to be read from their files.
[[nodiscard]] std::optional<Records> indexed(const Session& s, Wanted wanted);
/// As read_everything, by way of the index where there is one.
[[nodiscard]] Result<Records> look_at_everything(const Session& s);

/// Errors of the store name a file of it. When the cause is the disk, say which area that is, and what helps. A record that is
/// looked up because another one names it, and is not there, is damage.
void explain_record(Error& error);

/// Puts what was attempted into an error that does not say it yet: "pool status " when no pool was named loses its space.
template <class T>
[[nodiscard]] Result<T> attempted(Result<T> result, const std::string& what) {
  if (!result) {
    explain_record(result.error());
    if (result.error().attempted.empty()) result.error().attempted = what.substr(0, what.find_last_not_of(' ') + 1);
  }
  return result;
}

}  // namespace tclone::engine
