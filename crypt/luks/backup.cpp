// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/fault.h"
#include "base/fd.h"
#include "crypt/keys/files.h"
#include "crypt/luks/device.h"
#include "crypt/luks/lib_luks.h"

namespace tclone::crypt {
namespace {

/// Of the metadata and of the key slots.
std::pair<std::uint64_t, std::uint64_t> area_sizes(crypt_device* device) {
  std::pair<std::uint64_t, std::uint64_t> out;
  if (crypt_get_metadata_size(device, &out.first, &out.second) < 0) return {};
  return out;
}

/// A backup is checked by what stands at its beginning; that its key slots cannot be read is otherwise found out when the
/// header they were to replace is gone.
Status read_through(const std::string& file, std::uint64_t size) {
  constexpr const char* kNext = "use another copy of it; the header on the device is as it was";
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, file, "cannot open the header backup");
  std::array<char, 65536> some{};
  for (std::uint64_t at = 0; at < size;) {
    const ssize_t got =
        pread(fd.get(), some.data(), std::min<std::uint64_t>(some.size(), size - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, file, "the header backup cannot be read to its end", kNext);
    if (got == 0) return fail(Code::damaged, file, "the header backup is cut short", kNext);
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

/// The header in a backup, once the whole of it was looked at.
Result<Device> saved_header(const std::string& file, const HeaderFacts& expected) {
  Device saved = TC_TRY(load(file));
  TC_CHECK(compare(expected, TC_TRY(facts_of(saved.get(), file)), file));
  const auto sizes = area_sizes(saved.get());
  TC_CHECK(read_through(file, 2 * sizes.first + sizes.second));
  return saved;
}

/// Whether a header that was read is the vault's.
bool is_expected(crypt_device* there, const std::string& device, const HeaderFacts& expected) {
  const auto facts = facts_of(there, device);
  return facts && compare(expected, *facts, device);
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

Status LibLuks::check_backup(const std::string& file, const HeaderFacts& expected) {
  TC_TRY(saved_header(file, expected));
  return {};
}

Status LibLuks::restore(const std::string& device, const std::string& file, const HeaderFacts& expected) {
  bool foreign = false;
  {
    const auto sizes = area_sizes(TC_TRY(saved_header(file, expected)).get());
    // libcryptsetup does not write over a header of other sizes. Such a one, which is not ours, goes first, and so does one
    // on sectors that cannot be read any more.
    const auto there = load(device);
    if (!there && there.error().sys == ENOMEM) return tl::unexpected(there.error());
    foreign = !there || !is_expected(there->get(), device, expected) || area_sizes(there->get()) != sizes;
  }
  const Device target = TC_TRY(init(device));
  if (foreign) {
    const int wiped =
        crypt_wipe(target.get(), device.c_str(), CRYPT_WIPE_ZERO, 0, kHeaderSize.n, kHeaderSize.n, 0, nullptr, nullptr);
    if (wiped < 0) return fail_crypt(wiped, device, "cannot overwrite the header that is there");
    TCLONE_FAULT_POINT("header.wiped");
  }
  const int r = crypt_header_restore(target.get(), CRYPT_LUKS2, file.c_str());
  if (r < 0) return fail_crypt(r, device, "cannot restore the header from " + file);
  TCLONE_FAULT_POINT("header.restored");
  TC_CHECK(flush(device));
  TC_TRY(load_expected(device, expected));
  return {};
}

}  // namespace tclone::crypt
