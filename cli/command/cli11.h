// SPDX-License-Identifier: GPL-2.0-or-later
// CLI11 without <iostream>, which has the standard streams made before main in whoever includes it: an eighth of all that
// `tclone version` does. CLI11 wants it for App::exit(), deprecate_option() and retire_option(): nobody here may call these,
// for they write to streams that nobody has made.
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
