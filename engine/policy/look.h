// SPDX-License-Identifier: GPL-2.0-or-later
// What the policies of this host say, and whether they can be right. Reads files of the host; touches no pool.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/env.h"
#include "model/policy.h"

namespace tclone::engine {

struct PolicyView {
  std::string name;
  std::string file;
  std::optional<Policy> policy;  ///< nullopt: trouble says why
  std::optional<Error> trouble;
  std::vector<std::string> warnings;  ///< it works, but perhaps not as meant
  std::optional<std::int64_t>
      next;  ///< when it is due next, in seconds since the epoch; nullopt: by hand only, or never again
};

/// A wrong policy is a view with its trouble, not a failure.
[[nodiscard]] PolicyView look_at_policy(const Paths& paths, const std::string& name, std::int64_t now);
/// All of them, by name. Fails only when the directory cannot be read.
[[nodiscard]] Result<std::vector<PolicyView>> look_at_policies(const Paths& paths, std::int64_t now);

}  // namespace tclone::engine
