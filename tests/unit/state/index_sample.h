// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "state/index_codec.h"
#include "unit/state/samples.h"

namespace tclone::samples {

/// Records with everything in them that can be.
inline state::Index full_index() {
  state::Index index;
  Vault vault = samples::vault("db", 10);
  vault.repairs = 3;
  vault.slots = {{0, {"file", ""}}, {5, {"exec", "ask \"me\""}}};
  vault.pending = {true, {ThinId{4}}, {ThinId{5}, ThinId{300}}};
  vault.rekey =
      Rekey{Rekey::Stage::copy, ThinId{12}, uuid(77), vault.header, {"prompt", ""}, {{1, {"token", "t"}}}, kMiB};
  index.vaults.folder = {2, 4096, 1'700'000'000'000'000'001, 1'700'000'000'000'000'002};
  index.vaults.put({3, 900, 1'700'000'000'000'000'003, 1'700'000'000'000'000'004}, vault);
  vault = samples::vault("plain", 11);
  vault.encrypted = false;
  vault.header = {};
  vault.key = {"none", ""};
  index.vaults.put({}, vault);
  Volume volume = samples::volume("db", 10);
  volume.origin = volume.basis = VersionRef{"other", 300, uuid(9)};
  volume.follows = "stable";
  index.volumes.put({4, 800, 5, 6}, volume);
  index.versions.put({5, 700, 7, 8}, samples::version("db", 7));
  index.versions.put({6, 700, 7, 8}, samples::version("db", 300));
  return index;
}

}  // namespace tclone::samples
