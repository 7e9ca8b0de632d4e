// SPDX-License-Identifier: GPL-2.0-or-later
// A new volume key for a vault. In-place reencryption would map every hole of an outer thin of 1 PiB, so the vault gets a
// second half instead: an outer thin of its own with a fresh header, to which the blocks that the first one maps are
// copied through two dm-crypt devices.
//
//   begin   one operation   the half is made and written down as Vault::rekey, stage copy
//   copy    in turns        the vault stays closed; how far it is copied is written down after each turn
//   switch  one operation   the half becomes the vault; the header and the key file it leaves are destroyed
//   erase   in turns        the ciphertext under the old key is overwritten, read back and discarded; the vault is usable
//   end     one operation   the old outer thin is deleted
//
// Between turns the pool's lock is let go and nothing is left active, so other commands run, and a rekey that was cut off
// anywhere is a vault's record that says how to go on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dm/thin_tools.h"
#include "engine/api/api.h"
#include "engine/core/session.h"
#include "engine/core/work.h"

namespace tclone::engine {

/// What opens the half that is made.
struct HalfKeys {
  KeySource key;
  std::vector<KeySource> others;
  std::vector<std::string> lost;  ///< what opens the vault now and would no longer, for people
};
/// Unlocks the vault's volume key into Work::fresh_keys, and finds out which keys can be carried over; what has been
/// read is in Work::given. `device` carries the vault's header. Error key when what opens the vault now cannot be read.
[[nodiscard]] Result<HalfKeys> gather_keys(Session& s, Work& w, const Vault& vault, const RekeyRequest& request,
                                           const std::string& device);
/// Unlocks the volume keys of both halves of a rekey that is gone on with.
[[nodiscard]] Status unlock_halves(Session& s, Work& w, const Vault& vault, const RekeyRequest& request);

/// A stretch of an outer thin.
struct Stretch {
  Bytes start, end;
};
/// What the outer thin of a vault maps behind its header, ascending. Takes the pool's metadata snapshot for a moment;
/// the caller has seen to it that the programs are there (thin_tools::Programs::require).
[[nodiscard]] Result<std::vector<Stretch>> mapped_behind_header(Session& s, ThinId outer);

/// How much of it lies at `from` or behind.
[[nodiscard]] Bytes total_of(const std::vector<Stretch>& stretches, Bytes from);

/// One turn of copying: from Vault::rekey's `done` on, for about a second or until Env::stop; then flushes and writes down how
/// far it came. True when nothing is left. Nothing is active afterwards.
[[nodiscard]] Result<bool> copy_some(Session& s, Work& w, Vault vault, const RekeyRequest& request,
                                     const std::vector<Stretch>& mapped);
/// A cheap look at what was copied before the old half is given up: damaged when thin_check finds that its inner metadata
/// do not hold together.
[[nodiscard]] Status check_copy(Session& s, Work& w, const Vault& vault, const std::string& volume);
/// One turn of overwriting with zeros, reading back and discarding what an outer thin maps, from `at` on, which is moved. True
/// when nothing is left, or the thin is gone.
[[nodiscard]] Result<bool> erase_some(Session& s, Work& w, ThinId outer, const RekeyRequest& request,
                                      const std::vector<Stretch>& mapped, Bytes& at);

/// busy, naming what is active in the vault and how to deactivate it.
[[nodiscard]] Status refuse_active(Session& s, Work& w, const Vault& vault);

}  // namespace tclone::engine
