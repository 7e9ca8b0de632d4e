// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: the tokens of a header, asked one after another.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crypt/luks/device.h"

namespace tclone::crypt {

struct Enrolled {
  int token = 0;
  std::string type;           ///< "systemd-tpm2"
  std::vector<int> keyslots;  ///< that it opens
};

/// The tokens that an activation would ask, in its order (LUKS2_token_unlock_key in libcryptsetup): not those whose key
/// slots are gone, or all of the kind that is only used when it is named.
[[nodiscard]] std::vector<Enrolled> tokens_of(crypt_device* device);

/// crypt_activate_by_token_pin. `name` null: nothing is activated.
[[nodiscard]] int activate_by_token(crypt_device* device, const char* name, const Enrolled& token, const Secret* pin,
                                    std::uint32_t flags);

/// Has one token asked, with that PIN if there is one: the key slot, or libcryptsetup's negative errno. An Error ends
/// everything.
using Attempt = std::function<Result<int>(const Enrolled&, const Secret* pin)>;

/// Asks every token until one opens. Those that want a PIN are asked again when all others have failed, with one PIN for
/// all of a type; the first that does not take it is the last that is asked, because hardware counts wrong ones.
[[nodiscard]] Result<int> ask_in_turn(const std::vector<Enrolled>& tokens, const PinOf& pin_of, const Attempt& attempt,
                                      const std::string& what);

}  // namespace tclone::crypt
