// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/library.h"

namespace tclone::dm {

TCLONE_LIBDEVMAPPER(TCLONE_LIBRARY_DEFINE)
TCLONE_LIBDEVMAPPER_VERSIONED(TCLONE_LIBRARY_DEFINE)

Status load_library() {
  static const Library::Wanted functions[] = {TCLONE_LIBDEVMAPPER(TCLONE_LIBRARY_WANTED){
      "dm_task_get_info", reinterpret_cast<void**>(&dm_task_get_info), true, "DM_1_02_97"}};
  // Its interface has kept this name since 2006.
  static Library library{"libdevmapper.so.1.02.1",
                         "install libdevmapper 1.02.97 or newer (Debian: libdevmapper1.02.1)"};
  return library.load(functions);
}

}  // namespace tclone::dm
