// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/keys/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tclone::crypt {
namespace {
constexpr std::size_t kFirstSize = 4096;
}

Result<std::size_t> SecretBuffer::read_from(int fd, const std::string& object) {
  if (used_ > kMaxSecretSize) return fail(Code::key, object, "the key is larger than 8 MiB");
  if (used_ == bytes_.size()) {
    Secret larger = TC_TRY(Secret::make(std::clamp(used_ * 4, kFirstSize, kMaxSecretSize + 1)));
    if (used_ > 0) std::memcpy(larger.bytes().data(), bytes_.bytes().data(), used_);
    bytes_ = std::move(larger);
  }
  ssize_t got = 0;
  do {
    got = read(fd, bytes_.bytes().data() + used_, bytes_.size() - used_);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno(errno, object, "cannot read the key");
  used_ += static_cast<std::size_t>(got);
  if (used_ > kMaxSecretSize) return fail(Code::key, object, "the key is larger than 8 MiB");
  return static_cast<std::size_t>(got);
}

Secret SecretBuffer::take() {
  bytes_.truncate(std::exchange(used_, 0));
  return std::exchange(bytes_, Secret{});
}

Result<Secret> read_to_end(int fd, const std::string& object) {
  SecretBuffer buffer;
  while (TC_TRY(buffer.read_from(fd, object)) > 0) {
  }
  return buffer.take();
}

void strip_newline(Secret& secret) {
  if (!secret.empty() && secret.bytes().back() == std::byte{'\n'}) secret.truncate(secret.size() - 1);
}

Status sync_file_and_folder(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || fsync(file.get()) != 0) return fail_errno(errno, path, "cannot flush the file");
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
  const UniqueFd dir(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir || fsync(dir.get()) != 0) return fail_errno(errno, folder, "cannot flush the folder");
  return {};
}

}  // namespace tclone::crypt
