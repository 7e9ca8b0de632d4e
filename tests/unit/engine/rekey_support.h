// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of a new volume key share.
#pragma once

#include <sstream>

#include "unit/engine/crash.h"

namespace tclone::test {

inline engine::RekeyRequest rekey_of(const std::string& name) {
  engine::RekeyRequest r;
  r.name = name;
  return r;
}

inline std::string give_up(Rig& rig, const std::string& name) {
  engine::RekeyRequest r = rekey_of(name);
  r.cancel = true;
  return error_of(engine::rekey(rig.env, r));
}

inline const Deed& rekey_db() {
  static const Deed deed{"rekey", [](Rig& r) { return error_of(engine::rekey(r.env, rekey_of("db"))); }};
  return deed;
}

/// Rig::shape without ids of outer thins, of which each attempt takes another one.
inline std::map<std::string, std::string> shape_of(const Rig& rig) {
  auto all = rig.shape();
  for (auto& [file, text] : all) {
    std::istringstream lines(text);
    std::string kept;
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("outer = ", 0) != 0 && line.rfind("transaction = ", 0) != 0) kept += line + "\n";
    }
    text = kept;
  }
  return all;
}

}  // namespace tclone::test
