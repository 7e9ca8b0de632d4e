// SPDX-License-Identifier: GPL-2.0-or-later
// Tokens asked with a copy of the header: a TPM or a key that waits for a touch may take long, and neither the device nor the
// pool's lock is held meanwhile.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "crypt/luks/device.h"
#include "crypt/luks/header_file.h"
#include "crypt/luks/lib_luks.h"
#include "crypt/luks/raw_device.h"
#include "crypt/luks/tokens.h"

namespace tclone::crypt {

#ifdef CRYPT_KC_TYPE_TOKEN
namespace {

struct ContextFree {
  void operator()(crypt_keyslot_context* c) const noexcept { crypt_keyslot_context_free(c); }
};
using Context = std::unique_ptr<crypt_keyslot_context, ContextFree>;

/// Nothing would tell which of them it has opened.
bool one_opens_several(crypt_device* device) {
  const auto tokens = tokens_of(device);
  return std::any_of(tokens.begin(), tokens.end(), [](const Enrolled& e) { return e.keyslots.size() > 1; });
}

/// The new slot, which gives the key, or what libcryptsetup says of the token. crypt_volume_key_get_by_keyslot_context would
/// be the direct way; up to 2.7 it asks a token for a passphrase, which one with no slot left gives as well, and then again
/// for the key.
Result<int> add_slot_by_token(crypt_device* copy, int token, const Secret* pin, const Secret& added,
                              const std::string& what) {
  crypt_keyslot_context* raw = nullptr;
  int r = crypt_keyslot_context_init_by_token(copy, token, nullptr, pin == nullptr ? nullptr : pin->chars(),
                                              pin == nullptr ? 0 : pin->size(), nullptr, &raw);
  if (r < 0) return fail_crypt(r, what, "cannot ask its tokens");
  const Context asked(raw);
  r = crypt_keyslot_context_init_by_passphrase(copy, added.chars(), added.size(), &raw);
  if (r < 0) return fail_crypt(r, what, "cannot ask its tokens");
  const Context secret(raw);
  return crypt_keyslot_add_by_keyslot_context(copy, CRYPT_ANY_SLOT, asked.get(), CRYPT_ANY_SLOT, secret.get(), 0);
}

Result<Secret> key_in_slot(crypt_device* copy, int slot, const Secret& secret, const std::string& what) {
  Secret key = TC_TRY(Secret::make(static_cast<std::size_t>(crypt_get_volume_key_size(copy))));
  std::size_t size = key.size();
  const int r = crypt_volume_key_get(copy, slot, reinterpret_cast<char*>(key.bytes().data()), &size, secret.chars(),
                                     secret.size());
  if (r < 0) return fail_crypt(r, what, "cannot have the volume key that its token opened");
  if (size != key.size()) return fail(Code::damaged, what, "its volume key has another size than the header says");
  return key;
}

}  // namespace

Result<Secret> LibLuks::copy_header(const std::string& device, const HeaderFacts& expected) {
  const Device loaded = TC_TRY(load_expected(device, expected));
  if (crypt_keyslot_add_by_keyslot_context == nullptr) {
    return fail(Code::kernel, device, "libcryptsetup is older than 2.6");
  }
  if (!has_free_slot(loaded.get()) || one_opens_several(loaded.get())) {
    return fail(Code::kernel, device, "a copy of this header does not tell what its tokens open");
  }
  const UniqueFd fd = TC_TRY(open_raw(device, O_RDONLY, "to copy its header"));
  Secret copy = TC_TRY(Secret::make(kHeaderSize.n));  // begins a page, as direct I/O wants it
  TC_CHECK(read_at(fd, 0, copy.bytes(), device, "cannot read its header"));
  return copy;
}

Result<TokenKey> LibLuks::ask_token(const Secret& header, const HeaderFacts& expected, const std::string& what,
                                    const PinOf& pin_of) {
  HeaderFile file;
  TC_CHECK(file.make(what));
  std::ranges::copy(header.bytes(), file.bytes().begin());
  const Device copy = TC_TRY(load_expected(file.path(), expected));
  TC_CHECK(set_cost(copy.get(), Cost::machine, what));
  const Secret added = TC_TRY(Secret::random(kMachineSecretSize));
  int opened = 0;
  const auto attempt = [&](const Enrolled& e, const Secret* pin) {
    opened = e.keyslots.front();
    return add_slot_by_token(copy.get(), e.token, pin, added, what);
  };
  const int slot = TC_TRY(ask_in_turn(tokens_of(copy.get()), pin_of, attempt, what));
  return TokenKey{opened, TC_TRY(key_in_slot(copy.get(), slot, added, what))};
}

#else

Result<Secret> LibLuks::copy_header(const std::string& device, const HeaderFacts&) {
  return fail(Code::kernel, device, "libcryptsetup was older than 2.6 when tclone was built");
}
Result<TokenKey> LibLuks::ask_token(const Secret&, const HeaderFacts&, const std::string& what, const PinOf&) {
  return fail(Code::kernel, what, "libcryptsetup was older than 2.6 when tclone was built");
}

#endif

}  // namespace tclone::crypt
