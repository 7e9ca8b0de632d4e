// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace tclone::state {

/// A folder that is held open, and those right below it, each held open from when it is first asked for: an operation comes
/// back to each of them some six times. Not one of them is reached through a symbolic link.
class Folder {
 public:
  explicit Folder(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// The error of openat(2) when there is none of that name, or it is no folder.
  [[nodiscard]] Result<int> below(const std::string& name) const;

 private:
  UniqueFd fd_;
  mutable std::map<std::string, UniqueFd> below_;
};

}  // namespace tclone::state
