// SPDX-License-Identifier: GPL-2.0-or-later
// How a vault is unlocked.
#pragma once

#include <cstdint>
#include <string>

namespace tclone {

/// How a vault is unlocked: what kind of source, and where; never the secret itself.
struct KeySource {
  std::string kind = "file";  ///< file, prompt, stdin, keyring, credential, exec, token; "none" for a plain vault
  std::string reference;      ///< path, description, name or command; empty: the default key file of the vault
  /// The random key file that tclone makes itself, one a vault.
  [[nodiscard]] bool generated() const { return kind == "file" && reference.empty(); }
  bool operator==(const KeySource&) const = default;
};

/// A key slot of a vault's header, and where its secret comes from.
struct SlotSource {
  std::uint32_t slot = 0;
  KeySource source;
  bool operator==(const SlotSource&) const = default;
};

}  // namespace tclone
