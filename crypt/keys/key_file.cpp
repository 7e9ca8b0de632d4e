// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "crypt/keys/files.h"
#include "crypt/keys/sources.h"

namespace tclone::crypt {
namespace {

constexpr std::size_t kKeyFileSize = 64;

std::string octal(mode_t mode) {
  std::string text = "0000";
  for (std::size_t i = 4; i-- > 0; mode >>= 3U) text[i] = static_cast<char>('0' + (mode & 7U));
  return text;
}

bool trusted_owner(uid_t owner) { return owner == 0 || owner == geteuid(); }

Status check_key_file(const struct stat& info, const std::string& path, const std::string& what) {
  if (!S_ISREG(info.st_mode)) return fail(Code::key, path, "the key of " + what + " must be a regular file");
  if (!trusted_owner(info.st_uid)) {
    return fail(Code::key, path, "the key file of " + what + " belongs to user " + std::to_string(info.st_uid),
                "chown root " + path);
  }
  if ((info.st_mode & 077U) != 0) {
    return fail(Code::key, path,
                "others may use the key file of " + what + " (mode " + octal(info.st_mode & 07777U) + ")",
                "chmod 600 " + path);
  }
  return {};
}

/// The folder, made with its parents if need be, as a descriptor that cannot be swapped for another.
Result<UniqueFd> open_folder(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return fail_errno(errno, path, "cannot make the folder of the key files");
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!folder || fstat(folder.get(), &info) != 0) {
    return fail_errno(errno, path, "cannot open the folder of the key files");
  }
  if (!trusted_owner(info.st_uid) || (info.st_mode & 022U) != 0) {
    return fail(Code::key, path,
                "others may write to the folder of the key files (mode " + octal(info.st_mode & 07777U) + ")",
                "chown root " + path + " && chmod 700 " + path);
  }
  if (made && !parent.empty()) {
    const UniqueFd above(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!above || fsync(above.get()) != 0) return fail_errno(errno, parent.string(), "cannot flush the folder");
  }
  return folder;
}

Status write_durably(int fd, std::span<const std::byte> bytes, const std::string& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail_errno(put < 0 ? errno : EIO, path, "cannot write the key file");
    done += static_cast<std::size_t>(put);
  }
  if (fsync(fd) != 0) return fail_errno(errno, path, "cannot flush the key file");
  return {};
}

}  // namespace

std::string KeyFolder::file_of(const Uuid& vault) const { return path + "/" + vault.text() + ".key"; }

Result<Secret> make_key_file(const KeyFolder& folder, const Uuid& vault) {
  const std::string path = folder.file_of(vault);
  const std::string name = vault.text() + ".key";
  const UniqueFd dir = TC_TRY(open_folder(folder.path));
  Secret key = TC_TRY(Secret::random(kKeyFileSize));
  const UniqueFd file(openat(dir.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    const int sys = errno;
    if (sys == EEXIST) return fail(Code::exists, path, "there is a key file already, and it is never overwritten");
    return fail_errno(sys, path, "cannot make the key file");
  }
  Status written = write_durably(file.get(), key.bytes(), path);
  if (written && fsync(dir.get()) != 0) written = fail_errno(errno, folder.path, "cannot flush the folder");
  if (!written) {
    unlinkat(dir.get(), name.c_str(), 0);
    return tl::unexpected(written.error());
  }
  return key;
}

Status remove_key_file(const KeyFolder& folder, const Uuid& vault) {
  const std::string path = folder.file_of(vault);
  const std::string name = vault.text() + ".key";
  // It is owed by an operation that has committed: until it is done the pool takes no other change.
  const std::string next = "remove the file, then `tclone recover`";
  const UniqueFd dir(open(folder.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir && errno == ENOENT) return {};
  if (!dir) return fail_errno(errno, folder.path, "cannot open the folder of the key files");
  struct stat info {};
  if (fstatat(dir.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Status{} : fail_errno(errno, path, "cannot look at the key file");
  }
  if (S_ISLNK(info.st_mode)) {
    log::warn(path + " is a link: it goes, but what it points to is not ours to destroy; it opens nothing any more");
  } else {
    const UniqueFd file(openat(dir.get(), name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file || fstat(file.get(), &info) != 0)
      return fail_errno(errno, path, "cannot open the key file to erase it", next);
    if (!S_ISREG(info.st_mode)) return fail(Code::failed, path, "the key file is not a regular file", next);
    // As good as a filesystem lets us: one that writes elsewhere (or an SSD) may keep the old bytes. What really
    // makes the vault unreadable is that its header is overwritten, by Luks::destroy.
    const auto size = std::clamp<std::size_t>(static_cast<std::size_t>(info.st_size), kKeyFileSize, kMaxSecretSize);
    const Secret noise = TC_TRY(Secret::random(size));
    TC_CHECK(write_durably(file.get(), noise.bytes(), path));
  }
  if (unlinkat(dir.get(), name.c_str(), 0) != 0) return fail_errno(errno, path, "cannot remove the key file", next);
  if (fsync(dir.get()) != 0) return fail_errno(errno, folder.path, "cannot flush the folder");
  return {};
}

Result<Secret> read_key_file(const std::string& path, const std::string& what) {
  // O_NONBLOCK: a fifo in place of the file must not hang us before fstat sees it.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) {
    const int sys = errno;
    return fail(Code::key, path, "cannot open the key file of " + what,
                sys == ENOENT ? "put the key file back where it was" : "", sys);
  }
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return fail_errno(errno, path, "cannot look at the key file of " + what);
  TC_CHECK(check_key_file(info, path, what));
  return read_to_end(file.get(), path);
}

namespace {
/// Null: there are none.
const char* credentials_folder() {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  return folder != nullptr && folder[0] == '/' ? folder : nullptr;
}
}  // namespace

bool has_credential(const std::string& name) {
  const char* folder = credentials_folder();
  return folder != nullptr && (access((std::string(folder) + "/" + name).c_str(), F_OK) == 0 || errno != ENOENT);
}

Result<Secret> read_credential(const std::string& name, const std::string& what) {
  const char* folder = credentials_folder();
  if (folder == nullptr) {
    return fail(Code::key, name, "there are no systemd credentials here to take the key of " + what + " from",
                "LoadCredentialEncrypted=" + name + " in the unit that runs tclone");
  }
  const std::string path = std::string(folder) + "/" + name;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0) {
    return fail(Code::key, path, "cannot open the credential with the key of " + what,
                "LoadCredentialEncrypted=" + name + " in the unit that runs tclone", errno);
  }
  if (!S_ISREG(info.st_mode)) return fail(Code::key, path, "the key of " + what + " must be a regular file");
  return read_to_end(file.get(), path);
}

}  // namespace tclone::crypt
