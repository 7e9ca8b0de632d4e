// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/fd.h"

namespace tclone::lab::model {
namespace {

constexpr const char* kOutput = "/tmp/model-output";

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Ended run_program(const std::vector<std::string>& words, const std::vector<std::pair<std::string, std::string>>& env,
                  std::chrono::seconds limit) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::vector<std::string> args = words, variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  for (const auto& [name, value] : env) variables.push_back(name + "=" + value);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, kOutput, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t pid = 0;
  const int failed =
      ::posix_spawnp(&pid, args[0].c_str(), &files, nullptr, pointers(args).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return {127, false, args[0] + " cannot be started"};

  Ended out;
  // With a descriptor of the process no time is lost by polling for its end.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd end{process.get(), POLLIN, 0};
  const auto wait_ms = static_cast<int>(std::chrono::milliseconds(limit).count());
  if (process && ::poll(&end, 1, wait_ms) == 0) {
    out.too_slow = true;
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  out.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  // What it left to go on behind it (vaults made ahead, guards) comes to this process and ends before the next begins.
  for (const auto until = std::chrono::steady_clock::now() + limit; !out.too_slow;) {
    const pid_t left = ::waitpid(-1, nullptr, WNOHANG);
    if (left < 0) break;
    if (left == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    out.too_slow = std::chrono::steady_clock::now() > until;
  }
  std::ostringstream text;
  text << std::ifstream(kOutput).rdbuf();
  out.output = text.str();
  return out;
}

}  // namespace tclone::lab::model
