// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "crypt/device.h"
#include "crypt/files.h"
#include "crypt/lib_luks.h"

namespace tclone::crypt {
namespace {

/// Of the metadata and of the key slots.
std::pair<std::uint64_t, std::uint64_t> area_sizes(crypt_device* device) {
  std::pair<std::uint64_t, std::uint64_t> out;
  if (crypt_get_metadata_size(device, &out.first, &out.second) < 0) return {};
  return out;
}

}  // namespace

Status LibLuks::backup(const std::string& device, const std::string& file) {
  const Device loaded = TC_TRY(load(device));
  struct stat info {};
  if (lstat(file.c_str(), &info) == 0) return fail(Code::exists, file, "exists already, and is not overwritten");
  // The library creates it with O_EXCL and mode 0400.
  const int r = crypt_header_backup(loaded.get(), CRYPT_LUKS2, file.c_str());
  if (r < 0) return fail_crypt(r, file, "cannot write the header backup");
  if (chmod(file.c_str(), 0600) != 0) return fail_errno(errno, file, "cannot set the mode of the header backup");
  Status durable = sync_file_and_folder(file);
  if (!durable) unlink(file.c_str());
  return durable;
}

Status LibLuks::restore(const std::string& device, const std::string& file, const HeaderFacts& expected) {
  bool foreign = false;
  {
    const Device saved = TC_TRY(load(file));
    TC_CHECK(compare(expected, TC_TRY(facts_of(saved.get(), file)), file));
    // libcryptsetup does not write over a header of other sizes. Such a one, which is not ours, goes first.
    const auto there = load_expected(device, expected);
    foreign = !there || area_sizes(there->get()) != area_sizes(saved.get());
  }
  const Device target = TC_TRY(init(device));
  if (foreign) {
    const int wiped =
        crypt_wipe(target.get(), device.c_str(), CRYPT_WIPE_ZERO, 0, kHeaderSize.n, kHeaderSize.n, 0, nullptr, nullptr);
    if (wiped < 0) return fail_crypt(wiped, device, "cannot overwrite the header that is there");
  }
  const int r = crypt_header_restore(target.get(), CRYPT_LUKS2, file.c_str());
  if (r < 0) return fail_crypt(r, device, "cannot restore the header from " + file);
  TC_CHECK(flush(device));
  TC_TRY(load_expected(device, expected));
  return {};
}

}  // namespace tclone::crypt
