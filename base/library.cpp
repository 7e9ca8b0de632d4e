// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/library.h"

#include <dlfcn.h>

namespace tclone {

Status Library::load(std::span<const Wanted> functions) {
  if (loaded != nullptr) return {};
  void* found = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (found == nullptr) {
    const char* said = dlerror();  // NOLINT(concurrency-mt-unsafe): one thread, see above
    return fail(Code::kernel, file, said == nullptr ? "it cannot be loaded" : said, next);
  }
  for (const Wanted& wanted : functions) {
    *wanted.at = wanted.version == nullptr ? dlsym(found, wanted.name) : dlvsym(found, wanted.name, wanted.version);
    if (*wanted.at == nullptr && wanted.needed)
      return fail(Code::kernel, file, std::string("it has no function ") + wanted.name, next);
  }
  loaded = found;
  return {};
}

}  // namespace tclone
