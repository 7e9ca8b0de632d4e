// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a failing list of operations short: delta debugging (Zeller, Hildebrandt: Simplifying and Isolating
// Failure-Inducing Input, 2002). Pure but for what `fails` does.
#pragma once

#include <functional>
#include <vector>

#include "tests/lab/model/operation.h"

namespace tclone::lab::model {

using Operations = std::vector<Operation>;

/// A list that still fails, is part of the given one in the same order, and of which no single operation (nor fault)
/// can be left out, unless `give_up` said so earlier; then it is the shortest failing one found so far.
/// \param fails    runs a list from a fresh pool; true when it fails. `failing` itself is not run again.
/// \param give_up  asked before each run
[[nodiscard]] Operations shrink(const Operations& failing, const std::function<bool(const Operations&)>& fails,
                                const std::function<bool()>& give_up);

}  // namespace tclone::lab::model
