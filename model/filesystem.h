// SPDX-License-Identifier: GPL-2.0-or-later
// What a volume may be formatted with.
#pragma once

#include <string_view>

#include "base/result.h"

namespace tclone {

enum class FsKind { none, ext4, xfs };
[[nodiscard]] const char* to_text(FsKind kind);
[[nodiscard]] Result<FsKind> parse_fs_kind(std::string_view text);

}  // namespace tclone
