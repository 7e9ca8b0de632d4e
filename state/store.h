// SPDX-License-Identifier: GPL-2.0-or-later
// The state store of one pool: a folder of TOML files on the pool's own state area (tclone-state(5)).
//
//   pool.toml  vaults/<name>.toml  volumes/<name>.toml  versions/<volume>@<number>.toml
//   journal (state/ring.h)  journal.done  journal.toml (for a journal that is too long for the ring)
//
// Reading needs no lock: each file is replaced by temp file and rename, so a reader sees the old record or the
// new one. Writing needs the pool's lock (state/lock.h), which the store does not take itself.
// Every file has `format = 1`, pool.toml 2 since the journal is a ring; a larger number is refused (Code::damaged,
// "written by a newer tclone"), as are unknown keys, wrong types, out-of-range values, names that do not match their file, and paths that leave the
// folder: the error names file, line and field. Files are opened with O_NOFOLLOW below the folder's fd.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/journal.h"
#include "model/pool.h"
#include "model/vault.h"
#include "model/version.h"
#include "model/volume.h"
#include "state/folder.h"

namespace tclone {

class Store {
 public:
  /// Opens an existing store. not_found when the folder is not there or holds no pool.toml; an error of its device as it is.
  [[nodiscard]] static Result<Store> open(const std::string& folder);
  /// Lays out an empty store with this pool record, durably; refuses (exists) one that has a pool.toml.
  [[nodiscard]] static Result<Store> create(const std::string& folder, const PoolRecord& pool);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// Error::object where a sync fails, which is of all of them.
  static constexpr const char* kRecords = "records";

  /// Each record is read once from here on, or not at all after apply() has written it. For whoever holds the pool's lock: nobody else
  /// replaces records then. An operation looks at the same vault half a dozen times.
  void keep_what_is_read() { kept_.emplace(); }

  // not_found when there is no such record; damaged when it cannot be trusted.
  [[nodiscard]] Result<PoolRecord> pool() const;
  [[nodiscard]] Result<Vault> vault(const std::string& name) const;
  [[nodiscard]] Result<Volume> volume(const std::string& name) const;
  [[nodiscard]] Result<Version> version(const std::string& volume, std::uint64_t number) const;
  [[nodiscard]] bool has_vault(const std::string& name) const;
  [[nodiscard]] bool has_volume(const std::string& name) const;

  /// What the filesystem below has left.
  struct Room {
    Bytes bytes;
    std::uint64_t files = 0;  ///< the largest number where it does not count them
    std::uint64_t block = 0;  ///< in bytes
  };
  [[nodiscard]] Result<Room> room() const;

  /// Names in ascending order, from the folder's listing; temp files are passed over.
  [[nodiscard]] Result<std::vector<std::string>> vault_names() const;
  [[nodiscard]] Result<std::vector<std::string>> volume_names() const;
  /// Every version file by volume and number, whether or not its volume's record lists it.
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::uint64_t>>> version_names() const;

  enum class Durable { now, by_journal };
  /// Replaces and removes records: all temp files written, then all renames and removals. A file is never seen half
  /// written after a power cut although its rename is not preceded by an fsync: see kStateOptions in engine/stack/pool_stack.cpp.
  /// Applying the same change again gives the same store.
  /// Not atomic as a whole: the journal is what makes it so.
  /// With Durable::now this and everything before it is durable when it returns: by an entry of its own in the ring, or,
  /// while an operation is under way and for what is too long for a slot, by syncfs(2). With Durable::by_journal nothing
  /// is synced: the journal holds the same change, is durable, and is not overwritten before this is durable
  /// (state/ring.h). What is renamed or removed later on a filesystem that orders its metadata, journal.done for one,
  /// cannot become durable earlier.
  [[nodiscard]] Status apply(const RecordChange& change, Durable durable = Durable::now);

  /// The operation under way, if any.
  [[nodiscard]] Result<std::optional<Journal>> journal() const;
  /// Durable when it returns. Refuses (exists) when there is one already, and (no_space) when the records that it holds
  /// would not fit: after the commit point they have to, or no command could go on.
  [[nodiscard]] Status write_journal(const Journal& journal);
  /// Everything written so far is durable when it returns; an error of the device below is told here at the latest.
  [[nodiscard]] Status sync() const;
  /// Ends it; need not be durable, because redoing a finished operation changes nothing.
  [[nodiscard]] Status clear_journal();
  /// For whoever holds the pool's lock and has found a journal: writes the records of operations before the one in it again
  /// where a power cut took them, in the order of the operations, so that doing it twice changes nothing. The journal stays
  /// what it was. Whether there were any.
  [[nodiscard]] Result<bool> replay();

 private:
  Store(std::string folder, state::Folder files) : folder_(std::move(folder)), files_(std::move(files)) {}
  struct Kept {  // by the name of the file
    std::map<std::string, Vault> vaults;
    std::map<std::string, Volume> volumes;
    std::map<std::string, Version> versions;
  };
  /// What `decode` makes of the file's text, or what it made of it before.
  template <class T, class Decode>
  Result<T> read(const std::string& file, std::map<std::string, T> Kept::*shelf, Decode decode) const;

  void keep(const RecordChange& change);
  [[nodiscard]] Result<bool> note_in_ring(const RecordChange& change);
  [[nodiscard]] Status write_long_journal(const std::string& text);
  [[nodiscard]] Status fits(const Journal& journal, std::size_t text) const;

  std::string folder_;
  state::Folder files_;
  mutable std::optional<Kept> kept_;
};

/// How often this process has waited for storage (fsync, fdatasync, syncfs) in this room, for --timings.
[[nodiscard]] std::uint64_t durable_writes() noexcept;

}  // namespace tclone
