// SPDX-License-Identifier: GPL-2.0-or-later
// Catch2 2 and 3 name their headers and one matcher differently; tests include this one.
#pragma once
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

namespace tclone::test {
#if __has_include(<catch2/catch_all.hpp>)
using Catch::Matchers::ContainsSubstring;  // Catch2 3 calls the matcher of elements Contains
#else
inline auto ContainsSubstring(const std::string& part) { return Catch::Matchers::Contains(part); }
#endif
}  // namespace tclone::test
