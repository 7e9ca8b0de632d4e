// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: the functions of libcryptsetup, which is loaded when the first header is looked at (base/library.h).
// With OpenSSL, argon2 and json-c behind it, it would be most of the cost of starting, and most commands open no header.
#pragma once

#include <libcryptsetup.h>

#include "base/library.h"

// One list for the declarations and for what is looked up.
// clang-format off
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define TCLONE_LIBCRYPTSETUP(X)                                                                                       \
  X(crypt_activate_by_passphrase) X(crypt_activate_by_token_pin) X(crypt_activate_by_volume_key)                      \
  X(crypt_deactivate) X(crypt_dump_json) X(crypt_format) X(crypt_free) X(crypt_get_active_device)                     \
  X(crypt_get_cipher) X(crypt_get_cipher_mode) X(crypt_get_data_offset) X(crypt_get_metadata_size)                    \
  X(crypt_get_sector_size) X(crypt_get_uuid) X(crypt_get_volume_key_size) X(crypt_header_backup)                      \
  X(crypt_header_restore) X(crypt_init) X(crypt_keyslot_add_by_passphrase) X(crypt_keyslot_add_by_volume_key)         \
  X(crypt_keyslot_area) X(crypt_keyslot_destroy) X(crypt_keyslot_get_encryption) X(crypt_keyslot_get_pbkdf)           \
  X(crypt_keyslot_get_priority) X(crypt_keyslot_max) X(crypt_keyslot_status) X(crypt_load) X(crypt_metadata_locking)   \
  X(crypt_persistent_flags_get) X(crypt_set_data_offset) X(crypt_set_debug_level) X(crypt_set_log_callback)           \
  X(crypt_set_metadata_size) X(crypt_set_pbkdf_type) X(crypt_volume_key_keyring) X(crypt_volume_key_verify)           \
  X(crypt_token_is_assigned) X(crypt_token_max) X(crypt_token_status) X(crypt_volume_key_get) X(crypt_wipe)
// Since 2.6; null where the library that is found is older.
#ifdef CRYPT_KC_TYPE_TOKEN
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define TCLONE_LIBCRYPTSETUP_NEWER(X)                                                                                 \
  X(crypt_keyslot_add_by_keyslot_context) X(crypt_keyslot_context_free)                                               \
  X(crypt_keyslot_context_init_by_passphrase) X(crypt_keyslot_context_init_by_token)
#else
#define TCLONE_LIBCRYPTSETUP_NEWER(X)
#endif
// clang-format on

namespace tclone::crypt {

// Null until load_library() has succeeded.
TCLONE_LIBCRYPTSETUP(TCLONE_LIBRARY_DECLARE)
TCLONE_LIBCRYPTSETUP_NEWER(TCLONE_LIBRARY_DECLARE)

/// See Library::load.
[[nodiscard]] Status load_library();

}  // namespace tclone::crypt
