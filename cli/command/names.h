// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "engine/core/env.h"

namespace tclone::cli {

/// Names for completion, one a line: `what` is pools, volumes, versions, targets, tags or policies; `pool` may be empty, all
/// pools are meant then. Reads names of files and the records of volumes, nothing else; what cannot be read is left
/// out without a word.
[[nodiscard]] std::string names(const engine::Paths& paths, const std::string& what, const std::string& pool);

}  // namespace tclone::cli
