// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "crypt/luks/device.h"
#include "crypt/luks/lib_luks.h"
#include "crypt/luks/tokens.h"

namespace tclone::crypt {
namespace {

std::uint32_t activation_flags() { return CRYPT_ACTIVATE_PRIVATE | CRYPT_ACTIVATE_ALLOW_DISCARDS | serialize_flag(); }

/// Whether a key may be put where libcryptsetup will put the volume key. libcryptsetup's own probe takes only
/// ENOSYS for a no, while a container's seccomp filter says EPERM.
bool keyring_allowed() {
  const char probe[] = "probe";
  const long key = syscall(SYS_add_key, "logon", "tclone:probe", probe, sizeof(probe), KEY_SPEC_THREAD_KEYRING);
  if (key < 0) return false;
  syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_THREAD_KEYRING);
  return true;
}

void prepare_keyring() {
  static bool done = false;
  if (std::exchange(done, true)) return;
  if (keyring_allowed()) return;
  log::warn("the kernel keyring is not allowed here: dm-crypt gets its keys in its table, where root can read them");
  crypt_volume_key_keyring(nullptr, 0);
}

/// Re-reads what the kernel made of it. A device that is not what was asked for is taken down again.
Status verify_active(crypt_device* device, const std::string& name, const HeaderFacts& expected) {
  crypt_active_device active{};
  const int r = crypt_get_active_device(device, name.c_str(), &active);
  const bool right = r == 0 && active.offset == to_sectors(expected.data_offset).n && active.iv_offset == 0 &&
                     active.size > 0 && (active.flags & CRYPT_ACTIVATE_ALLOW_DISCARDS) != 0 &&
                     (active.flags & CRYPT_ACTIVATE_READONLY) == 0;
  if (right) return {};
  crypt_deactivate(device, name.c_str());
  if (r < 0) return fail_crypt(r, name, "cannot read the crypt device back");
  return fail(Code::failed, name, "the crypt device was not set up as asked, and was taken down again");
}

/// Whether `r` may come from setting up the device; the plugins of tokens fail with about anything else.
bool from_activation(int r) { return r == -EEXIST || r == -EBUSY || r == -ENOMEM || r == -EINVAL || r == -ENOTSUP; }

Status opened(int r, crypt_device* device, const std::string& path, const std::string& name,
              const HeaderFacts& expected) {
  if (is_wrong_key(r)) return no_key(path);
  if (r == -EEXIST) return fail(Code::exists, name, "a device-mapper device of this name exists already");
  if (r < 0) return fail_crypt(r, path, "cannot set up the crypt device " + name);
  return verify_active(device, name, expected);
}

}  // namespace

Status LibLuks::open(const std::string& device, const std::string& name, const HeaderFacts& expected,
                     const Secret& secret) {
  TC_CHECK(check_secret(secret, Cost::human, device));
  const Device loaded = TC_TRY(load_expected(device, expected));
  prepare_keyring();
  const int r = crypt_activate_by_passphrase(loaded.get(), name.c_str(), CRYPT_ANY_SLOT, secret.chars(), secret.size(),
                                             activation_flags());
  return opened(r, loaded.get(), device, name, expected);
}

Status LibLuks::open_with_volume_key(const std::string& device, const std::string& name, const HeaderFacts& expected,
                                     const Secret& volume_key) {
  TC_CHECK(check_secret(volume_key, Cost::human, device));
  const Device loaded = TC_TRY(load_expected(device, expected));
  prepare_keyring();
  const int r = crypt_activate_by_volume_key(loaded.get(), name.c_str(), volume_key.chars(), volume_key.size(),
                                             activation_flags());
  // Whatever the activation failed with, a foreign key is the answer that helps; only the digest can tell.
  if (r < 0 && crypt_volume_key_verify(loaded.get(), volume_key.chars(), volume_key.size()) < 0) {
    return fail(Code::key, device, "the volume key does not belong to this header");
  }
  return opened(r, loaded.get(), device, name, expected);
}

Status LibLuks::open_with_token(const std::string& device, const std::string& name, const HeaderFacts& expected,
                                const PinOf& pin_of) {
  const Device loaded = TC_TRY(load_expected(device, expected));
  prepare_keyring();
  const auto attempt = [&](const Enrolled& e, const Secret* pin) -> Result<int> {
    const int r = activate_by_token(loaded.get(), name.c_str(), e, pin, activation_flags());
    if (r < 0 && from_activation(r)) TC_CHECK(opened(r, loaded.get(), device, name, expected));
    return r;
  };
  return opened(TC_TRY(ask_in_turn(tokens_of(loaded.get()), pin_of, attempt, device)), loaded.get(), device, name,
                expected);
}

}  // namespace tclone::crypt
