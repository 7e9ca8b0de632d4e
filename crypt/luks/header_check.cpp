// SPDX-License-Identifier: GPL-2.0-or-later
// LUKS2 headers carry no authentication: whoever can write to the disk can edit one so that it still opens with the
// right key, or with any. Everything that decides what dm-crypt will do is therefore checked before use.
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "crypt/luks/device.h"
#include "crypt/luks/json_scan.h"

namespace tclone::crypt {
namespace {

tl::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(Code::damaged, path, "the LUKS2 header is not one that tclone wrote: " + why,
              "find out who changed it; restore it from a backup if you trust the disk");
}

/// "cipher_null", "null", "capi:ecb(cipher_null)": whatever the spelling, it does not encrypt.
bool is_null_cipher(std::string_view cipher) { return cipher.find("null") != std::string_view::npos; }

// Nothing interrupts libcryptsetup while it derives a key, and the pool may be locked meanwhile: a count edited into the
// header must not take hours. What is let through takes a minute or two at the most; cryptsetup's own slots take seconds.
constexpr std::uint64_t kMostIterations = 100'000'000;                  // of pbkdf2
constexpr std::uint64_t kMostMemoryPasses = std::uint64_t{256} << 20U;  // of argon2, KiB times passes

bool takes_for_ever(const crypt_pbkdf_type& kdf) {
  if (std::string_view(kdf.type) == CRYPT_KDF_PBKDF2) return kdf.iterations > kMostIterations;
  return std::uint64_t{kdf.iterations} * kdf.max_memory_kb > kMostMemoryPasses;
}

/// The volume key is compared with a digest, pbkdf2 as well.
Status check_digests(std::string_view json, const std::string& path) {
  for (const auto& [number, digest] : json_members(json_member(json, "digests"))) {
    const std::string_view text = json_member(digest, "iterations");
    std::uint64_t iterations = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), iterations);
    if (error != std::errc{} || iterations > kMostIterations) {
      return refuse(path, "digest " + std::string(number) + " has " + std::string(text) + " iterations");
    }
  }
  return {};
}

Status check_keyslots(crypt_device* device, const std::string& path) {
  const int most = crypt_keyslot_max(CRYPT_LUKS2);
  for (int slot = 0; slot < most; ++slot) {
    const auto state = crypt_keyslot_status(device, slot);
    if (state == CRYPT_SLOT_INACTIVE || state == CRYPT_SLOT_INVALID) continue;
    std::size_t key_size = 0;
    const char* cipher = crypt_keyslot_get_encryption(device, slot, &key_size);
    // Such a slot opens with every secret and hands out a volume key of the editor's choice.
    if (cipher == nullptr || is_null_cipher(cipher)) {
      return refuse(path, "key slot " + std::to_string(slot) + " is not encrypted");
    }
    crypt_pbkdf_type kdf{};
    if (crypt_keyslot_get_pbkdf(device, slot, &kdf) == 0 && kdf.type != nullptr && takes_for_ever(kdf)) {
      return refuse(path, "the key derivation of key slot " + std::to_string(slot) + " would not end in good time");
    }
  }
  return {};
}

bool any_keyslot(crypt_device* device) {
  const int most = crypt_keyslot_max(CRYPT_LUKS2);
  for (int slot = 0; slot < most; ++slot) {
    const auto state = crypt_keyslot_status(device, slot);
    if (state != CRYPT_SLOT_INACTIVE && state != CRYPT_SLOT_INVALID) return true;
  }
  return false;
}

Status check_segments(crypt_device* device, const std::string& path) {
  const char* json = nullptr;
  const int r = crypt_dump_json(device, &json, 0);
  if (r < 0 || json == nullptr) return fail_crypt(r, path, "cannot read the LUKS2 metadata");
  const auto segments = json_members(json_member(json, "segments"));
  if (segments.size() != 1) return refuse(path, "it has " + std::to_string(segments.size()) + " segments");
  const std::string_view segment = segments.front().second;
  if (json_member(segment, "type") != "\"crypt\"") return refuse(path, "its segment is not of type crypt");
  if (json_member(segment, "size") != "\"dynamic\"") return refuse(path, "its segment has a fixed size");
  if (json_member(segment, "iv_tweak") != "\"0\"") return refuse(path, "its segment has a shifted IV");
  if (!json_member(segment, "integrity").empty()) return refuse(path, "it asks for integrity protection");
  if (!json_member(segment, "flags").empty()) return refuse(path, "its segment carries flags");
  return check_digests(json, path);
}

}  // namespace

Status check_sane(crypt_device* device, const std::string& path) {
  const char* cipher = crypt_get_cipher(device);
  if (cipher == nullptr) return refuse(path, "it names no cipher");
  if (is_null_cipher(cipher)) return refuse(path, "it asks for a null cipher (CVE-2025-59054)");
  std::uint32_t requirements = 0;
  if (const int r = crypt_persistent_flags_get(device, CRYPT_FLAGS_REQUIREMENTS, &requirements); r < 0) {
    return fail_crypt(r, path, "cannot read the requirements of the LUKS2 header");
  }
  if (requirements != 0) return refuse(path, "it says that a reencryption is under way");
  // Flags kept in the header would be added to those of every activation, no-read-workqueue and such.
  std::uint32_t flags = 0;
  if (const int r = crypt_persistent_flags_get(device, CRYPT_FLAGS_ACTIVATION, &flags); r < 0) {
    return fail_crypt(r, path, "cannot read the flags of the LUKS2 header");
  }
  constexpr std::uint32_t kHarmless = CRYPT_ACTIVATE_ALLOW_DISCARDS | CRYPT_ACTIVATE_NO_READ_WORKQUEUE |
                                      CRYPT_ACTIVATE_NO_WRITE_WORKQUEUE | CRYPT_ACTIVATE_SAME_CPU_CRYPT |
                                      CRYPT_ACTIVATE_SUBMIT_FROM_CRYPT_CPUS;
  if ((flags & ~kHarmless) != 0) return refuse(path, "it carries activation flags");
  TC_CHECK(check_segments(device, path));
  return check_keyslots(device, path);
}

Result<HeaderFacts> facts_of(crypt_device* device, const std::string& path) {
  HeaderFacts facts;
  const char* uuid = crypt_get_uuid(device);
  auto parsed = Uuid::parse(uuid == nullptr ? "" : uuid);
  if (!parsed) return refuse(path, "its UUID is not one");
  facts.uuid = *parsed;
  const char* cipher = crypt_get_cipher(device);
  const char* mode = crypt_get_cipher_mode(device);
  facts.cipher = cipher == nullptr ? "" : cipher;
  facts.mode = mode == nullptr ? "" : mode;
  const int key_size = crypt_get_volume_key_size(device);
  const int sector_size = crypt_get_sector_size(device);
  if (key_size <= 0 && !any_keyslot(device)) {
    return fail(Code::key, path, "there is no key slot left: nothing opens it",
                "tclone key restore brings back a header that was saved");
  }
  if (key_size <= 0 || sector_size <= 0) return refuse(path, "it has no key size or sector size");
  facts.key_bits = static_cast<std::uint32_t>(key_size) * 8;
  facts.sector_size = static_cast<std::uint32_t>(sector_size);
  facts.data_offset = to_bytes(Sectors{crypt_get_data_offset(device)});
  return facts;
}

Status compare(const HeaderFacts& expected, const HeaderFacts& found, const std::string& path) {
  std::string differs;
  const auto field = [&differs](const char* name, const std::string& want, const std::string& have) {
    if (want == have) return;
    if (!differs.empty()) differs += ", ";
    differs += std::string(name) + " " + have + " instead of " + want;
  };
  field("UUID", expected.uuid.text(), found.uuid.text());
  field("cipher", expected.cipher, found.cipher);
  field("mode", expected.mode, found.mode);
  field("key bits", std::to_string(expected.key_bits), std::to_string(found.key_bits));
  field("sector size", std::to_string(expected.sector_size), std::to_string(found.sector_size));
  field("data offset", std::to_string(expected.data_offset.n), std::to_string(found.data_offset.n));
  // The record is a text file: even when somebody edited it to agree, a null cipher is none.
  if (is_null_cipher(found.cipher) || is_null_cipher(expected.cipher)) {
    return refuse(path, "it asks for a null cipher (CVE-2025-59054)");
  }
  if (differs.empty()) return {};
  return fail(Code::damaged, path, "the LUKS2 header differs from the record: " + differs,
              "do not write to it before you know who changed it; restore it from a backup if you trust the disk");
}

}  // namespace tclone::crypt
