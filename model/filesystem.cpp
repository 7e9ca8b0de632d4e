// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/filesystem.h"

namespace tclone {

const char* to_text(FsKind kind) {
  switch (kind) {
    case FsKind::none: return "none";
    case FsKind::ext4: return "ext4";
    case FsKind::xfs: return "xfs";
  }
  return "none";
}

Result<FsKind> parse_fs_kind(std::string_view text) {
  for (const FsKind kind : {FsKind::none, FsKind::ext4, FsKind::xfs})
    if (text == to_text(kind)) return kind;
  return fail(Code::usage, std::string(text), "not a filesystem tclone makes", "give ext4, xfs or none");
}

}  // namespace tclone
