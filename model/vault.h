// SPDX-License-Identifier: GPL-2.0-or-later
// One encryption domain, or a plain one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"
#include "model/key.h"

namespace tclone {

/// What must be found in the LUKS2 header, and is compared at every open.
struct HeaderFacts {
  Uuid uuid;
  std::string cipher;             ///< "aes"
  std::string mode;               ///< "xts-plain64"
  std::uint32_t key_bits = 0;     ///< volume key, 512
  std::uint32_t sector_size = 0;  ///< 4096 or 512
  Bytes data_offset;              ///< of the payload on the outer thin: 2 MiB
  bool operator==(const HeaderFacts&) const = default;
};

/// Work inside a vault that was owed when the vault was closed; done when it is next opened, before use.
struct Pending {
  /// The inner pool is to be formatted afresh: what is on the device is noise. create_thins follow.
  bool format = false;
  std::vector<ThinId> create_thins;
  std::vector<ThinId> delete_thins;
  bool operator==(const Pending&) const = default;
  [[nodiscard]] bool empty() const { return !format && create_thins.empty() && delete_thins.empty(); }
};

/// A vault gets a new volume key: its second half, which is a whole outer thin with its own header, is filled from the
/// first, becomes the vault, and the half it leaves is overwritten (engine/key/rekey.h).
struct Rekey {
  enum class Stage { copy, erase };
  Stage stage = Stage::copy;
  ThinId outer;  ///< copy: the half being filled; erase: the half that goes
  Uuid uuid;     ///< the vault's uuid to be, or the one it had: it names the key file
  // Of the half being filled only; its data offset and all sizes are those of the vault:
  HeaderFacts header;
  KeySource key;
  std::vector<SlotSource> slots;
  Bytes done;  ///< what lies before this on the outer thin is copied, durably
  bool operator==(const Rekey&) const = default;
};

/// vaults/<name>.toml: one encryption domain, or a plain one, on one outer thin.
struct Vault {
  std::string name;
  Uuid uuid;
  ThinId outer;  ///< thin id in the outer pool; also names its inner layers, so a rename touches no device
  bool encrypted = true;
  HeaderFacts header;  ///< meaningless when not encrypted
  KeySource key;       ///< what is asked when it is opened
  /// The sources whose slots are known, oldest first, `key` among them. Empty until a key is added: `key` is then in
  /// slot 0. A slot that somebody else made is in the header only.
  std::vector<SlotSource> slots;
  Bytes block;        ///< inner block size, 64 KiB upwards
  Bytes metadata;     ///< present size of the inner metadata device
  Bytes provisioned;  ///< of the metadata area, how much from its start is known to have outer blocks
  Bytes capacity;     ///< present size of the inner data device
  /// How often its metadata was repaired: each repair writes to the half of the metadata's room that is not in use, and
  /// raising this number is what makes the repaired metadata the one that counts. Odd: it lies in the upper half.
  std::uint32_t repairs = 0;
  std::uint32_t next_thin = 0;  ///< next inner thin id
  // What lives in it, kept here so that no operation has to read every volume:
  std::uint32_t volumes = 0;   ///< writable volumes
  std::uint32_t versions = 0;  ///< versions
  Bytes writable;              ///< sum of the sizes of its writable volumes (capacity rule)
  Pending pending;
  /// Made ahead for a clone to come: it has a header, a key file and an inner pool, and nothing lives in it.
  bool stock = false;
  std::optional<Rekey> rekey;  ///< under way
  bool operator==(const Vault&) const = default;
  /// The vault may not be opened: what changed in it would be missing in the half that is filled.
  [[nodiscard]] bool being_copied() const { return rekey && rekey->stage == Rekey::Stage::copy; }
};

}  // namespace tclone
