// SPDX-License-Identifier: GPL-2.0-or-later
// CLI11 without <iostream>. CLI11 includes it for App::exit(), deprecate_option() and retire_option(), which nobody here may
// call: they write to standard streams that need not have been made. Whoever includes it has the standard streams made before main: an eighth of all that `tclone version` does.
#pragma once

#include <istream>
#include <ostream>

#ifdef __GLIBCXX__
// The guard of libstdc++'s <iostream>, and what of it CLI11 names.
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,cppcoreguidelines-macro-usage)
#define _GLIBCXX_IOSTREAM 1
namespace std {  // NOLINT(cert-dcl58-cpp): as <iostream> declares them
extern istream cin;
extern ostream cout;
extern ostream cerr;
}  // namespace std
#endif

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
