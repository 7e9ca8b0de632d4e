// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/nearest.h"

#include <algorithm>
#include <vector>

namespace tclone {

std::size_t edits_between(std::string_view a, std::string_view b) {
  // Three rows of the table are enough: an exchange looks back two.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + differs});
      const bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  std::string out;
  std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = edits_between(word, candidate);
    // A word of which no letter is left is not meant.
    if (edits >= fewest || edits >= std::max(word.size(), candidate.size())) continue;
    fewest = edits;
    out = candidate;
  }
  return out;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates, const std::string& otherwise) {
  const std::string meant = nearest(word, candidates);
  return meant.empty() ? otherwise : "did you mean " + meant + "? " + otherwise;
}

}  // namespace tclone
