// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/offspring.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <csignal>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

namespace tclone::crypt {
namespace {

/// Those that are not reaped yet included. libcryptsetup's threads, which could have children of their own, have none.
std::vector<pid_t> children() {
  std::vector<pid_t> out;
  std::ifstream list("/proc/thread-self/children");
  for (pid_t pid = 0; list >> pid;) out.push_back(pid);
  return out;
}

}  // namespace

Offspring::Offspring() : before_(children()) {
  int reaper = 0;
  was_reaper_ = prctl(PR_GET_CHILD_SUBREAPER, &reaper) == 0 && reaper != 0;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Offspring::~Offspring() {
  if (!was_reaper_) prctl(PR_SET_CHILD_SUBREAPER, 0);
}

void Offspring::kill_all(pid_t command) const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  bool command_left = true;
  while (std::chrono::steady_clock::now() < end) {
    std::vector<pid_t> left = children();
    std::erase_if(left, [&](pid_t pid) { return std::find(before_.begin(), before_.end(), pid) != before_.end(); });
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
