// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/secret.h"

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace tclone {
namespace {

void log_once_not_locked() {
  static bool said = false;
  if (std::exchange(said, true)) return;
  log::debug("secrets cannot be locked in memory: they may reach swap space (see RLIMIT_MEMLOCK)");
}

void release(std::byte* data, std::size_t mapped) noexcept {
  if (data == nullptr) return;
  explicit_bzero(data, mapped);
  munmap(data, mapped);
}

/// Whether memory locked from now on counts against no limit.
bool may_lock_everything() noexcept {
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  if (setrlimit(RLIMIT_MEMLOCK, &none) == 0) return true;
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct caps[2]{};
  if (syscall(SYS_capget, &header, caps) != 0) return false;
  return (caps[0].effective & (1U << static_cast<unsigned>(CAP_IPC_LOCK))) != 0;
}

}  // namespace

Result<Secret> Secret::make(std::size_t size) {
  Secret made;
  if (size == 0) return made;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (size > SIZE_MAX - page) return fail(Code::failed, "memory", "the secret is too large");
  const std::size_t mapped = (size + page - 1) / page * page;
  void* const at = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return fail_errno(errno, "memory", "no pages for a secret");
  // Advice first: the pages do not exist yet, so there is no moment at which a fork or a dump would get them.
  madvise(at, mapped, MADV_DONTDUMP);
  madvise(at, mapped, MADV_DONTFORK);
  if (mlock(at, mapped) != 0) log_once_not_locked();
  made.data_ = static_cast<std::byte*>(at);
  made.size_ = size;
  made.mapped_ = mapped;
  return made;
}

Result<Secret> Secret::copy_of(std::span<const std::byte> bytes) {
  auto made = make(bytes.size());
  if (made && !bytes.empty()) std::memcpy(made->data_, bytes.data(), bytes.size());
  return made;
}

Result<Secret> Secret::random(std::size_t size) {
  auto made = make(size);
  if (!made) return made;
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = getrandom(made->data_ + done, size - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail_errno(errno, "getrandom", "the kernel gave no random bytes");
    done += static_cast<std::size_t>(got);
  }
  return made;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  release(data_, mapped_);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  mapped_ = std::exchange(other.mapped_, 0);
  return *this;
}

Secret::~Secret() { release(data_, mapped_); }

const char* Secret::chars() const noexcept {
  // An empty secret still gives a pointer: libcryptsetup takes a null passphrase for "ask the user".
  return data_ == nullptr ? "" : reinterpret_cast<const char*>(data_);
}

void Secret::truncate(std::size_t size) noexcept {
  if (size >= size_) return;
  explicit_bzero(data_ + size, size_ - size);
  size_ = size;
}

bool Secret::same_as(const Secret& other) const noexcept {
  if (size_ != other.size_) return false;
  unsigned differs = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    differs |= std::to_integer<unsigned>(data_[i] ^ other.data_[i]);
  }
  return differs == 0;
}

void protect_process() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // mlockall(2): under a limit, MCL_FUTURE would make later allocations fail instead of leaving them unlocked.
  // On fault: what is never touched need not be read in first.
  if (!may_lock_everything() || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
    log::debug("the memory of the process is not locked (see RLIMIT_MEMLOCK)");
  }
}

void bring_process_in() {
  if (may_lock_everything()) static_cast<void>(mlockall(MCL_CURRENT | MCL_FUTURE));
}

}  // namespace tclone
