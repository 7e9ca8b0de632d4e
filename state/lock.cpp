// SPDX-License-Identifier: GPL-2.0-or-later
// The lock file holds four lines for the message of whoever waits: the holder's pid, the start time of that process
// (so that a reused pid names nobody), when the lock was taken (milliseconds of CLOCK_BOOTTIME), and the command.
#include "state/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <thread>

#include "state/rules.h"

namespace tclone {
namespace {

using std::chrono::milliseconds;

std::string read_text(int fd) {
  std::array<char, 1024> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
}

std::int64_t boot_clock_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

/// Field 22 of /proc/<pid>/stat (proc(5)); empty when there is no such process.
std::string start_time(const std::string& pid) {
  const UniqueFd fd(::open(("/proc/" + pid + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  const std::string text = read_text(fd.get());
  // The second field is the program's name in parentheses, which may hold anything, so count from the last ')'.
  std::size_t at = text.rfind(')');
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  if (at == std::string::npos) return {};
  return text.substr(at + 1, text.find(' ', at + 1) - at - 1);
}

std::string take_line(std::string& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line = text.substr(0, end);
  text.erase(0, std::min(end + 1, text.size()));
  return line;
}

/// "process 812 (tclone publish db) for 3 s"; "another process" when the file does not tell for sure.
std::string holder(int fd) {
  std::string unknown = "another process";
  std::string text = read_text(fd);
  const std::string pid = take_line(text);
  const std::string started = take_line(text);
  const std::string since = take_line(text);
  const std::string command = take_line(text);
  if (pid.empty() || pid.find_first_not_of("0123456789") != std::string::npos || pid.size() > 10) return unknown;
  if (started.empty() || start_time(pid) != started) return unknown;
  std::int64_t taken = 0;
  std::from_chars(since.data(), since.data() + since.size(), taken);
  const std::int64_t seconds = std::max<std::int64_t>(0, (boot_clock_ms() - taken) / 1000);
  std::string out = "process " + pid;
  if (!command.empty() && state::wrong_line(command) == nullptr) out += " (" + command + ")";
  return out + " for " + std::to_string(seconds) + " s";
}

void write_holder(int fd, const std::string& command) {
  const std::string pid = std::to_string(::getpid());
  std::string clean = command.substr(0, 512);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c == '\n' || c == '\0'; }, ' ');
  const std::string text = pid + "\n" + start_time(pid) + "\n" + std::to_string(boot_clock_ms()) + "\n" + clean + "\n";
  // For the message only: the lock is held whether or not this can be written (a full /run, say).
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0) return;
}

Result<UniqueFd> open_lock_file(const std::string& path) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::open(path.c_str(), kFlags, 0600));
  if (!fd && errno == ENOENT) {
    const std::string folder = path.substr(0, path.rfind('/'));
    if (!folder.empty() && ::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno(errno, folder, "cannot make the folder of the lock file");
    fd.reset(::open(path.c_str(), kFlags, 0600));
  }
  if (!fd) return fail_errno(errno, path, "cannot open the lock file");
  return fd;
}

/// False when somebody removed or replaced the file meanwhile: such a lock keeps nobody out.
bool is_still(int fd, const std::string& path) {
  struct stat open_file {};
  struct stat named {};
  return ::fstat(fd, &open_file) == 0 && ::stat(path.c_str(), &named) == 0 && open_file.st_ino == named.st_ino &&
         open_file.st_dev == named.st_dev;
}

}  // namespace

Result<PoolLock> PoolLock::take(const std::string& path, const std::string& command, milliseconds deadline,
                                const std::function<bool()>& stop) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  UniqueFd fd = TC_TRY(open_lock_file(path));
  for (milliseconds nap{5};; nap = std::min(nap * 2, milliseconds{50})) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      if (is_still(fd.get(), path)) break;
      fd = TC_TRY(open_lock_file(path));
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno(errno, path, "cannot be locked");
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= milliseconds{0})
      return fail(Code::busy, path, "held by " + holder(fd.get()), "try again when it has finished");
    if (stop()) {
      return fail(Code::failed, path, "interrupted while it was held by " + holder(fd.get()), "nothing was changed");
    }
    std::this_thread::sleep_for(std::min(nap, left));
    if (!is_still(fd.get(), path)) fd = TC_TRY(open_lock_file(path));
  }
  write_holder(fd.get(), command);
  return PoolLock(std::move(fd));
}

Result<PoolLock> PoolLock::look(const std::string& path) {
  UniqueFd fd = TC_TRY(open_lock_file(path));
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return PoolLock(std::move(fd));
  if (errno != EWOULDBLOCK) return fail_errno(errno, path, "cannot be locked");
  return fail(Code::busy, path, "held by " + holder(fd.get()), "try again when it has finished");
}

PoolLock::~PoolLock() {
  // Emptied before it is let go, so that a waiter does not read this name while the next holder writes its own.
  if (fd_ && ::ftruncate(fd_.get(), 0) != 0) return;
}

}  // namespace tclone
