// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>
#include <csignal>

#include <cerrno>

#include "crypt/keys/files.h"
#include "crypt/keys/sources.h"
#include "crypt/luks/held_signals.h"

namespace tclone::crypt {
namespace {

/// Switches echo off, and on again whatever happens: signals that would end or stop the program are held back
/// while it is off, end the question instead, and are delivered when the terminal is as it was.
class Silence {
 public:
  explicit Silence(int tty) : tty_(tty) {
    termios silent{};
    if (tcgetattr(tty_, &before_) != 0) return;
    silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL | ICANON | ISIG;
    ready_ = tcsetattr(tty_, TCSAFLUSH, &silent) == 0;
  }
  ~Silence() {
    if (ready_) tcsetattr(tty_, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

  [[nodiscard]] bool ready() const { return ready_ && signals_.fd() >= 0; }
  /// Waits for input; false when a signal came instead (it stays pending).
  [[nodiscard]] bool wait() const {
    pollfd fds[2] = {{tty_, POLLIN, 0}, {signals_.fd(), POLLIN, 0}};
    while (poll(fds, 2, -1) < 0) {
      if (errno != EINTR) return false;
    }
    return (fds[1].revents & POLLIN) == 0;
  }

 private:
  HeldSignals signals_{SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};
  int tty_;
  bool ready_ = false;
  termios before_{};
};

void say(int tty, const std::string& text) {
  if (write(tty, text.data(), text.size()) < 0) return;  // the terminal is gone; reading from it will say so
}

/// `what` is asked for: "passphrase for vault web1".
Result<Secret> ask(int tty, const std::string& question, const std::string& what) {
  const Silence silence(tty);
  if (!silence.ready()) return fail(Code::key, "/dev/tty", "cannot switch the echo of the terminal off", "", errno);
  say(tty, question);
  SecretBuffer buffer;
  const Result<std::size_t> got =
      silence.wait() ? buffer.read_from(tty, "/dev/tty") : fail(Code::key, "/dev/tty", "interrupted");
  if (!got || *got == 0) {
    say(tty, "\n");
    return fail(Code::key, "/dev/tty", "no " + what + " was given");
  }
  // The terminal gives one line a read (termios(3), canonical mode).
  Secret line = buffer.take();
  strip_newline(line);
  if (line.empty()) return fail(Code::key, "/dev/tty", "the " + what + " is empty");
  return line;
}

Result<UniqueFd> terminal(const std::string& what, const std::string& next) {
  UniqueFd tty(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!tty) return fail(Code::key, "/dev/tty", "there is no terminal to ask for the " + what, next, errno);
  return tty;
}

}  // namespace

Result<Secret> read_prompt(const std::string& what, Purpose purpose) {
  const std::string passphrase = "passphrase for " + what;
  const UniqueFd tty = TC_TRY(terminal(passphrase, "use another key source, such as --key stdin"));
  const std::string prefix = purpose == Purpose::create ? "New passphrase for " : "Passphrase for ";
  Secret first = TC_TRY(ask(tty.get(), prefix + what + ": ", passphrase));
  if (purpose == Purpose::unlock) return first;
  const Secret second = TC_TRY(ask(tty.get(), "The same again: ", passphrase));
  if (!first.same_as(second)) return fail(Code::key, "/dev/tty", "the two passphrases for " + what + " differ");
  return first;
}

Result<Secret> prompt_for_pin(const std::string& which, const std::string& credential) {
  const UniqueFd tty =
      TC_TRY(terminal(which, "run it on one, or give the unit that runs it the credential " + credential +
                                 " (LoadCredentialEncrypted=), or let activate ask another key: "
                                 "`tclone key rm NAME --key token --use SOURCE`"));
  return ask(tty.get(), which + ": ", which);
}

Result<Secret> read_stdin(const std::string& what) {
  if (isatty(STDIN_FILENO) == 1) {
    return fail(Code::key, "stdin", "the key of " + what + " would be seen on the terminal", "use --key prompt");
  }
  Secret secret = TC_TRY(read_to_end(STDIN_FILENO, "stdin"));
  strip_newline(secret);
  return secret;
}

}  // namespace tclone::crypt
