// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tclone {

/// How many letters have to be added, removed, replaced or exchanged with their neighbour to make one word of the other
/// (optimal string alignment).
[[nodiscard]] std::size_t edits_between(std::string_view a, std::string_view b);

/// The candidate that somebody who typed `word` most likely meant: the one with the fewest edits, the first of several. "" when
/// none is near: more than a third of its letters differ.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// "did you mean <nearest>? <otherwise>", or `otherwise` alone.
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                                       const std::string& otherwise);

}  // namespace tclone
