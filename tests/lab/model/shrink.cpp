// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/shrink.h"

#include <algorithm>

namespace tclone::lab::model {
namespace {

Operations without(const Operations& all, std::size_t from, std::size_t count) {
  Operations out(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(from));
  out.insert(out.end(), all.begin() + static_cast<std::ptrdiff_t>(std::min(from + count, all.size())), all.end());
  return out;
}

}  // namespace

Operations shrink(const Operations& failing, const std::function<bool(const Operations&)>& fails,
                  const std::function<bool()>& give_up) {
  Operations best = failing;
  // Pieces are left out, from large to small. From the end: what comes late seldom matters to what comes early.
  for (std::size_t piece = std::max<std::size_t>(best.size() / 2, 1); piece >= 1;) {
    bool shorter = false;
    for (std::size_t end = best.size(); end > 0;) {
      if (give_up()) return best;
      const std::size_t from = end > piece ? end - piece : 0;
      Operations candidate = without(best, from, end - from);
      if (!candidate.empty() && fails(candidate)) {
        best = std::move(candidate);
        shorter = true;
      }
      end = from;
    }
    if (piece > 1) {
      piece /= 2;
    } else if (!shorter) {
      break;
    }
  }
  for (std::size_t i = 0; i < best.size(); ++i) {
    if (best[i].fault.kind == Fault::Kind::none) continue;
    if (give_up()) return best;
    Operations candidate = best;
    candidate[i].fault = {};
    if (fails(candidate)) best = std::move(candidate);
  }
  return best;
}

}  // namespace tclone::lab::model
