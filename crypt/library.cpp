// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/library.h"

#include <dlfcn.h>

#include <string>

namespace tclone::crypt {

#define TCLONE_DEFINE(name) decltype(&::name) name = nullptr;
TCLONE_LIBCRYPTSETUP(TCLONE_DEFINE)
#undef TCLONE_DEFINE

namespace {

/// Its interface has kept this name since version 2.0.
constexpr const char* kLibrary = "libcryptsetup.so.12";

std::string reason() {
  const char* said = dlerror();  // NOLINT(concurrency-mt-unsafe): one thread, see luks.h
  return said == nullptr ? "it cannot be loaded" : said;
}

}  // namespace

Status load_library() {
  static void* library = nullptr;
  if (library != nullptr) return {};
  const std::string next = "install libcryptsetup 2.4 or newer (Debian: libcryptsetup12)";
  // Never unloaded: its helpers keep threads and exit handlers of OpenSSL.
  void* found = dlopen(kLibrary, RTLD_LAZY | RTLD_LOCAL);
  if (found == nullptr) return fail(Code::kernel, kLibrary, reason(), next);
#define TCLONE_LOOK_UP(name)                                       \
  name = reinterpret_cast<decltype(&::name)>(dlsym(found, #name)); \
  if (name == nullptr) return fail(Code::kernel, kLibrary, "it has no function " #name, next);
  TCLONE_LIBCRYPTSETUP(TCLONE_LOOK_UP)
#undef TCLONE_LOOK_UP
  library = found;
  return {};
}

}  // namespace tclone::crypt
