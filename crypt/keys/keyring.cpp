// SPDX-License-Identifier: GPL-2.0-or-later
// Keys of the kernel's key service by its system calls: libkeyutils would be one more library for three of them.
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "crypt/keys/sources.h"

namespace tclone::crypt {
namespace {

/// The serial number of the key, or -1 and errno.
long find_key(const char* description) {
  // Null callout: /sbin/request-key is not run to make the key up (request_key(2)).
  const long found = syscall(SYS_request_key, "user", description, nullptr, 0);
  if (found >= 0) return found;
  const int sys = errno;
  // A service's session keyring need not be linked to the user keyring (KeyringMode=private in systemd.exec(5)).
  const long in_user = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", description, 0);
  if (in_user < 0) errno = sys;
  return in_user;
}

}  // namespace

Result<Secret> read_keyring(const std::string& description, const std::string& what) {
  const std::string object = "keyring:" + description;
  const long key = find_key(description.c_str());
  if (key < 0) {
    const int sys = errno;
    if (sys == EPERM || sys == ENOSYS) {
      return fail(Code::kernel, object, "the kernel keyring is not allowed here", "use another key source", sys);
    }
    return fail(Code::key, object, "the key of " + what + " is not in the kernel keyring",
                "keyctl padd user '" + description + "' @u < KEYFILE", sys);
  }
  // The payload may be replaced between two reads: read until it fits.
  long size = syscall(SYS_keyctl, KEYCTL_READ, key, nullptr, 0);
  for (int attempt = 0; attempt < 4 && size >= 0; ++attempt) {
    Secret secret = TC_TRY(Secret::make(static_cast<std::size_t>(size)));
    const long got = syscall(SYS_keyctl, KEYCTL_READ, key, secret.bytes().data(), secret.size());
    if (got >= 0 && got <= size) {
      secret.truncate(static_cast<std::size_t>(got));
      return secret;
    }
    size = got;
  }
  return fail(Code::key, object, "the key of " + what + " cannot be read from the kernel keyring",
              "let its owner read it: keyctl setperm KEY 0x3f3f0000", size < 0 ? errno : 0);
}

}  // namespace tclone::crypt
