// SPDX-License-Identifier: GPL-2.0-or-later
// The seam between tclone and libcryptsetup: LUKS2 headers, in-band at the head of an outer thin.
// LibLuks is the real one; tests have a fake. Single-threaded, like libdevmapper below it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "model/vault.h"

namespace tclone::crypt {

/// How expensive guessing the secret is made. `machine`: pbkdf2 at 1000 iterations, only for random secrets of at
/// least 256 bits; `human`: argon2id, capped by the machine's memory, for what a person can remember.
enum class Cost { machine, human };

struct FormatRequest {
  std::string device;  ///< path of the outer thin
  std::string label;   ///< LUKS2 label, "tclone:<vault>"; subsystem is "tclone"
  Uuid uuid;           ///< UUID the header gets
  std::uint32_t sector_size = 4096;
  Cost cost = Cost::machine;
};

/// A header just made, with its volume key, so that activating it need not unlock it again.
struct Formatted {
  HeaderFacts facts;
  Secret volume_key;
};

struct Keyslot {
  int number = 0;
  std::string kdf;  ///< "pbkdf2" or "argon2id"
  std::uint32_t iterations = 0;
  std::uint32_t memory_kib = 0;
  bool unbound = false;
};

/// What a LUKS2 token has opened.
struct TokenKey {
  int keyslot = 0;
  Secret volume_key;
};

/// The PIN of a token of that type ("systemd-tpm2"), or why there is none. Called at most once a type, when no token opens
/// without one; that PIN is tried once.
using PinOf = std::function<Result<Secret>(const std::string& type)>;

class Luks {
 public:
  virtual ~Luks() = default;

  /// Writes a LUKS2 header of exactly 2 MiB (aes-xts-plain64, 512-bit random volume key, room for four keyslots)
  /// with one keyslot for `secret`. The label is cut to the 47 bytes LUKS2 has room for. The caller has
  /// proven that the device is its own and holds nothing. Written past the page cache, and durable with the next commit of
  /// the pool below.
  [[nodiscard]] virtual Result<Formatted> format(const FormatRequest& request, const Secret& secret) = 0;

  /// What the header on the device says. damaged: no or broken LUKS2 header, or one with a null cipher, several
  /// segments, integrity, a reencryption under way.
  [[nodiscard]] virtual Result<HeaderFacts> inspect(const std::string& device) = 0;

  /// Compares the header with `expected` field by field (a null cipher is refused in any case: CVE-2025-59054),
  /// unlocks it and activates /dev/mapper/<name> (private udev flags, discards allowed, key in the kernel keyring).
  /// Error key: wrong secret; damaged: header differs, naming the field; exists: name taken.
  [[nodiscard]] virtual Status open(const std::string& device, const std::string& name, const HeaderFacts& expected,
                                    const Secret& secret) = 0;
  /// The same with the volume key of a header just made.
  [[nodiscard]] virtual Status open_with_volume_key(const std::string& device, const std::string& name,
                                                    const HeaderFacts& expected, const Secret& volume_key) = 0;
  /// The same through a LUKS2 token (systemd-cryptenroll). An Error of `pin_of` is returned as it is.
  [[nodiscard]] virtual Status open_with_token(const std::string& device, const std::string& name,
                                               const HeaderFacts& expected, const PinOf& pin_of) = 0;

  /// Whether the secret opens a keyslot; which one. Error key if none.
  [[nodiscard]] virtual Result<int> test(const std::string& device, const HeaderFacts& expected,
                                         const Secret& secret) = 0;
  /// Whether a LUKS2 token opens it; the key slot. Error key if none.
  [[nodiscard]] virtual Result<int> test_token(const std::string& device, const HeaderFacts& /*expected*/,
                                               const PinOf& /*pin_of*/) {
    return fail(Code::kernel, device, "tokens are not supported here");
  }
  /// A copy of the header as it is now, to ask a token with while the device is not there; checked as by open(). Error kernel:
  /// a token can only be asked where the header lies, because libcryptsetup is older than 2.6, no key slot is free (the copy
  /// needs one) or a token opens several.
  [[nodiscard]] virtual Result<Secret> copy_header(const std::string& device, const HeaderFacts& /*expected*/) {
    return fail(Code::kernel, device, "tokens are not supported here");
  }
  /// What a token opens with such a copy: takes as long as its hardware, or whoever has to touch that, likes. `what` is for
  /// errors ("vault web1"). Error key if none opens it.
  [[nodiscard]] virtual Result<TokenKey> ask_token(const Secret& /*header*/, const HeaderFacts& /*expected*/,
                                                   const std::string& what, const PinOf& /*pin_of*/) {
    return fail(Code::kernel, what, "tokens are not supported here");
  }
  /// The volume key that a secret unlocks, for a command that opens the device many times. Error key if no slot opens.
  [[nodiscard]] virtual Result<Secret> volume_key(const std::string& device, const HeaderFacts& /*expected*/,
                                                  const Secret& /*secret*/) {
    return fail(Code::kernel, device, "the volume key cannot be had here");
  }
  [[nodiscard]] virtual Result<std::vector<Keyslot>> keyslots(const std::string& device) = 0;
  /// Adds a keyslot for `added`, unlocked by `existing`. Returns its number.
  [[nodiscard]] virtual Result<int> add_key(const std::string& device, const HeaderFacts& expected,
                                            const Secret& existing, const Secret& added, Cost cost) = 0;
  [[nodiscard]] virtual Status remove_key(const std::string& device, const HeaderFacts& expected, int keyslot) = 0;

  /// The same, although it is the last one: nothing opens the vault from then on.
  [[nodiscard]] virtual Status remove_last_key(const std::string& device, const HeaderFacts& /*expected*/,
                                               int /*keyslot*/) {
    return fail(Code::kernel, device, "the last key cannot be removed here");
  }

  /// Overwrites the whole header (2 MiB), key slots included, with random bytes and then zeros, flushes each, and
  /// reads the raw device back past the cache to verify. Needs no key. A device without a header of ours is
  /// overwritten all the same (the caller has proven whose it is). busy: something is active or mounted on it.
  [[nodiscard]] virtual Status destroy(const std::string& device) = 0;

  /// Saves header and key slots in a new file, 0600, durable when it returns.
  [[nodiscard]] virtual Status backup(const std::string& device, const std::string& file) = 0;
  /// Refuses (damaged) a backup whose facts differ from `expected`, or that is cut short or cannot be read. Writes nothing.
  [[nodiscard]] virtual Status check_backup(const std::string& file, const HeaderFacts& expected) = 0;
  /// Refuses what check_backup refuses. Nothing is written before that, nor when it cannot be said what is on the device.
  [[nodiscard]] virtual Status restore(const std::string& device, const std::string& file,
                                       const HeaderFacts& expected) = 0;
};

/// libcryptsetup is loaded by the first call that needs it (Error kernel when it is not installed); its own messages go to
/// log::debug.
[[nodiscard]] std::unique_ptr<Luks> open_luks();

}  // namespace tclone::crypt
