// SPDX-License-Identifier: GPL-2.0-or-later
// One command's hold on one active pool: what is true of it, and its lock. What an operation remembers is in work.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypt/keys/key_source.h"
#include "engine/core/env.h"
#include "state/lock.h"
#include "state/store.h"

namespace tclone::engine {

/// Finds out which pool is meant: `asked`, else default_pool, else the only one known. not_found or usage otherwise.
[[nodiscard]] Result<std::string> resolve_pool(const Env& env, const std::string& asked);

/// What Session::look refuses before it reads anything: a pool that is unknown, not active, or whose state area is suspended.
[[nodiscard]] Status refuse_inactive(Env& env, const std::string& pool);

[[nodiscard]] std::string lock_path(const Env& env, const std::string& pool);
/// Of the records, when there are many (state/index.h). With a dash, which no pool's name has: what is called as a pool is
/// its folder.
[[nodiscard]] std::string index_path(const Env& env, const std::string& pool);
[[nodiscard]] Result<PoolLock> lock_pool(Env& env, const std::string& name);
[[nodiscard]] std::string state_folder(const Env& env, const std::string& pool);
/// A mark in /run: a file whose being there says something. `why` is for the error. What else lies there by that name, like a
/// fifo, is a mark as well, and not waited for.
[[nodiscard]] Status make_mark(const std::string& path, const std::string& why);
[[nodiscard]] crypt::KeyFolder key_folder(const Env& env);

class Session {
 public:
  Env& env;
  std::string pool;  ///< its name
  Store store;
  PoolRecord record;
  std::optional<PoolLock> lock;

  /// For looking: no lock (to change something: begin_change(), engine/protocol/begin.h). not_found when the pool is unknown,
  /// exists (conflict) when it is not active.
  [[nodiscard]] static Result<Session> look(Env& env, const std::string& asked);

  [[nodiscard]] std::string outer_pool() const;
  /// Where the pool lies in files, these; devices are left out.
  [[nodiscard]] const std::vector<std::string>& files() const;
  /// How much of an outer block has to be written for all of it to be there: in a sparse file everything.
  [[nodiscard]] Bytes piece_to_touch() const;
  /// Free space of the outer pool; refused (no_space) when less than `needed` remains above the reserve.
  [[nodiscard]] Status check_space(Bytes needed, const std::string& attempted);
  /// Whether the state area has less left, in bytes or in files, than is kept back from what makes something new.
  [[nodiscard]] Result<bool> state_is_full() const;

 private:
  Session(Env& e, std::string name, Store s, PoolRecord r)
      : env(e), pool(std::move(name)), store(std::move(s)), record(std::move(r)) {}
  [[nodiscard]] static Result<Session> open(Env& env, const std::string& name);

  mutable std::optional<std::vector<std::string>> files_;
};

/// What the outer pool has. Of a pool in a sparse file only as much counts as its filesystem can still give.
struct OuterRoom {
  Bytes total, free;
  Bytes reserve;     ///< commands that need space are refused below this
  Bytes missing;     ///< what the filesystem of `file` could not give any more
  std::string file;  ///< of the pool; empty when nothing is missing
};
[[nodiscard]] OuterRoom outer_room(const Session& s, const dm::PoolStatus& status);

}  // namespace tclone::engine
