// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"

namespace tclone {

/// Bytes that nobody else may see: kept in pages of their own, locked (mlock), left out of core dumps (MADV_DONTDUMP), not
/// inherited by children (MADV_DONTFORK; the guard process of dm/ shares them while it lives), wiped before they are given
/// back. Move-only; it has no conversion to std::string and no stream operator on purpose.
class Secret {
 public:
  Secret() = default;
  /// `size` zero bytes. Error when the memory cannot be had; that it cannot be locked is only logged (once).
  [[nodiscard]] static Result<Secret> make(std::size_t size);
  [[nodiscard]] static Result<Secret> copy_of(std::span<const std::byte> bytes);
  /// `size` bytes from getrandom(2).
  [[nodiscard]] static Result<Secret> random(std::size_t size);

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_, size_}; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// For C interfaces that want char*.
  [[nodiscard]] const char* chars() const noexcept;
  /// Makes it shorter; what is cut off is wiped.
  void truncate(std::size_t size) noexcept;
  [[nodiscard]] bool same_as(const Secret& other) const noexcept;  ///< constant time for equal sizes

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;
};

/// Locks all memory of the process, now and later, as it comes into use, and forbids core dumps and ptrace by other users
/// (PR_SET_DUMPABLE 0, RLIMIT_CORE 0). Failing to lock is no error. For the start of the program.
void protect_process();

/// Reads in and locks every page of the process, for a time when the device that its program lies on may be suspended.
/// Where memory may not be locked, nothing.
void bring_process_in();

}  // namespace tclone
