// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/library.h"

namespace tclone::crypt {

TCLONE_LIBCRYPTSETUP(TCLONE_LIBRARY_DEFINE)
TCLONE_LIBCRYPTSETUP_NEWER(TCLONE_LIBRARY_DEFINE)

Status load_library() {
  static const Library::Wanted functions[] = {TCLONE_LIBCRYPTSETUP(TCLONE_LIBRARY_WANTED)
                                                  TCLONE_LIBCRYPTSETUP_NEWER(TCLONE_LIBRARY_WANTED_IF_THERE)};
  // Its interface has kept this name since version 2.0.
  static Library library{"libcryptsetup.so.12", "install libcryptsetup 2.4 or newer (Debian: libcryptsetup12)"};
  return library.load(functions);
}

}  // namespace tclone::crypt
