// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: what the files around libcryptsetup share. Not to be included from another room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "crypt/luks/library.h"
#include "crypt/luks/luks.h"
#include "crypt/luks/pbkdf.h"

namespace tclone::crypt {

struct CryptFree {
  void operator()(crypt_device* device) const noexcept { crypt_free(device); }
};
using Device = std::unique_ptr<crypt_device, CryptFree>;

constexpr Bytes kHeaderSize{2 * kMiB.n};

/// Loads libcryptsetup, sends its messages to log::debug and switches its metadata lock off where its lock folder cannot
/// exist. Once per process; init() does it.
[[nodiscard]] Status set_up_library();

/// The activation flag by which only one argon2id of many started at once runs, or the machine would run out of
/// memory; it does nothing for pbkdf2. 0 where libcryptsetup's lock folder cannot be used: with the flag it would
/// fail there, even with metadata locking off.
[[nodiscard]] std::uint32_t serialize_flag();

/// A libcryptsetup failure `r` (negative errno) as an Error, with the library's last message. The meaning of
/// EPERM and ENOENT depends on the call: see no_key().
[[nodiscard]] tl::unexpected<Error> fail_crypt(int r, const std::string& object, const std::string& why);
/// Whether `r` says that the secret opened no keyslot.
[[nodiscard]] bool is_wrong_key(int r) noexcept;
[[nodiscard]] tl::unexpected<Error> no_key(const std::string& device);

/// crypt_init alone.
[[nodiscard]] Result<Device> init(const std::string& path);
/// crypt_init and crypt_load of a LUKS2 header, and every check that needs no record (see check_sane). damaged: no
/// LUKS2 header, a broken one, or one that tclone does not use.
[[nodiscard]] Result<Device> load(const std::string& path);
/// load, then compare with the record.
[[nodiscard]] Result<Device> load_expected(const std::string& path, const HeaderFacts& expected);

[[nodiscard]] Result<HeaderFacts> facts_of(crypt_device* device, const std::string& path);
/// Refuses what can turn an encrypted vault into something else whatever the record says: null ciphers of the
/// segment or of a keyslot (CVE-2025-59054, CVE-2025-58356), reencryption, integrity, several segments, a shifted
/// IV, a segment of fixed size.
[[nodiscard]] Status check_sane(crypt_device* device, const std::string& path);
/// damaged, naming every field that differs.
[[nodiscard]] Status compare(const HeaderFacts& expected, const HeaderFacts& found, const std::string& path);

[[nodiscard]] bool in_use(crypt_keyslot_info state);
/// Whether another key slot fits, among their numbers and in the area of the header where they lie.
[[nodiscard]] bool has_free_slot(crypt_device* device);
/// Sets the key derivation of keyslots added from now on.
[[nodiscard]] Status set_cost(crypt_device* device, Cost cost, const std::string& path);
/// key: the secret is empty, or too short for the cheap derivation.
[[nodiscard]] Status check_secret(const Secret& secret, Cost cost, const std::string& path);
/// fsync of the device or file behind the path.
[[nodiscard]] Status flush(const std::string& path);

}  // namespace tclone::crypt
