// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace tclone::cli {

/// tclone(1) in mdoc(7), made from the table. Pure.
[[nodiscard]] std::string manual_page();

}  // namespace tclone::cli
