// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/tokens.h"

#include <algorithm>
#include <cerrno>
#include <map>

namespace tclone::crypt {
namespace {

/// What libcryptsetup goes on after to the next token; anything else ends an activation.
bool another_may_open(int r) { return r == -ENOENT || r == -EPERM || r == -EAGAIN || r == -ENOANO; }

/// Their errno say nothing to people: a TPM that is not there is EAGAIN or ENOTRECOVERABLE. The plugins say on standard
/// error what they met with.
tl::unexpected<Error> no_token(const std::vector<Enrolled>& tokens, const std::string& what) {
  std::vector<std::string> types;
  for (const Enrolled& e : tokens) {
    if (std::find(types.begin(), types.end(), e.type) == types.end()) types.push_back(e.type);
  }
  std::string names;
  for (const std::string& type : types) names += (names.empty() ? "" : ", ") + type;
  return fail(
      Code::key, what, "no token opens it (" + (names.empty() ? "there is none" : "enrolled: " + names) + ")",
      "check that one is enrolled (systemd-cryptenroll), that its hardware is there, and that systemd's plugins for "
      "libcryptsetup are installed with what they load (libfido2, libtss2); or let activate ask another key: `tclone "
      "key rm NAME --key token --use SOURCE`");
}

tl::unexpected<Error> not_with_this_pin(int r, const std::string& type, const std::string& what) {
  if (r == -ENOLCK || r == -EOWNERDEAD) {  // of TPM 2 and of FIDO2
    return fail(Code::key, what, "the token " + type + " is locked because of wrong PINs",
                "wait or plug it in again, unlock it with its own tools, or let activate ask another key: "
                "`tclone key rm NAME --key token --use SOURCE`");
  }
  return fail(Code::key, what,
              r == -ENOANO ? "the token " + type + " says that the PIN is wrong"
                           : "the token " + type + " does not open it with this PIN",
              "it counts wrong ones and locks itself after a few; try again, or let activate ask another key: "
              "`tclone key rm NAME --key token --use SOURCE`");
}

}  // namespace

std::vector<Enrolled> tokens_of(crypt_device* device) {
  std::vector<Enrolled> found;
  for (const auto priority : {CRYPT_SLOT_PRIORITY_PREFER, CRYPT_SLOT_PRIORITY_NORMAL}) {
    for (int token = 0; token < crypt_token_max(CRYPT_LUKS2); ++token) {
      Enrolled e{token, {}, {}};
      bool now = false;
      for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); ++slot) {
        if (crypt_token_is_assigned(device, token, slot) != 0) continue;
        e.keyslots.push_back(slot);
        now = now || crypt_keyslot_get_priority(device, slot) == priority;
      }
      const auto known = [&](const Enrolled& one) { return one.token == token; };
      if (!now || std::any_of(found.begin(), found.end(), known)) continue;
      const char* type = nullptr;
      crypt_token_status(device, token, &type);
      e.type = type == nullptr ? "?" : type;
      found.push_back(std::move(e));
    }
  }
  return found;
}

int activate_by_token(crypt_device* device, const char* name, const Enrolled& token, const Secret* pin,
                      std::uint32_t flags) {
  return crypt_activate_by_token_pin(device, name, nullptr, token.token, pin == nullptr ? nullptr : pin->chars(),
                                     pin == nullptr ? 0 : pin->size(), nullptr, flags);
}

Result<int> ask_in_turn(const std::vector<Enrolled>& tokens, const PinOf& pin_of, const Attempt& attempt,
                        const std::string& what) {
  std::vector<const Enrolled*> want_pin;
  for (const Enrolled& e : tokens) {
    const int r = TC_TRY(attempt(e, nullptr));
    if (r >= 0) return r;
    if (!another_may_open(r)) return no_token(tokens, what);
    if (r == -ENOANO) want_pin.push_back(&e);
  }
  std::map<std::string, Secret> pins;
  for (const Enrolled* e : want_pin) {
    if (!pins.contains(e->type)) pins.emplace(e->type, TC_TRY(pin_of(e->type)));
    const int r = TC_TRY(attempt(*e, &pins.at(e->type)));
    if (r >= 0) return r;
    // The hardware is another one's, or not there: nobody has looked at the PIN, or it was right.
    if (r != -EAGAIN && r != -ENOENT) return not_with_this_pin(r, e->type, what);
  }
  return no_token(tokens, what);
}

}  // namespace tclone::crypt
