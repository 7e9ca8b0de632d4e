// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "crypt/luks/device.h"
#include "crypt/luks/header_file.h"
#include "crypt/luks/lib_luks.h"
#include "crypt/luks/raw_device.h"

namespace tclone::crypt {
namespace {

constexpr std::size_t kVolumeKeySize = 64;             // aes-256 in XTS mode takes two keys
constexpr std::uint64_t kMetadataSize = 16ULL * 1024;  // each of the two copies; LUKS2's smallest
// Four slots of 252 KiB (4000 stripes of 64 bytes, rounded up to 4 KiB). crypt_format fills the whole area with
// random bytes first, and that is a third of its time: room for twice as many slots costs every clone 4 ms.
constexpr std::uint64_t kKeyslotsSize = 4ULL * 252 * 1024;
constexpr std::size_t kLabelSize = 47;  // LUKS2_LABEL_L is 48 with its end

/// Exclusively.
Result<UniqueFd> open_with_room(const std::string& path) {
  UniqueFd fd = TC_TRY(open_raw(path, O_RDWR, "to write a LUKS2 header"));
  if (TC_TRY(raw_size(fd, path)) <= kHeaderSize.n) {
    return fail(Code::no_space, path, "the device has no room behind a LUKS2 header of 2 MiB");
  }
  return fd;
}

}  // namespace

// Made in memory and written in one piece: made on the device, the header is flushed seven times before it is whole.
Result<Formatted> LibLuks::format(const FormatRequest& request, const Secret& secret) {
  const std::string& path = request.device;
  TC_CHECK(check_secret(secret, request.cost, path));
  const UniqueFd target = TC_TRY(open_with_room(path));
  HeaderFile header;
  TC_CHECK(header.make(path));
  Device device = TC_TRY(init(header.path()));
  Secret volume_key = TC_TRY(Secret::random(kVolumeKeySize));

  TC_CHECK(set_cost(device.get(), request.cost, path));
  int r = crypt_set_metadata_size(device.get(), kMetadataSize, kKeyslotsSize);
  if (r == 0) r = crypt_set_data_offset(device.get(), to_sectors(kHeaderSize).n);
  if (r < 0) return fail_crypt(r, path, "libcryptsetup refuses a LUKS2 header of 2 MiB");

  const std::string label = request.label.substr(0, kLabelSize);
  const std::string uuid = request.uuid.text();
  crypt_params_luks2 params{};
  params.sector_size = request.sector_size;
  params.label = label.c_str();
  params.subsystem = "tclone";
  r = crypt_format(device.get(), CRYPT_LUKS2, "aes", "xts-plain64", uuid.c_str(), volume_key.chars(), volume_key.size(),
                   &params);
  if (r < 0) return fail_crypt(r, path, "cannot write a LUKS2 header");
  r = crypt_keyslot_add_by_volume_key(device.get(), CRYPT_ANY_SLOT, volume_key.chars(), volume_key.size(),
                                      secret.chars(), secret.size());
  if (r < 0) return fail_crypt(r, path, "cannot write the first key slot");
  device.reset();

  TC_CHECK(write_at(target, 0, header.bytes(), path, "cannot write its LUKS2 header"));
  // Not flushed: the commit of the operation that makes the vault flushes the pool's data before its metadata
  // (metadata_pre_commit_callback, drivers/md/dm-thin.c, Linux 5.5), and before it nothing counts on the header.
  Formatted made;
  made.facts = HeaderFacts{request.uuid, "aes", "xts-plain64", kVolumeKeySize * 8, request.sector_size, kHeaderSize};
  TC_TRY(load_expected(path, made.facts));  // what counts is what is on the device
  made.volume_key = std::move(volume_key);
  return made;
}

Result<HeaderFacts> LibLuks::inspect(const std::string& device) {
  const Device loaded = TC_TRY(load(device));
  return facts_of(loaded.get(), device);
}

std::unique_ptr<Luks> open_luks() { return std::make_unique<LibLuks>(); }

}  // namespace tclone::crypt
