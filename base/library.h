// SPDX-License-Identifier: GPL-2.0-or-later
// A C library that is loaded when its first function is needed, and not with the program: each library costs every start,
// also of the commands that do without it (figures: bench/EXPERIMENTS.md). A room that owns such a library has a
// library.h, which lists the functions and hides the library's own names, so that callers read as if they were linked to it.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace tclone {

struct Library {
  struct Wanted {
    const char* name = nullptr;
    void** at = nullptr;            ///< where the function's address goes
    bool needed = true;             ///< else its address stays null in a library that is older
    const char* version = nullptr;  ///< of the symbol, where the library has several and the header fits one
  };
  const char* file = nullptr;  ///< "libblkid.so.1", sought where the dynamic linker seeks
  const char* next = nullptr;  ///< what to do when it is not there
  void* loaded = nullptr;

  /// Loads it and fills in every address; nothing when it is loaded already. It is never unloaded: libraries keep threads and
  /// exit handlers. kernel: it is not installed, or lacks a function that is needed. For one thread.
  [[nodiscard]] Status load(std::span<const Wanted> functions);
};

// For a list like X(crypt_init) X(crypt_free): the declarations in library.h, their definitions and what is wanted.
// NOLINTBEGIN(bugprone-macro-parentheses,cppcoreguidelines-macro-usage)
#define TCLONE_LIBRARY_DECLARE(name) extern decltype(&::name) name;
#define TCLONE_LIBRARY_DEFINE(name) decltype(&::name) name = nullptr;
#define TCLONE_LIBRARY_WANTED(name) {#name, reinterpret_cast<void**>(&name)},
#define TCLONE_LIBRARY_WANTED_IF_THERE(name) {#name, reinterpret_cast<void**>(&name), false},
// NOLINTEND(bugprone-macro-parentheses,cppcoreguidelines-macro-usage)

}  // namespace tclone
