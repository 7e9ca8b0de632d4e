// SPDX-License-Identifier: GPL-2.0-or-later
// Tokens asked with a copy of the header: a TPM or a key that waits for a touch may take long, and neither the device nor the
// pool's lock is held meanwhile.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "crypt/device.h"
#include "crypt/lib_luks.h"

namespace tclone::crypt {

#ifdef CRYPT_KC_TYPE_TOKEN
namespace {

/// A header as a file for libcryptsetup, in memory that stays out of the swap area: a stale copy of key slots is nowhere.
class HeaderFile {
 public:
  HeaderFile() = default;
  ~HeaderFile() {
    if (map_ != MAP_FAILED) munmap(map_, size_);
  }
  HeaderFile(const HeaderFile&) = delete;
  HeaderFile& operator=(const HeaderFile&) = delete;

  Status fill(const Secret& header, const std::string& what) {
    fd_ = UniqueFd(memfd_create("tclone-header", MFD_CLOEXEC));
    // A device with nothing behind its header is refused.
    if (!fd_ || ftruncate(fd_.get(), static_cast<off_t>(2 * header.size())) != 0) {
      return fail_errno(errno, what, "cannot have memory for a copy of its header");
    }
    size_ = header.size();
    map_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (map_ == MAP_FAILED) return fail_errno(errno, what, "cannot map the copy of its header");
    static_cast<void>(mlock(map_, size_));  // as in Secret: where it is not allowed, it is done without
    std::memcpy(map_, header.bytes().data(), size_);
    return {};
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  UniqueFd fd_;
  void* map_ = MAP_FAILED;
  std::size_t size_ = 0;
};

struct ContextFree {
  void operator()(crypt_keyslot_context* c) const noexcept { crypt_keyslot_context_free(c); }
};

}  // namespace

Result<Secret> LibLuks::copy_header(const std::string& device, const HeaderFacts& expected) {
  TC_TRY(load_expected(device, expected));
  if (crypt_volume_key_get_by_keyslot_context == nullptr) {
    return fail(Code::kernel, device, "libcryptsetup is older than 2.6");
  }
  // Past the cache where that can be, as libcryptsetup writes. A Secret begins a page.
  UniqueFd fd(::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
  if (!fd) fd.reset(::open(device.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, device, "cannot open the device");
  Secret copy = TC_TRY(Secret::make(kHeaderSize.n));
  for (std::size_t done = 0; done < copy.size();) {
    const ssize_t got = pread(fd.get(), copy.bytes().data() + done, copy.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(got < 0 ? errno : EIO, device, "cannot read its header");
    done += static_cast<std::size_t>(got);
  }
  return copy;
}

Result<TokenKey> LibLuks::ask_token(const Secret& header, const HeaderFacts& expected, const std::string& what) {
  HeaderFile file;
  TC_CHECK(file.fill(header, what));
  const Device loaded = TC_TRY(load_expected(file.path(), expected));
  crypt_keyslot_context* raw = nullptr;
  int r = crypt_keyslot_context_init_by_token(loaded.get(), CRYPT_ANY_TOKEN, nullptr, nullptr, 0, nullptr, &raw);
  if (r < 0) return fail_crypt(r, what, "cannot ask its tokens");
  const std::unique_ptr<crypt_keyslot_context, ContextFree> context(raw);
  TokenKey out;
  out.volume_key = TC_TRY(Secret::make(static_cast<std::size_t>(crypt_get_volume_key_size(loaded.get()))));
  std::size_t size = out.volume_key.size();
  r = crypt_volume_key_get_by_keyslot_context(
      loaded.get(), CRYPT_ANY_SLOT, reinterpret_cast<char*>(out.volume_key.bytes().data()), &size, context.get());
  if (r < 0) {
    // 2.6.1 says ENOENT also where the token wants a PIN; this way it says which.
    if (r == -ENOENT) {
      r = crypt_activate_by_token_pin(loaded.get(), nullptr, nullptr, CRYPT_ANY_TOKEN, nullptr, 0, nullptr, 0);
    }
    return no_token(r, what);
  }
  if (size != out.volume_key.size())
    return fail(Code::damaged, what, "its volume key has another size than the header says");
  out.keyslot = r;
  return out;
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
