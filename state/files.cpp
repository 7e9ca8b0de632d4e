// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string_view>

#include "state/store.h"

namespace tclone::state {
namespace {

std::atomic<std::uint64_t> durable_count{0};

/// Where a file is. Its folder was not reached through a symbolic link (Folder); its name is for O_NOFOLLOW to guard.
struct Place {
  int folder = -1;
  std::string name;
  [[nodiscard]] std::string temp() const { return "." + name + ".tmp"; }
};

Result<Place> place_of(const Folder& folder, const std::string& path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) return Place{folder.fd(), path};
  if (path.find('/', slash + 1) != std::string::npos) return fail(Code::usage, path, "is no file of the store");
  return Place{TC_TRY(folder.below(path.substr(0, slash))), path.substr(slash + 1)};
}

Status write_all(int fd, const std::string& text, const std::string& shown) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(fd, text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail_errno(put < 0 ? errno : EIO, shown, "cannot be written");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<UniqueFd> write_temp_open(const Folder& folder, const std::string& path, const std::string& text) {
  const Place place = TC_TRY(place_of(folder, path));
  const std::string temp = place.temp();
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::openat(place.folder, temp.c_str(), kFlags, 0600));
  if (!fd && errno == EEXIST) {
    // Left by a crash: a new file rather than a truncated one, so that whatever it is it is not written through.
    if (::unlinkat(place.folder, temp.c_str(), 0) != 0) return fail_errno(errno, path, "cannot remove its temp file");
    fd.reset(::openat(place.folder, temp.c_str(), kFlags, 0600));
  }
  if (!fd) return fail_errno(errno, path, "cannot create its temp file");
  TC_CHECK(write_all(fd.get(), text, path));
  return fd;
}

Status counted(int result, const std::string& shown) {
  count_durable_write();
  if (result != 0) return fail_errno(errno, shown, "cannot be made durable");
  return {};
}

}  // namespace

Result<int> Folder::below(const std::string& name) const {
  if (const auto found = below_.find(name); found != below_.end()) return found->second.get();
  UniqueFd fd(::openat(fd_.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(errno, name, "cannot open the folder");
  return below_.emplace(name, std::move(fd)).first->second.get();
}

void count_durable_write() noexcept { durable_count.fetch_add(1, std::memory_order_relaxed); }
Status sync_file(int fd, const std::string& shown) { return counted(::fsync(fd), shown); }
Status sync_data(int fd, const std::string& shown) { return counted(::fdatasync(fd), shown); }
// Since Linux 5.8 syncfs reports an error of writing back anything since the descriptor was opened (syncfs(2)).
Status sync_filesystem(int fd, const std::string& shown) { return counted(::syncfs(fd), shown); }

Result<std::string> read_open(int fd, std::uint64_t size, const std::string& shown) {
  std::string text(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(fd, text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, shown, "cannot be read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

Result<std::string> read_whole(const Folder& folder, const std::string& path) {
  const Place place = TC_TRY(place_of(folder, path));
  // O_NONBLOCK: opening a fifo somebody put there must not hang.
  const UniqueFd fd(::openat(place.folder, place.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ELOOP) return fail(Code::damaged, path, "is a symbolic link, not a record");
  struct stat st {};
  if (!fd) {
    const int sys = errno;  // a socket cannot be opened, nor a device where the mount has nodev
    const bool other = sys != ENOENT && ::fstatat(place.folder, place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                       !S_ISREG(st.st_mode);
    if (other) return fail(Code::damaged, path, "is no regular file");
    return fail_errno(sys, path, sys == ENOENT ? "there is no such record" : "cannot be opened");
  }
  if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, path, "cannot be examined");
  if (!S_ISREG(st.st_mode)) return fail(Code::damaged, path, "is no regular file");
  if (st.st_size < 0 || static_cast<std::uint64_t>(st.st_size) > kMostFileBytes)
    return fail(Code::damaged, path, "is larger than any record (16 MiB)");
  return read_open(fd.get(), static_cast<std::uint64_t>(st.st_size), path);
}

bool is_there(const Folder& folder, const std::string& path) {
  const Result<Place> place = place_of(folder, path);
  struct stat st {};
  return place && ::fstatat(place->folder, place->name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

Status write_temp(const Folder& folder, const std::string& path, const std::string& text) {
  TC_TRY(write_temp_open(folder, path, text));
  return {};
}

Status write_temp_durably(const Folder& folder, const std::string& path, const std::string& text) {
  const UniqueFd fd = TC_TRY(write_temp_open(folder, path, text));
  return sync_file(fd.get(), path);
}

Status publish_temp(const Folder& folder, const std::string& path) {
  const Place place = TC_TRY(place_of(folder, path));
  if (::renameat(place.folder, place.temp().c_str(), place.folder, place.name.c_str()) != 0)
    return fail_errno(errno, path, "cannot be replaced");
  return {};
}

void remove_temp(const Folder& folder, const std::string& path) noexcept {
  const Result<Place> place = place_of(folder, path);
  if (place) ::unlinkat(place->folder, place->temp().c_str(), 0);
}

Status remove_file(const Folder& folder, const std::string& path) {
  const Place place = TC_TRY(place_of(folder, path));
  if (::unlinkat(place.folder, place.name.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno(errno, path, "cannot be removed");
  return {};
}

Status make_folder(const Folder& folder, const std::string& name) {
  if (::mkdirat(folder.fd(), name.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, name, "cannot make the folder");
  return {};
}

Result<std::vector<std::string>> list_toml(const Folder& folder, const std::string& name) {
  constexpr std::string_view kSuffix = ".toml";
  const int fd = ::openat(folder.fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, name, "cannot open the folder");
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(fd), [](DIR* d) { return ::closedir(d); });
  if (!dir) {
    const int why = errno;
    ::close(fd);
    return fail_errno(why, name, "cannot list the folder");
  }
  std::vector<std::string> stems;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    const std::string_view file = entry->d_name;
    if (file[0] == '.' || !file.ends_with(kSuffix)) continue;
    stems.emplace_back(file.substr(0, file.size() - kSuffix.size()));
  }
  if (errno != 0) return fail_errno(errno, name, "cannot list the folder");
  return stems;
}

}  // namespace tclone::state

namespace tclone {
std::uint64_t durable_writes() noexcept { return state::durable_count.load(std::memory_order_relaxed); }
}  // namespace tclone
