// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>

#include "crypt/luks/device.h"
#include "crypt/luks/lib_luks.h"
#include "crypt/luks/tokens.h"

namespace tclone::crypt {
namespace {

/// The slot that the secret opens, or libcryptsetup's negative errno. Activates nothing.
int try_key(crypt_device* device, const Secret& secret) {
  return crypt_activate_by_passphrase(device, nullptr, CRYPT_ANY_SLOT, secret.chars(), secret.size(), serialize_flag());
}

Status destroy_slot(crypt_device* device, const std::string& path, int keyslot) {
  const int r = crypt_keyslot_destroy(device, keyslot);
  if (r < 0) return fail_crypt(r, path, "cannot remove key slot " + std::to_string(keyslot));
  return flush(path);
}

tl::unexpected<Error> no_slot(const std::string& path, int keyslot) {
  return fail(Code::not_found, path, "there is no key slot " + std::to_string(keyslot));
}

}  // namespace

Result<int> LibLuks::test(const std::string& device, const HeaderFacts& expected, const Secret& secret) {
  TC_CHECK(check_secret(secret, Cost::human, device));
  const Device loaded = TC_TRY(load_expected(device, expected));
  const int r = try_key(loaded.get(), secret);
  if (is_wrong_key(r)) return no_key(device);
  if (r < 0) return fail_crypt(r, device, "cannot try the key");
  return r;
}

Result<int> LibLuks::test_token(const std::string& device, const HeaderFacts& expected, const PinOf& pin_of) {
  const Device loaded = TC_TRY(load_expected(device, expected));
  const auto attempt = [&](const Enrolled& e, const Secret* pin) -> Result<int> {
    return activate_by_token(loaded.get(), nullptr, e, pin, serialize_flag());
  };
  return ask_in_turn(tokens_of(loaded.get()), pin_of, attempt, device);
}

Result<Secret> LibLuks::volume_key(const std::string& device, const HeaderFacts& expected, const Secret& secret) {
  TC_CHECK(check_secret(secret, Cost::human, device));
  const Device loaded = TC_TRY(load_expected(device, expected));
  Secret key = TC_TRY(Secret::make(static_cast<std::size_t>(crypt_get_volume_key_size(loaded.get()))));
  std::size_t size = key.size();
  const int r = crypt_volume_key_get(loaded.get(), CRYPT_ANY_SLOT, reinterpret_cast<char*>(key.bytes().data()), &size,
                                     secret.chars(), secret.size());
  if (is_wrong_key(r)) return no_key(device);
  if (r < 0 || size != key.size()) return fail_crypt(r, device, "cannot unlock the volume key");
  return key;
}

Result<std::vector<Keyslot>> LibLuks::keyslots(const std::string& device) {
  const Device loaded = TC_TRY(load(device));
  std::vector<Keyslot> found;
  const int most = crypt_keyslot_max(CRYPT_LUKS2);
  for (int slot = 0; slot < most; ++slot) {
    const auto state = crypt_keyslot_status(loaded.get(), slot);
    if (!in_use(state)) continue;
    crypt_pbkdf_type pbkdf{};
    const int r = crypt_keyslot_get_pbkdf(loaded.get(), slot, &pbkdf);
    if (r < 0) return fail_crypt(r, device, "cannot read key slot " + std::to_string(slot));
    Keyslot keyslot;
    keyslot.number = slot;
    keyslot.kdf = pbkdf.type == nullptr ? "" : pbkdf.type;
    keyslot.iterations = pbkdf.iterations;
    keyslot.memory_kib = pbkdf.max_memory_kb;
    keyslot.unbound = state == CRYPT_SLOT_UNBOUND;
    found.push_back(std::move(keyslot));
  }
  return found;
}

Result<int> LibLuks::add_key(const std::string& device, const HeaderFacts& expected, const Secret& existing,
                             const Secret& added, Cost cost) {
  TC_CHECK(check_secret(existing, Cost::human, device));
  TC_CHECK(check_secret(added, cost, device));
  const Device loaded = TC_TRY(load_expected(device, expected));
  if (!has_free_slot(loaded.get())) {
    return fail(Code::no_space, device, "every key slot is taken", "remove a key that is no longer needed");
  }
  TC_CHECK(set_cost(loaded.get(), cost, device));
  const int r = crypt_keyslot_add_by_passphrase(loaded.get(), CRYPT_ANY_SLOT, existing.chars(), existing.size(),
                                                added.chars(), added.size());
  if (is_wrong_key(r)) return no_key(device);
  if (r < 0) return fail_crypt(r, device, "cannot add the key");
  TC_CHECK(flush(device));
  return r;
}

Status LibLuks::remove_key(const std::string& device, const HeaderFacts& expected, int keyslot) {
  const Device loaded = TC_TRY(load_expected(device, expected));
  const auto state = crypt_keyslot_status(loaded.get(), keyslot);
  if (!in_use(state)) return no_slot(device, keyslot);
  if (state == CRYPT_SLOT_ACTIVE_LAST) {
    return fail(Code::exists, device, "key slot " + std::to_string(keyslot) + " is the last one",
                "add another key first: without any, the data is lost");
  }
  return destroy_slot(loaded.get(), device, keyslot);
}

Status LibLuks::remove_last_key(const std::string& device, const HeaderFacts& expected, int keyslot) {
  const Device loaded = TC_TRY(load_expected(device, expected));
  if (!in_use(crypt_keyslot_status(loaded.get(), keyslot))) return no_slot(device, keyslot);
  return destroy_slot(loaded.get(), device, keyslot);
}

}  // namespace tclone::crypt
