// SPDX-License-Identifier: GPL-2.0-or-later
// Policies of this host: /etc/tclone/policies.d/<name>.toml, tclone-policy(5). They name programs that run as root, so only a
// file that root alone can change is read.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/policy.h"

namespace tclone {

/// A policy, and where in its file stands what other rooms check.
struct PolicyFile {
  Policy policy;
  std::string path;
  std::vector<unsigned> at_lines;  ///< one a calendar expression, from 1
  unsigned timezone_line = 1;
};

/// The directory, for messages.
[[nodiscard]] std::string policy_directory(const std::string& etc);
/// Names, ascending, of the files there; empty when there is no directory. Not checked: read_policy refuses a wrong one, so that
/// a file which would never run is seen.
[[nodiscard]] Result<std::vector<std::string>> known_policies(const std::string& etc);
/// `etc` is /etc/tclone. not_found: no such policy; key: the file or its directory belongs to somebody else than root (or who
/// runs this), or others may write to it; usage: a wrong file, with file, line and key.
[[nodiscard]] Result<PolicyFile> read_policy(const std::string& etc, const std::string& name);

/// "90s", "10m", "1h 30m", "2d", "8w" in seconds, up to 100 years; usage error otherwise.
[[nodiscard]] Result<std::int64_t> parse_span(std::string_view text);

}  // namespace tclone
