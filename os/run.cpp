// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the few programs whose work has no library: no shell, nothing inherited.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/fd.h"
#include "base/log.h"
#include "os/filesystem.h"

namespace tclone::os {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKept = std::size_t{64} * 1024;  ///< of the output, its end
constexpr const char* kSystemPath = "/usr/sbin:/usr/bin:/sbin:/bin";
constexpr auto kGrace = std::chrono::seconds(5);  ///< for a killed child to go away

const char* package_of(std::string_view program) {
  constexpr std::array<std::array<std::string_view, 2>, 13> kPackages{{{"mkfs.ext4", "e2fsprogs"},
                                                                       {"resize2fs", "e2fsprogs"},
                                                                       {"e2fsck", "e2fsprogs"},
                                                                       {"tune2fs", "e2fsprogs"},
                                                                       {"mkfs.xfs", "xfsprogs"},
                                                                       {"xfs_growfs", "xfsprogs"},
                                                                       {"xfs_repair", "xfsprogs"},
                                                                       {"xfs_admin", "xfsprogs"},
                                                                       {"modprobe", "kmod"},
                                                                       {"thin_check", "thin-provisioning-tools"},
                                                                       {"thin_delta", "thin-provisioning-tools"},
                                                                       {"thin_ls", "thin-provisioning-tools"},
                                                                       {"thin_dump", "thin-provisioning-tools"}}};
  for (const auto& [name, package] : kPackages) {
    if (name == program) return package.data();
  }
  return nullptr;
}

/// The absolute path of a program, or "". Relative entries of PATH are skipped: the working folder is nobody's
/// business here.
std::string locate(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0 ? program : "";
  const char* own = std::getenv("PATH");
  const std::string path = std::string(own == nullptr ? "" : own) + ":" + kSystemPath;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    std::string candidate = path.substr(at, end - at) + "/" + program;
    if (path[at] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return {};
}

/// What posix_spawn wants, freed on every way out.
struct SpawnSetup {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }

  /// Its own process group, so that Ctrl-C on the terminal does not end a mkfs half way: the caller decides.
  [[nodiscard]] int prepare(int output) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    const auto flags = static_cast<short>(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int rc = posix_spawnattr_setflags(&attributes, flags);
    if (rc == 0) rc = posix_spawnattr_setpgroup(&attributes, 0);
    if (rc == 0) rc = posix_spawnattr_setsigmask(&attributes, &none);
    if (rc == 0) rc = posix_spawnattr_setsigdefault(&attributes, &all);
    if (rc == 0) rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0) rc = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (rc == 0) rc = posix_spawn_file_actions_adddup2(&actions, output, 2);
    // Libraries open descriptors of their own, not all of them close-on-exec.
    if (rc == 0) rc = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    return rc;
  }
};

void keep_tail(std::string& text, std::string_view more) {
  text.append(more);
  if (text.size() > 2 * kKept) text.erase(0, text.size() - kKept);
}

/// Reads what is there without waiting; false at the end of the file.
bool drain(int fd, std::string& text) {
  std::array<char, 8192> buffer{};
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0) keep_tail(text, {buffer.data(), static_cast<std::size_t>(n)});
    if (n == 0) return false;
    if (n < 0 && errno != EINTR) return errno == EAGAIN;
  }
}

int milliseconds_left(Clock::time_point deadline, bool limited) {
  if (!limited) return -1;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left + 1, 0, 3'600'000));
}

/// Collects output until the child is gone; false when the deadline came first. A grandchild that keeps the pipe
/// open does not hold this up.
bool wait_for_end(int pidfd, int pipe, std::string& text, Clock::time_point deadline, bool limited) {
  bool open = true;
  for (;;) {
    std::array<pollfd, 2> fds{{{pidfd, POLLIN, 0}, {open ? pipe : -1, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), milliseconds_left(deadline, limited));
    if (fds[1].revents != 0) open = drain(pipe, text);
    if (ready > 0 && fds[0].revents != 0) {
      if (open) static_cast<void>(drain(pipe, text));
      return true;
    }
    if (limited && Clock::now() >= deadline) return false;
  }
}

int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

std::string last_lines(const std::string& text) {
  std::string_view rest(text);
  while (!rest.empty() && (rest.back() == '\n' || rest.back() == ' ')) rest.remove_suffix(1);
  constexpr std::size_t kMost = 400;
  if (rest.size() > kMost) rest.remove_prefix(rest.size() - kMost);
  std::string out;
  for (const char c : rest) {
    const bool blank = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (!blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  return out;
}

std::string joined(const std::vector<std::string>& argv) {
  std::string out;
  for (const auto& word : argv) out += (out.empty() ? "" : " ") + word;
  return out;
}

Result<Output> finish(const std::string& program, int raw_status, std::string text) {
  if (text.size() > kKept) text.erase(0, text.size() - kKept);
  if (raw_status == -1) return fail(Code::failed, program, "how it ended could not be found out");
  if (WIFSIGNALED(raw_status)) {
    return fail(Code::failed, program, std::string("ended by signal ") + ::strsignal(WTERMSIG(raw_status)));
  }
  return Output{WEXITSTATUS(raw_status), std::move(text)};
}

struct Child {
  pid_t pid = -1;
  UniqueFd handle;  ///< pidfd
  UniqueFd output;
};

Result<Child> start(const std::vector<std::string>& argv, const std::string& path) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, argv[0], "no pipe for its output");
  Child child;
  child.output.reset(ends[0]);
  const UniqueFd writing(ends[1]);
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, argv[0], "no pipe for its output");

  std::vector<std::string> words(argv);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string search = std::string("PATH=") + kSystemPath;
  std::string language = "LANG=C";
  std::array<char*, 3> environment{search.data(), language.data(), nullptr};

  SpawnSetup setup;
  int rc = setup.prepare(writing.get());
  if (rc == 0)
    rc = ::posix_spawn(&child.pid, path.c_str(), &setup.actions, &setup.attributes, arguments.data(),
                       environment.data());
  if (rc != 0) return fail_errno(rc, argv[0], "cannot be started");
  child.handle.reset(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  if (!child.handle) {
    const int sys = errno;
    ::kill(-child.pid, SIGKILL);
    reap(child.pid);
    return fail_errno(sys, argv[0], "cannot be watched");
  }
  return child;
}

}  // namespace

Result<Output> run_status(const std::vector<std::string>& argv, int timeout_seconds) {
  if (argv.empty()) return fail(Code::usage, {}, "no program to run");
  const std::string path = locate(argv[0]);
  if (path.empty()) {
    const char* package = package_of(argv[0]);
    return fail(Code::kernel, argv[0], "this program is not installed",
                package == nullptr ? "" : "install the package " + std::string(package));
  }
  log::debug("run: " + joined(argv));
  const Child child = TC_TRY(start(argv, path));
  const bool limited = timeout_seconds > 0;
  std::string text;
  if (wait_for_end(child.handle.get(), child.output.get(), text, Clock::now() + std::chrono::seconds(timeout_seconds),
                   limited)) {
    return finish(argv[0], reap(child.pid), std::move(text));
  }
  ::kill(-child.pid, SIGKILL);
  // A child in uninterruptible sleep outlives SIGKILL; it must not take the caller with it.
  if (wait_for_end(child.handle.get(), child.output.get(), text, Clock::now() + kGrace, true)) reap(child.pid);
  const std::string said = last_lines(text);
  return fail(Code::failed, argv[0],
              "not done after " + std::to_string(timeout_seconds) + " seconds, killed" +
                  (said.empty() ? "" : "; it said: " + said));
}

Result<Output> run(const std::vector<std::string>& argv, int timeout_seconds) {
  auto output = TC_TRY(run_status(argv, timeout_seconds));
  if (output.status != 0) {
    const std::string said = last_lines(output.text);
    return fail(Code::failed, argv[0],
                "ended with status " + std::to_string(output.status) + (said.empty() ? "" : ": " + said));
  }
  return output;
}

}  // namespace tclone::os
