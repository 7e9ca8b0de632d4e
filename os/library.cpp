// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/library.h"

namespace tclone::os {

TCLONE_LIBBLKID(TCLONE_LIBRARY_DEFINE)
TCLONE_LIBMOUNT(TCLONE_LIBRARY_DEFINE)

Status load_libblkid() {
  static const Library::Wanted functions[] = {TCLONE_LIBBLKID(TCLONE_LIBRARY_WANTED)};
  static Library library{"libblkid.so.1", "install libblkid (Debian: libblkid1)"};
  return library.load(functions);
}

Status load_libmount() {
  static const Library::Wanted functions[] = {TCLONE_LIBMOUNT(TCLONE_LIBRARY_WANTED)};
  static Library library{"libmount.so.1", "install libmount (Debian: libmount1)"};
  return library.load(functions);
}

}  // namespace tclone::os
