// SPDX-License-Identifier: GPL-2.0-or-later
// What the host remembers of its pools, outside of them: /etc/tclone/pools/<name>.toml says where a pool is found;
// its UUID is checked against the label before anything is done. /etc/tclone/tclone.toml holds the host's settings.
// Both may be absent; neither is needed to import a pool.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"

namespace tclone {

struct PoolLocation {
  std::string name;  ///< what this host calls the pool; the pool's own name is in its label
  Uuid uuid;
  std::vector<std::string> paths;  ///< devices or the file, absolute, in the order of the label's devices
  bool made_file = false;          ///< tclone made the file itself, so destroy may remove it
  bool destroying = false;         ///< `pool destroy` has begun to overwrite it, and there is no way back
  /// Where the spare metadata area begins, in MiB, while `pool repair` writes to it; 0: it does not. What an interrupted
  /// repair left there may be overwritten, what a finished one kept may not.
  std::uint32_t repairing = 0;
  bool operator==(const PoolLocation&) const = default;
};

/// `etc` is /etc/tclone. not_found when nothing is remembered of that name; damaged when it cannot be trusted.
[[nodiscard]] Result<PoolLocation> read_pool_location(const std::string& etc, const std::string& name);
/// Durable; replaces. Makes the folders (0755) when they are missing.
[[nodiscard]] Status write_pool_location(const std::string& etc, const PoolLocation& where);
/// Durable; that it is not there is fine.
[[nodiscard]] Status forget_pool_location(const std::string& etc, const std::string& name);
/// Names, ascending.
[[nodiscard]] Result<std::vector<std::string>> known_pools(const std::string& etc);

/// Settings of the host: `format = 1`, `default_pool = "name"`. nullopt for one that is not set.
struct Settings {
  std::optional<std::string> default_pool;
};
[[nodiscard]] Result<Settings> read_settings(const std::string& etc);

}  // namespace tclone
