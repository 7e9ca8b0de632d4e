// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: reading bytes into a Secret, and making files durable.
#pragma once

#include <cstddef>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/secret.h"

namespace tclone::crypt {

/// What cryptsetup takes as a key file at most, by default.
constexpr std::size_t kMaxSecretSize = 8ULL * 1024 * 1024;

/// Collects bytes of unknown number; never leaves a copy behind when it grows.
class SecretBuffer {
 public:
  /// Reads once from `fd` (EINTR repeated): the number of bytes, 0 at the end. EAGAIN and other failures come back
  /// in `sys` of the Error; more than kMaxSecretSize is Code::key.
  [[nodiscard]] Result<std::size_t> read_from(int fd, const std::string& object);
  /// What was collected; the buffer is empty afterwards.
  [[nodiscard]] Secret take();

 private:
  Secret bytes_;
  std::size_t used_ = 0;
};

/// Everything up to the end of the file.
[[nodiscard]] Result<Secret> read_to_end(int fd, const std::string& object);

/// Takes one "\n" off the end, if there is one: what a line-minded program or person appends.
void strip_newline(Secret& secret);

/// fsync of an existing file and of the folder it is in.
[[nodiscard]] Status sync_file_and_folder(const std::string& path);

}  // namespace tclone::crypt
