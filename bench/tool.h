// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of the benchmark's tool; bench/tool.cpp says what each is for.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace tclone::bench {

/// Makes the store in `folder` one with that many volumes more: for every hundred a base volume with a version, and 99
/// own-key clones of it, each in its vault. Records only: none of them is in the kernel. `folder` is a store, or is
/// made one (of a pool named "bench").
[[nodiscard]] Status make_records(const std::string& folder, std::size_t volumes);

/// `tclone list` or `tclone tree` by the program's own code, on records below `folder`/bench, with a device-mapper that
/// answers at once that nothing but the pool is active: for machines whose kernel has no device-mapper. The index of the
/// records is kept in `folder`/run if that is there.
[[nodiscard]] Status list_without_kernel(const std::string& folder, const std::string& command);

/// Reads `folder`/samples, facts and commands; prints the table; writes `out`/results.json and `out`/RESULTS.md unless
/// `out` is empty.
[[nodiscard]] Status report(const std::string& folder, const std::string& out);

}  // namespace tclone::bench
