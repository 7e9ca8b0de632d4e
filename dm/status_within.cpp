// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/status_within.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/fd.h"
#include "dm/child.h"
#include "dm/query.h"

namespace tclone::dm {
namespace {

/// A request and its answer in one buffer, as the kernel wants it (linux/dm-ioctl.h): the head, then of each target a
/// dm_target_spec with its text behind it. The one target of a thin or a thin-pool has some 200 bytes.
struct Exchange {
  dm_ioctl head{};
  alignas(8) char data[2048]{};
};

/// What the child says through the pipe, in one write, which is whole because it is shorter than PIPE_BUF.
struct Answer {
  int error = 0;
  char type[DM_MAX_TYPE_NAME]{};
  char params[sizeof Exchange::data]{};
};

[[noreturn]] void ask(int control, int pipe, Exchange& exchange, Answer& answer) {
  close_all_but(control, pipe);
  prctl(PR_SET_NAME, "tclone-look");
  if (ioctl(control, DM_TABLE_STATUS, &exchange) != 0) {
    answer.error = errno;
  } else if (exchange.head.target_count > 1 || (exchange.head.flags & DM_BUFFER_FULL_FLAG) != 0) {
    answer.error = ENODATA;
  } else if (exchange.head.target_count == 1) {
    dm_target_spec spec{};
    std::memcpy(&spec, exchange.data, sizeof spec);
    std::memcpy(answer.type, spec.target_type, sizeof answer.type - 1);
    std::memcpy(answer.params, exchange.data + sizeof spec, sizeof answer.params - sizeof spec - 1);
  }
  _exit(write(pipe, &answer, sizeof answer) == sizeof answer ? 0 : 1);
}

}  // namespace

Result<std::string> status_within(const std::string& name, const std::string& type, std::chrono::milliseconds limit) {
  const UniqueFd control(open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control) return fail_errno(errno, "/dev/mapper/control", "cannot open it");
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, name, "cannot make a pipe");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);

  Exchange exchange;
  exchange.head.version[0] = DM_VERSION_MAJOR;
  exchange.head.data_size = sizeof exchange;
  exchange.head.data_start = offsetof(Exchange, data);
  exchange.head.flags = DM_NOFLUSH_FLAG;
  if (name.size() >= sizeof exchange.head.name) return fail(Code::usage, name, "is too long for a device");
  std::memcpy(exchange.head.name, name.c_str(), name.size());
  Answer answer;

  const pid_t child = fork();
  if (child < 0) return fail_errno(errno, name, "cannot start a process to ask for its status");
  if (child == 0) ask(control.get(), theirs.get(), exchange, answer);
  theirs.reset();

  pollfd wait{ours.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&wait, 1, static_cast<int>(limit.count()));
  } while (ready < 0 && errno == EINTR);
  const bool answered = ready > 0 && read(ours.get(), &answer, sizeof answer) == sizeof answer;
  if (ready <= 0) kill(child, SIGKILL);
  while (waitpid(child, nullptr, ready > 0 ? 0 : WNOHANG) < 0 && errno == EINTR) {
  }
  if (ready <= 0) return fail(Code::busy, name, "the kernel did not report its status in time; it is waiting for I/O");
  if (!answered) return fail(Code::failed, name, "its status could not be asked for");
  if (answer.error != 0) return fail_errno(answer.error, name, "cannot read its status");
  if (answer.type != type) return query::another_type(name, type, answer.type);
  return std::string(answer.params);
}

}  // namespace tclone::dm
