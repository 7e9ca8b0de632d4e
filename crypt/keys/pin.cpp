// SPDX-License-Identifier: GPL-2.0-or-later
// PINs of LUKS2 tokens.
#include <array>
#include <string_view>

#include "crypt/keys/key_source.h"
#include "crypt/keys/sources.h"

namespace tclone::crypt {
namespace {

/// What systemd-cryptsetup(8) takes them from.
struct Credential {
  std::string_view type;
  const char* name;
};
constexpr std::array<Credential, 3> kCredentials{{{"systemd-tpm2", "cryptsetup.tpm2-pin"},
                                                  {"systemd-fido2", "cryptsetup.fido2-pin"},
                                                  {"systemd-pkcs11", "cryptsetup.pkcs11-pin"}}};
constexpr const char* kAnyToken = "cryptsetup.luks2-pin";

}  // namespace

Result<Secret> read_pin(const std::string& type, const std::string& what) {
  std::string credential = kAnyToken;
  for (const Credential& c : kCredentials) {
    if (c.type == type) credential = c.name;
  }
  for (const std::string& name : {credential, std::string(kAnyToken)}) {
    if (!has_credential(name)) continue;
    Secret pin = TC_TRY(read_credential(name, what));
    if (pin.empty()) return fail(Code::key, "credential:" + name, "the PIN for " + what + " is empty");
    return pin;
  }
  return prompt_for_pin("PIN of the token " + type + " of " + what, credential);
}

}  // namespace tclone::crypt
