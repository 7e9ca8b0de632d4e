// SPDX-License-Identifier: GPL-2.0-or-later
// The child is a fork without exec: an exec would need pages of a filesystem that may be the one suspended. Between
// fork(2) and _exit(2) it makes async-signal-safe calls only, allocates nothing, and holds two descriptors: the
// control device and one end of a socket pair. The parent's death shows as end of file on the socket.
#include "dm/guard.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <csignal>
#include <ctime>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/fd.h"
#include "base/secret.h"
#include "dm/child.h"

namespace tclone::dm {
namespace {

constexpr char kReady = 'r', kFired = 'f', kDone = 'd';
constexpr int kHandshakeMs = 5000;
constexpr int kPollMs = 60'000;  // poll(2) takes an int; a longer limit goes round
constexpr int kFarewellMs = 2000;

/// DM_DEV_SUSPEND without DM_SUSPEND_FLAG is a resume; resuming a device that runs is no error.
dm_ioctl resume_request(const DeviceNumber& device) {
  dm_ioctl request{};
  request.version[0] = DM_VERSION_MAJOR;
  request.data_size = sizeof request;
  request.data_start = sizeof request;
  // huge_encode_dev (linux/kdev_t.h); the kernel looks at `dev` when name and uuid are empty.
  request.dev =
      (device.minor & 0xff) | (std::uint64_t{device.major} << 8) | (std::uint64_t{device.minor & ~0xffU} << 12);
  return request;
}

std::int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

/// True when the parent said that all is well; false on its death or when time is over.
bool released_before(int socket, std::int64_t deadline) {
  for (;;) {
    const std::int64_t left = deadline - now_ms();
    if (left <= 0) return false;
    pollfd wait{socket, POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(left < kPollMs ? left : kPollMs)) <= 0) continue;
    char byte = 0;
    const ssize_t got = recv(socket, &byte, 1, 0);
    if (got == 1 && byte == kDone) return true;
    if (got == 0 || errno != EINTR) return false;
  }
}

/// Out of reach of a signal to the caller's process group, and last in line for the OOM killer.
void stand_apart() {
  setsid();
  prctl(PR_SET_NAME, "tclone-guard");
  const int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) {
    [[maybe_unused]] const ssize_t written = write(score, "-1000", 5);
    close(score);
  }
}

[[noreturn]] void guard_main(int control, int socket, std::vector<dm_ioctl>& requests, std::int64_t limit_ms) {
  close_all_but(control, socket);
  stand_apart();
  mlockall(MCL_CURRENT);  // also breaks copy-on-write now; where it may not lock, it still guards
  send(socket, &kReady, 1, MSG_NOSIGNAL);
  if (released_before(socket, now_ms() + limit_ms)) _exit(0);

  send(socket, &kFired, 1, MSG_NOSIGNAL);  // before the first resume: see fired()
  for (dm_ioctl& request : requests) {
    while (ioctl(control, DM_DEV_SUSPEND, &request) != 0 && errno == EINTR) {
    }
  }
  _exit(1);
}

class GuardProcess final : public DeviceMapper::Guard {
 public:
  GuardProcess(pid_t child, UniqueFd socket) noexcept : child_(child), socket_(std::move(socket)) {}
  GuardProcess(const GuardProcess&) = delete;
  GuardProcess& operator=(const GuardProcess&) = delete;

  ~GuardProcess() override {
    send(socket_.get(), &kDone, 1, MSG_NOSIGNAL);
    // Its end of the socket closes with it. A child stuck in a resume is not waited for: it dies when that ends.
    pollfd wait{socket_.get(), 0, 0};
    const bool ended = poll(&wait, 1, kFarewellMs) > 0;
    if (!ended) kill(child_, SIGKILL);
    while (waitpid(child_, nullptr, ended ? 0 : WNOHANG) < 0 && errno == EINTR) {
    }
  }

  [[nodiscard]] bool await_ready() {
    pollfd wait{socket_.get(), POLLIN, 0};
    int ready = 0;
    while ((ready = poll(&wait, 1, kHandshakeMs)) < 0 && errno == EINTR) {
    }
    char byte = 0;
    return ready > 0 && recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 1 && byte == kReady;
  }

  [[nodiscard]] bool fired() const override {
    char byte = 0;
    if (!fired_ && recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 1) fired_ = byte == kFired;
    return fired_;
  }

 private:
  pid_t child_;
  UniqueFd socket_;
  mutable bool fired_ = false;  // the byte can be read once only
};

}  // namespace

Result<std::unique_ptr<DeviceMapper::Guard>> start_guard(std::span<const DeviceNumber> devices,
                                                         std::chrono::milliseconds limit) {
  const std::string what = "guard process";
  std::vector<dm_ioctl> requests;
  for (auto device = devices.rbegin(); device != devices.rend(); ++device) requests.push_back(resume_request(*device));

  const UniqueFd control(open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control) return fail_errno(errno, "/dev/mapper/control", "cannot open it for the guard process");
  int pair[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail_errno(errno, what, "cannot make its socket");
  }
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);

  bring_process_in();
  // Blocked before the fork, so that no signal can end the child between its first instruction and its own mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = fork();
  if (child == 0) guard_main(control.get(), theirs.get(), requests, limit.count());
  const int sys = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return fail_errno(sys, what, "cannot start it");

  auto guard = std::make_unique<GuardProcess>(child, std::move(ours));
  if (!guard->await_ready()) return fail(Code::failed, what, "does not answer");
  return guard;
}

}  // namespace tclone::dm
