// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: a LUKS2 header in memory that libcryptsetup takes for a device.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace tclone::crypt {

/// kHeaderSize bytes in memory that stays out of the swap area: a stale copy of key slots is nowhere. All zero at first.
class HeaderFile {
 public:
  HeaderFile() = default;
  ~HeaderFile();
  HeaderFile(const HeaderFile&) = delete;
  HeaderFile& operator=(const HeaderFile&) = delete;

  /// Once, before anything else. `what` is whose header it is, for the error.
  [[nodiscard]] Status make(const std::string& what);
  [[nodiscard]] std::span<std::byte> bytes() const noexcept;
  /// A name of this process only, good as long as the object lives.
  [[nodiscard]] std::string path() const;

 private:
  UniqueFd fd_;
  void* map_ = nullptr;
};

}  // namespace tclone::crypt
