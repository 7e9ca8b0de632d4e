// SPDX-License-Identifier: GPL-2.0-or-later
// Files below a folder that is held open: nothing here follows a symbolic link or builds a path from two strings.
// Private to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "state/folder.h"

namespace tclone::state {

constexpr std::uint64_t kMostFileBytes = 16ULL << 20U;  ///< a record is a few kilobytes; a journal some more

// A file is named by its path relative to `folder`, "pool.toml" or "volumes/db.toml", and by `shown` in messages.

/// The whole file. not_found when there is none; damaged when it is no regular file or too large.
[[nodiscard]] Result<std::string> read_whole(const Folder& folder, const std::string& path);
/// The first `size` bytes of an open file, or what there is of them.
[[nodiscard]] Result<std::string> read_open(int fd, std::uint64_t size, const std::string& shown);
[[nodiscard]] bool is_there(const Folder& folder, const std::string& path);
/// Writes `text` to the file's temp file (".db.toml.tmp" beside it), not durably, replacing what an earlier crash
/// left there.
[[nodiscard]] Status write_temp(const Folder& folder, const std::string& path, const std::string& text);
/// As write_temp, and fsync.
[[nodiscard]] Status write_temp_durably(const Folder& folder, const std::string& path, const std::string& text);
/// Renames the temp file over the file.
[[nodiscard]] Status publish_temp(const Folder& folder, const std::string& path);
/// Best effort, for the way back from a failure.
void remove_temp(const Folder& folder, const std::string& path) noexcept;
/// That it is not there is fine.
[[nodiscard]] Status remove_file(const Folder& folder, const std::string& path);
/// Makes a folder (0700) if it is not there.
[[nodiscard]] Status make_folder(const Folder& folder, const std::string& name);
/// What stands before ".toml" in the names of the folder's files, unsorted; temp files are passed over.
[[nodiscard]] Result<std::vector<std::string>> list_toml(const Folder& folder, const std::string& name);

// Each counts one durable write.
[[nodiscard]] Status sync_file(int fd, const std::string& shown);
[[nodiscard]] Status sync_data(int fd, const std::string& shown);
[[nodiscard]] Status sync_filesystem(int fd, const std::string& shown);
/// For a write that was durable by itself (RWF_DSYNC).
void count_durable_write() noexcept;

}  // namespace tclone::state
