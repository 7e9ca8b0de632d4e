// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <cerrno>

#include "crypt/keys/files.h"
#include "crypt/keys/sources.h"
#include "crypt/luks/held_signals.h"
#include "os/process_tree.h"

namespace tclone::crypt {
namespace {

using Clock = std::chrono::steady_clock;

/// A running command. It is never left behind, nor is what it has started, unless it has ended by itself: what it then
/// leaves in the background (gpg-agent) it may have meant to.
class Child {
 public:
  Child(pid_t pid, const ProcessTree& process_tree)
      : pid_(pid), pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))), process_tree_(process_tree) {}
  ~Child() {
    if (pid_ > 0) process_tree_.kill_all(pid_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Readable once the command is gone; -1 on kernels and sandboxes without pidfd_open(2).
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// True when it is gone; status() is then valid.
  bool gone() {
    if (pid_ <= 0) return true;
    pid_t got = 0;
    do {
      got = waitpid(pid_, &status_, WNOHANG);
    } while (got < 0 && errno == EINTR);
    if (got == 0) return false;
    if (got < 0) status_ = -1;
    pid_ = 0;
    return true;
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
  const ProcessTree& process_tree_;
  int status_ = -1;
};

/// A command that is killed while it asks on the terminal cannot switch the echo on again.
class Terminal {
 public:
  Terminal()
      : tty_(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)), known_(tty_ && tcgetattr(tty_.get(), &before_) == 0) {}
  /// Not from the background: that would stop us (SIGTTOU), and the terminal is somebody else's then.
  void restore() const {
    if (known_ && tcgetpgrp(tty_.get()) == getpgrp()) tcsetattr(tty_.get(), TCSADRAIN, &before_);
  }

 private:
  UniqueFd tty_;
  termios before_{};
  bool known_;
};

struct Started {
  pid_t pid = 0;
  UniqueFd out;
};

/// posix_spawn, not fork: the parent's memory is locked, and copying its tables would cost more than the command.
Result<Started> start(const std::vector<std::string>& words, const std::string& object) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, object, "cannot make a pipe");
  UniqueFd out(ends[0]);
  const UniqueFd in(ends[1]);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t set;
  sigemptyset(&set);
  posix_spawnattr_setsigmask(&attributes, &set);
  sigaddset(&set, SIGPIPE);
  sigaddset(&set, SIGCHLD);
  posix_spawnattr_setsigdefault(&attributes, &set);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  // The command stays in our process group: it may have to ask somebody on the terminal (offspring.h).
  const int r = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (r != 0) return fail(Code::key, object, "the key command cannot be started", "", r);
  fcntl(out.get(), F_SETFL, O_NONBLOCK);
  Started started;
  started.pid = pid;
  started.out = std::move(out);
  return started;
}

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 1'000'000));
}

/// Reads until the command has closed its output, or is gone and nothing is left to read (what it started in the
/// background may keep the pipe open). Error after `end`, and when a signal has come.
Status collect(SecretBuffer& buffer, Child& child, int out, int signals, Clock::time_point end,
               const std::string& object) {
  bool open = true;
  while (true) {
    const bool gone = child.gone();  // asked before the last read: what it wrote is then in the pipe
    while (open) {
      auto got = buffer.read_from(out, object);
      if (!got && got.error().sys == EAGAIN) break;
      if (!got) return tl::unexpected(got.error());
      if (*got == 0) open = false;
    }
    if (gone) return {};
    const int left = milliseconds_until(end);
    if (left == 0) return fail(Code::key, object, "the key command was not done in time and was ended");
    pollfd fds[3] = {{open ? out : -1, POLLIN, 0}, {child.pidfd(), POLLIN, 0}, {signals, POLLIN, 0}};
    // Without a pidfd the end of the child is looked for ten times a second.
    poll(fds, 3, child.pidfd() < 0 ? std::min(left, 100) : left);
    if ((fds[2].revents & POLLIN) != 0) return fail(Code::key, object, "the key command was interrupted and ended");
  }
}

/// Runs it to its end: what waitpid(2) says of it. Error when it was ended, with everything it had started.
Result<int> run_command(const std::vector<std::string>& words, const std::string& object, Clock::time_point end,
                        SecretBuffer& buffer) {
  const Terminal terminal;
  // Held before the command is there, and delivered when nothing of it is left.
  const HeldSignals signals({SIGINT, SIGTERM, SIGQUIT, SIGHUP});
  const ProcessTree process_tree;
  const Started started = TC_TRY(start(words, object));
  Status collected;
  int status = 0;
  {
    Child child(started.pid, process_tree);
    collected = collect(buffer, child, started.out.get(), signals.fd(), end, object);
    status = child.status();
  }
  if (collected) return status;
  terminal.restore();
  return tl::unexpected(collected.error());
}

}  // namespace

Result<std::vector<std::string>> split_command(const std::string& command) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (c == '\\' && quote != '\'') {
      if (++i == command.size()) return fail(Code::usage, "exec:", "the key command ends in a backslash");
      word += command[i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return fail(Code::usage, "exec:", "a quote in the key command is not closed");
  if (in_word) words.push_back(std::move(word));
  if (words.empty() || words.front().empty()) return fail(Code::usage, "exec:", "the key command is empty");
  return words;
}

Result<Secret> read_exec(const std::string& command, const std::string& what, std::chrono::milliseconds timeout) {
  const std::vector<std::string> words = TC_TRY(split_command(command));
  // Only the program is named in messages: people put too much into arguments.
  const std::string object = "exec:" + words.front();
  SecretBuffer buffer;
  const int status = TC_TRY(run_command(words, object, Clock::now() + timeout, buffer));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string how = WIFSIGNALED(status) ? "was ended by signal " + std::to_string(WTERMSIG(status))
                                                : "failed with status " + std::to_string(WEXITSTATUS(status));
    return fail(Code::key, object, "the key command of " + what + " " + how, "its own message is above");
  }
  Secret secret = buffer.take();
  strip_newline(secret);
  return secret;
}

}  // namespace tclone::crypt
