// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: signals that would end the program are held back while something outside of it has to be put right
// first (a terminal's echo, a command that runs).
#pragma once

#include <sys/signalfd.h>
#include <csignal>

#include <initializer_list>

#include "base/fd.h"

namespace tclone::crypt {

/// Holds the signals back while it lives; they are delivered when it goes. Those that the program ignores (nohup) stay ignored.
class HeldSignals {
 public:
  explicit HeldSignals(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) {
      struct sigaction now {};
      if (sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_IGN) sigaddset(&set, signal);
    }
    sigprocmask(SIG_BLOCK, &set, &before_);
    fd_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~HeldSignals() {
    fd_.reset();
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  /// Readable once one of them has come; -1 when it could not be made.
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

}  // namespace tclone::crypt
