// SPDX-License-Identifier: GPL-2.0-or-later
// The guard is a process of its own in this one's memory (clone(2) with CLONE_VM, as posix_spawn(3) begins): when this one is
// killed the memory stays for as long as the guard needs it, all of it locked, so that no page of it has to be read from a
// filesystem that may be the one suspended. A fork would have to copy what either writes to, and then read in and lock all
// anew: 8 ms in user-mode Linux instead of 1. It is a fork all the same where the OOM killer may not be told to spare both.
//
// From its start to its end the guard makes system calls only, allocates nothing, and holds two descriptors: the control
// device and one end of a socket pair. This one's death shows as end of file on the socket. errno they share: until the guard
// fires none of its calls fails but while this one waits for it with all signals blocked, and once it fires all is void.
// Before Linux 5.16 a core dump of one kills all that share its memory: protect_process() forbids it.
#include "dm/guard.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
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
constexpr const char* kWhat = "guard process";

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

/// The OOM killer ends every process that shares the memory of the one it chooses: as long as there is a guard it shall choose
/// neither. That takes CAP_SYS_RESOURCE.
class OomExempt {
 public:
  OomExempt() {
    const UniqueFd file(open(kScore, O_RDONLY | O_CLOEXEC));
    if (!file) return;
    const ssize_t got = read(file.get(), before_.data(), before_.size());
    if (got > 0 && set("-1000", 5)) length_ = static_cast<std::size_t>(got);
  }
  ~OomExempt() {
    if (length_ > 0) set(before_.data(), length_);
  }
  OomExempt(const OomExempt&) = delete;
  OomExempt& operator=(const OomExempt&) = delete;
  [[nodiscard]] bool granted() const { return length_ > 0; }

 private:
  static constexpr const char* kScore = "/proc/self/oom_score_adj";
  static bool set(const char* text, std::size_t length) {
    const UniqueFd file(open(kScore, O_WRONLY | O_CLOEXEC));
    return file && write(file.get(), text, length) == static_cast<ssize_t>(length);
  }
  std::array<char, 16> before_{};
  std::size_t length_ = 0;
};

/// What the guard reads and writes, its stack included: there for as long as it lives.
struct Watch {
  static constexpr std::size_t kStack = 32UL * 1024;
  int control = -1, socket = -1;
  bool shared = true;  ///< its memory with its parent
  std::int64_t limit_ms = 0;
  std::vector<dm_ioctl> requests;
  void* stack = MAP_FAILED;

  Watch() : stack(mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  ~Watch() {
    if (stack != MAP_FAILED) munmap(stack, kStack);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  /// It grows downwards.
  [[nodiscard]] void* top() const { return static_cast<char*>(stack) + kStack; }
};

int guard_main(void* argument) {
  Watch& it = *static_cast<Watch*>(argument);
  close_all_but(it.control, it.socket);
  setsid();  // out of reach of a signal to the caller's process group
  prctl(PR_SET_NAME, "tclone-guard");
  if (!it.shared) mlockall(MCL_CURRENT);  // also breaks copy-on-write now; where it may not lock, it still guards
  send(it.socket, &kReady, 1, MSG_NOSIGNAL);
  if (released_before(it.socket, now_ms() + it.limit_ms)) _exit(0);

  send(it.socket, &kFired, 1, MSG_NOSIGNAL);  // before the first resume: see fired()
  for (dm_ioctl& request : it.requests) {
    while (ioctl(it.control, DM_DEV_SUSPEND, &request) != 0 && errno == EINTR) {
    }
  }
  _exit(1);
}

class GuardProcess final : public DeviceMapper::Guard {
 public:
  GuardProcess(UniqueFd socket, std::unique_ptr<Watch> watch) noexcept
      : socket_(std::move(socket)), watch_(std::move(watch)) {}
  GuardProcess(const GuardProcess&) = delete;
  GuardProcess& operator=(const GuardProcess&) = delete;

  ~GuardProcess() override {
    if (child_ <= 0) return;
    send(socket_.get(), &kDone, 1, MSG_NOSIGNAL);
    // Its end of the socket closes with it. A child stuck in a resume is not waited for: it dies when that ends.
    pollfd wait{socket_.get(), 0, 0};
    const bool ended = poll(&wait, 1, kFarewellMs) > 0;
    if (!ended) kill(child_, SIGKILL);
    pid_t gone = 0;
    while ((gone = waitpid(child_, nullptr, ended ? 0 : WNOHANG)) < 0 && errno == EINTR) {
    }
    if (gone != child_) static_cast<void>(watch_.release());  // it is still at work there
  }

  [[nodiscard]] Status start() {
    watch_->shared = oom_exempt_.granted();
    child_ = clone(guard_main, watch_->top(), (watch_->shared ? CLONE_VM : 0) | SIGCHLD, watch_.get());
    if (child_ < 0) return fail_errno(errno, kWhat, "cannot start it");
    return await_ready() ? Status{} : fail(Code::failed, kWhat, "does not answer");
  }

  [[nodiscard]] bool fired() const override {
    char byte = 0;
    if (!fired_ && recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 1) fired_ = byte == kFired;
    return fired_;
  }

 private:
  [[nodiscard]] bool await_ready() {
    pollfd wait{socket_.get(), POLLIN, 0};
    int ready = 0;
    while ((ready = poll(&wait, 1, kHandshakeMs)) < 0 && errno == EINTR) {
    }
    char byte = 0;
    return ready > 0 && recv(socket_.get(), &byte, 1, MSG_DONTWAIT) == 1 && byte == kReady;
  }

  pid_t child_ = -1;
  UniqueFd socket_;
  std::unique_ptr<Watch> watch_;
  OomExempt oom_exempt_;
  mutable bool fired_ = false;  // the byte can be read once only
};

}  // namespace

Result<std::unique_ptr<DeviceMapper::Guard>> start_guard(std::span<const DeviceNumber> devices,
                                                         std::chrono::milliseconds limit) {
  auto watch = std::make_unique<Watch>();
  if (watch->stack == MAP_FAILED) return fail_errno(errno, kWhat, "no memory for its stack");
  for (auto device = devices.rbegin(); device != devices.rend(); ++device)
    watch->requests.push_back(resume_request(*device));
  watch->limit_ms = limit.count();

  const UniqueFd control(open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control) return fail_errno(errno, "/dev/mapper/control", "cannot open it for the guard process");
  int pair[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail_errno(errno, kWhat, "cannot make its socket");
  }
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  watch->control = control.get();
  watch->socket = theirs.get();

  auto guard = std::make_unique<GuardProcess>(std::move(ours), std::move(watch));
  bring_process_in();
  // Blocked until it is ready: no signal ends it before, nor interrupts the wait for it, whose errno it shares.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const Status started = guard->start();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) return tl::unexpected(started.error());
  return guard;
}

}  // namespace tclone::dm
