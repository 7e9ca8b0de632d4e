// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: what processes that are started without exec have in common. Safe between fork(2) or clone(2) and _exit(2).
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

namespace tclone::dm {

/// Closes every other descriptor: a child that outlives its parent must hold neither its lock nor its output.
inline void close_all_but(int keep_a, int keep_b) {
  const auto low = static_cast<unsigned>(keep_a < keep_b ? keep_a : keep_b);
  const auto high = static_cast<unsigned>(keep_a < keep_b ? keep_b : keep_a);
  if (low > 0) syscall(SYS_close_range, 0U, low - 1, 0U);
  if (high > low + 1) syscall(SYS_close_range, low + 1, high - 1, 0U);
  syscall(SYS_close_range, high + 1, ~0U, 0U);
}

}  // namespace tclone::dm
