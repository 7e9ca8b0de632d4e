// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/result.h"

namespace tclone::bench {

/// Runs a program of its arguments; its exit status, after saying on stderr why it failed.
inline int main_of(const char* name, int argc, char** argv, Status (*run)(const std::vector<std::string>&)) {
  try {
    const auto done = run({argv + (argc > 0), argv + argc});
    if (done) return 0;
    std::fprintf(stderr, "%s: %s\n", name, done.error().text().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  }
  return 1;
}

}  // namespace tclone::bench
