// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/luks/device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "base/log.h"

namespace tclone::crypt {
namespace {

/// The library's last error text: its return values alone say little ("EINVAL").
std::string& last_message() {
  static std::string text;
  return text;
}

void on_log(int level, const char* message, void*) noexcept {
  try {
    std::string text(message == nullptr ? "" : message);
    while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
    if (level == CRYPT_LOG_ERROR) last_message() = text;
    if (log::enabled(log::Level::debug)) log::debug("libcryptsetup: " + text);
  } catch (...) {  // out of memory: a message is not worth more, and C code is below us
  }
}

/// libcryptsetup locks headers through files here and fails if it cannot (docs/LUKS2-locking.txt). tclone holds
/// its own lock per pool, so doing without is safe as far as tclone goes.
bool lock_folder_usable() {
  static const bool usable = [] {
    constexpr const char* kFolder = "/run/cryptsetup";
    if (mkdir(kFolder, 0700) != 0 && errno != EEXIST) return false;
    return access(kFolder, R_OK | W_OK | X_OK) == 0;
  }();
  return usable;
}

}  // namespace

Status set_up_library() {
  static bool done = false;
  if (done) return {};
  TC_CHECK(load_library());
  done = true;
  crypt_set_log_callback(nullptr, on_log, nullptr);
  crypt_set_debug_level(CRYPT_DEBUG_NONE);  // its debug output dumps header JSON
  if (!lock_folder_usable()) {
    log::debug("/run/cryptsetup cannot be used: LUKS2 headers are not locked against other programs");
    crypt_metadata_locking(nullptr, 0);
  }
  return {};
}

tl::unexpected<Error> fail_crypt(int r, const std::string& object, const std::string& why) {
  const int sys = -r;
  std::string said = std::exchange(last_message(), {});
  Code code = code_of_errno(sys);
  if (sys == EPERM) code = Code::failed;  // libcryptsetup's "no key slot", which its callers tell apart themselves
  if (sys == ENOTSUP || sys == ENOSYS) code = Code::kernel;
  return fail(code, object, said.empty() ? why : why + ": " + said, {}, sys);
}

bool is_wrong_key(int r) noexcept { return r == -EPERM || r == -ENOENT; }

tl::unexpected<Error> no_key(const std::string& device) {
  return fail(Code::key, device, "no key slot opens with this key",
              "check that the key source names the right key (tclone key list, tclone key test)");
}

std::uint32_t serialize_flag() { return lock_folder_usable() ? CRYPT_ACTIVATE_SERIALIZE_MEMORY_HARD_PBKDF : 0U; }

Result<Device> init(const std::string& path) {
  TC_CHECK(set_up_library());
  crypt_device* raw = nullptr;
  const int r = crypt_init(&raw, path.c_str());
  if (r < 0) return fail_crypt(r, path, "cannot open the device");
  return Device(raw);
}

namespace {
/// Whether the device answers where both copies of a header begin.
bool readable(const std::string& path) {
  alignas(4096) static std::array<char, 32768> block;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return !fd || ::pread(fd.get(), block.data(), block.size(), 0) >= 0 || errno != EIO;
}

Argon2 passphrase_cost() {
#ifdef TCLONE_FAULTS
  // A gigabyte's work a passphrase, where a page fault costs what it does in the lab: seconds each. The least that
  // libcryptsetup takes, for tests of which slot opens what; never in a release.
  if (std::getenv("TCLONE_FAULT_CHEAP_ARGON2") != nullptr) return {.memory_kib = 32, .iterations = 4, .threads = 1};
#endif
  return argon2_for(available_memory_kib(), std::thread::hardware_concurrency());
}
}  // namespace

Result<Device> load(const std::string& path) {
  Device device = TC_TRY(init(path));
  const int r = crypt_load(device.get(), CRYPT_LUKS2, nullptr);
  if (r < 0) {
    // libcryptsetup says EINVAL for a header that cannot be read, too.
    if (!readable(path)) return fail_errno(EIO, path, "its LUKS2 header cannot be read");
    auto error = fail_crypt(r, path, "no valid LUKS2 header");
    if (r == -EINVAL || r == -ENOENT || r == -EIO) {  // EIO also for a device too short to hold one
      error.value().code = Code::damaged;
      error.value().next = "check that the disk can be read, and restore the header from a backup";
    }
    return error;
  }
  TC_CHECK(check_sane(device.get(), path));
  return device;
}

Result<Device> load_expected(const std::string& path, const HeaderFacts& expected) {
  Device device = TC_TRY(load(path));
  TC_CHECK(compare(expected, TC_TRY(facts_of(device.get(), path)), path));
  return device;
}

Status set_cost(crypt_device* device, Cost cost, const std::string& path) {
  crypt_pbkdf_type pbkdf{};
  pbkdf.hash = "sha256";
  pbkdf.flags = CRYPT_PBKDF_NO_BENCHMARK;
  if (cost == Cost::machine) {
    pbkdf.type = CRYPT_KDF_PBKDF2;
    pbkdf.iterations = kMachineIterations;
  } else {
    const Argon2 chosen = passphrase_cost();
    pbkdf.type = CRYPT_KDF_ARGON2ID;
    pbkdf.iterations = chosen.iterations;
    pbkdf.max_memory_kb = chosen.memory_kib;
    pbkdf.parallel_threads = chosen.threads;
  }
  const int r = crypt_set_pbkdf_type(device, &pbkdf);
  if (r < 0) return fail_crypt(r, path, std::string("libcryptsetup refuses ") + pbkdf.type);
  return {};
}

bool in_use(crypt_keyslot_info state) { return state != CRYPT_SLOT_INACTIVE && state != CRYPT_SLOT_INVALID; }

bool has_free_slot(crypt_device* device) {
  const int most = crypt_keyslot_max(CRYPT_LUKS2);
  int used = 0;
  for (int slot = 0; slot < most; ++slot) used += in_use(crypt_keyslot_status(device, slot)) ? 1 : 0;
  std::uint64_t metadata = 0;
  std::uint64_t area = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  if (used == 0 || crypt_get_metadata_size(device, &metadata, &area) < 0) return true;
  for (int slot = 0; slot < most; ++slot) {
    if (crypt_keyslot_area(device, slot, &offset, &length) == 0) break;
  }
  return length == 0 || (static_cast<std::uint64_t>(used) + 1) * length <= area;
}

Status check_secret(const Secret& secret, Cost cost, const std::string& path) {
  if (secret.empty()) return fail(Code::key, path, "the key is empty");
  if (cost == Cost::machine && secret.size() < kMachineSecretSize) {
    return fail(Code::key, path, "the key is shorter than 32 bytes, too short to do without argon2id");
  }
  return {};
}

Status flush(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return fail_errno(errno, path, "cannot open the device to flush it");
  if (fsync(fd.get()) != 0) return fail_errno(errno, path, "cannot flush the device");
  return {};
}

}  // namespace tclone::crypt
