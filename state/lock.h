// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace tclone {

/// One flock(2) per pool, held by whoever changes it. The file holds the holder's pid and command for the message;
/// the kernel drops the lock when the holder dies, however it dies. Released by the destructor.
class PoolLock {
 public:
  /// Waits at most `deadline`, and no longer than until `stop` says so (failed). Error: busy, naming pid and command of the
  /// holder. `path` is created (0600, its folder 0755) when missing.
  [[nodiscard]] static Result<PoolLock> take(
      const std::string& path, const std::string& command, std::chrono::milliseconds deadline,
      const std::function<bool()>& stop = [] { return false; });

  /// For a moment's look at what nobody may change meanwhile; several may have it. busy at once when somebody changes the pool.
  [[nodiscard]] static Result<PoolLock> look(const std::string& path);

  PoolLock(PoolLock&&) noexcept = default;
  PoolLock& operator=(PoolLock&&) = delete;
  PoolLock(const PoolLock&) = delete;
  PoolLock& operator=(const PoolLock&) = delete;
  ~PoolLock();

 private:
  explicit PoolLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace tclone
