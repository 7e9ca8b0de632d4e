// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace tclone::cli {

/// The file of the source tree; with TCLONE_UPDATE set it is first replaced by `made`, so that comparing the two
/// succeeds and git shows what changed.
inline std::string golden(const std::string& path, const std::string& made) {
  const std::string file = std::string(TCLONE_SOURCE_DIR) + "/" + path;
  if (std::getenv("TCLONE_UPDATE") != nullptr) std::ofstream(file, std::ios::binary) << made;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace tclone::cli
