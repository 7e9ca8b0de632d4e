// SPDX-License-Identifier: GPL-2.0-or-later
// Tokens asked with a copy of the header: a TPM or a key that waits for a touch may take long, and neither the device nor the
// pool's lock is held meanwhile.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "crypt/device.h"
#include "crypt/header_file.h"
#include "crypt/lib_luks.h"
#include "crypt/raw_device.h"

namespace tclone::crypt {

#ifdef CRYPT_KC_TYPE_TOKEN
namespace {

struct ContextFree {
  void operator()(crypt_keyslot_context* c) const noexcept { crypt_keyslot_context_free(c); }
};
using Context = std::unique_ptr<crypt_keyslot_context, ContextFree>;

struct Enrolled {
  int token = 0;
  int keyslot = 0;  ///< the only one that it opens
};

/// The tokens that an activation would ask, in its order (LUKS2_token_unlock_key in libcryptsetup): not those whose key
/// slots are gone. nullopt: one has several slots, and nothing would tell which of them it has opened.
std::optional<std::vector<Enrolled>> tokens_of(crypt_device* device) {
  std::vector<Enrolled> found;
  for (const auto priority : {CRYPT_SLOT_PRIORITY_PREFER, CRYPT_SLOT_PRIORITY_NORMAL}) {
    for (int token = 0; token < crypt_token_max(CRYPT_LUKS2); ++token) {
      int slots = 0;
      for (int slot = 0; slot < crypt_keyslot_max(CRYPT_LUKS2); ++slot) {
        if (crypt_token_is_assigned(device, token, slot) != 0) continue;
        if (++slots > 1) return std::nullopt;
        if (crypt_keyslot_get_priority(device, slot) == priority) found.push_back({token, slot});
      }
    }
  }
  return found;
}

/// The more an error of a token says, the more it weighs; libcryptsetup's order. nullopt: an activation asks no other token
/// after this one.
std::optional<std::size_t> weight(int r) {
  constexpr std::array kOrder{-ENOENT, -EPERM, -EAGAIN, -ENOANO};
  const auto* const at = std::find(kOrder.begin(), kOrder.end(), r);
  if (at == kOrder.end()) return std::nullopt;
  return static_cast<std::size_t>(at - kOrder.begin());
}

/// The new slot, which gives the key, or what libcryptsetup says of the token. crypt_volume_key_get_by_keyslot_context would
/// be the direct way; up to 2.7 it asks a token for a passphrase, which one with no slot left gives as well, and then again
/// for the key.
Result<int> add_slot_by_token(crypt_device* copy, int token, const Secret& added, const std::string& what) {
  crypt_keyslot_context* raw = nullptr;
  int r = crypt_keyslot_context_init_by_token(copy, token, nullptr, nullptr, 0, nullptr, &raw);
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
  if (!has_free_slot(loaded.get()) || !tokens_of(loaded.get())) {
    return fail(Code::kernel, device, "a copy of this header does not tell what its tokens open");
  }
  const UniqueFd fd = TC_TRY(open_raw(device, O_RDONLY, "to copy its header"));
  Secret copy = TC_TRY(Secret::make(kHeaderSize.n));  // begins a page, as direct I/O wants it
  TC_CHECK(read_at(fd, 0, copy.bytes(), device, "cannot read its header"));
  return copy;
}

Result<TokenKey> LibLuks::ask_token(const Secret& header, const HeaderFacts& expected, const std::string& what) {
  HeaderFile file;
  TC_CHECK(file.make(what));
  std::ranges::copy(header.bytes(), file.bytes().begin());
  const Device copy = TC_TRY(load_expected(file.path(), expected));
  TC_CHECK(set_cost(copy.get(), Cost::machine, what));
  const Secret added = TC_TRY(Secret::random(kMachineSecretSize));
  const auto enrolled = tokens_of(copy.get());
  if (!enrolled) return fail(Code::busy, what, "its header was changed just now", "try again");
  int worst = -ENOENT;
  for (const Enrolled& e : *enrolled) {
    const int r = TC_TRY(add_slot_by_token(copy.get(), e.token, added, what));
    if (r >= 0) return TokenKey{e.keyslot, TC_TRY(key_in_slot(copy.get(), r, added, what))};
    if (!weight(r)) return no_token(r, what);
    if (weight(r) > weight(worst)) worst = r;
  }
  return no_token(worst, what);
}

#else

Result<Secret> LibLuks::copy_header(const std::string& device, const HeaderFacts&) {
  return fail(Code::kernel, device, "libcryptsetup was older than 2.6 when tclone was built");
}
Result<TokenKey> LibLuks::ask_token(const Secret&, const HeaderFacts&, const std::string& what) {
  return fail(Code::kernel, what, "libcryptsetup was older than 2.6 when tclone was built");
}

#endif

}  // namespace tclone::crypt
