// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "base/result.h"

namespace tclone::bench {

/// Runs a program of its arguments; its exit status, after saying on stderr why it failed.
inline int main_of(const char* name, int argc, char** argv, Status (*run)(const std::vector<std::string>&)) {
  try {
    const auto done = run({argv + (argc > 0), argv + argc});
    if (done) return 0;
    std::cerr << name << ": " << done.error().text() << "\n";
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << "\n";
  }
  return 1;
}

}  // namespace tclone::bench
