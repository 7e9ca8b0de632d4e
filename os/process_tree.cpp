// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/process_tree.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace tclone::crypt {
namespace {

/// Of a thread. Those that are not reaped yet included.
std::vector<pid_t> listed(const std::filesystem::path& thread) {
  std::vector<pid_t> out;
  std::ifstream list(thread / "children");
  for (pid_t pid = 0; list >> pid;) out.push_back(pid);
  return out;
}

/// Ours. libcryptsetup's threads, which could have children of their own, have none.
std::vector<pid_t> children() { return listed("/proc/thread-self"); }

/// A process is stopped while its children are looked for, so that it starts no other; and it cannot reap one then, whose pid
/// thus stays its own until it is killed, too.
void kill_tree(pid_t pid) {
  kill(pid, SIGSTOP);
  std::error_code ignored;
  const std::string threads = "/proc/" + std::to_string(pid) + "/task";
  for (std::filesystem::directory_iterator it(threads, ignored), end; !ignored && it != end; it.increment(ignored)) {
    for (const pid_t child : listed(it->path())) kill_tree(child);
  }
  kill(pid, SIGKILL);
}

}  // namespace

ProcessTree::ProcessTree() : alone_(getpid() != 1 && children().empty()) {
  int reaper = 0;
  was_reaper_ = prctl(PR_GET_CHILD_SUBREAPER, &reaper) == 0 && reaper != 0;
  if (alone_) prctl(PR_SET_CHILD_SUBREAPER, 1);
}

ProcessTree::~ProcessTree() {
  if (alone_ && !was_reaper_) prctl(PR_SET_CHILD_SUBREAPER, 0);
}

void ProcessTree::kill_all(pid_t command) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  if (!alone_) kill_tree(command);
  bool command_left = true;
  while (std::chrono::steady_clock::now() < end) {
    std::vector<pid_t> left;
    if (alone_) left = children();
    if (command_left && std::find(left.begin(), left.end(), command) == left.end()) left.push_back(command);
    if (left.empty()) return;
    for (const pid_t pid : left) {
      kill(pid, SIGKILL);
      if (waitpid(pid, nullptr, WNOHANG) != 0 && pid == command) command_left = false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace tclone::crypt
