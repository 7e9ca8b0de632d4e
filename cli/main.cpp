// SPDX-License-Identifier: GPL-2.0-or-later
// Puts the program together: the process, the concrete seams, and nothing else.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>

#include "base/secret.h"
#include "cli/command/app.h"
#include "cli/command/refill.h"
#include "cli/output/progress.h"
#include "crypt/luks/luks.h"
#include "dm/device_mapper.h"

namespace {

volatile std::sig_atomic_t stopped = 0;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// A program started with descriptors 0 to 2 closed would write its messages into the first device it opens.
void occupy_standard_descriptors() {
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);  // NOLINT: without O_CLOEXEC, children need them too
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) ::close(fd);
}

void handle_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // The terminal went away, unless nohup(1) says that this does not matter.
  struct sigaction before {};
  if (::sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) ::sigaction(SIGHUP, &action, nullptr);
}

tclone::engine::Paths paths() {
  tclone::engine::Paths out;
  const auto replace = [](std::string& path, const char* name) {
    if (const std::string value = environment(name); !value.empty()) path = value;
  };
  replace(out.etc, "TCLONE_ETC");
  replace(out.run, "TCLONE_RUN");
  replace(out.lib, "TCLONE_LIB");
  return out;
}

tclone::cli::Ran with_env(const tclone::cli::Invocation& call,
                          const std::function<tclone::cli::Ran(tclone::engine::Env&)>& act) {
  tclone::protect_process();
  handle_signals();
  const auto dm = TC_TRY(tclone::dm::open_device_mapper());
  const auto luks = tclone::crypt::open_luks();
  tclone::cli::Progress progress;
  tclone::engine::Env env{.dm = *dm,
                          .luks = *luks,
                          .paths = paths(),
                          .command = "tclone " + std::string(call.command().words),
                          .lock_deadline = call.globals.lock_timeout,
                          .now = [] { return static_cast<std::int64_t>(std::time(nullptr)); }};
  env.stop = [] { return stopped != 0; };
  env.progress = [&](auto what, auto done, auto total) { progress.show(what, done, total); };
  env.dry_run = call.globals.dry_run;
  env.refill = tclone::cli::refill_stock;
  return act(env);
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  // Every file and folder is made with the mode that it shall have: whoever starts us may mask none of it away.
  ::umask(022);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit is an error like any other
  // Whoever starts us may ignore it, and that is inherited: children would then be gone before waitpid(2) says how they
  // ended.
  std::signal(SIGCHLD, SIG_DFL);
  int status = static_cast<int>(tclone::Code::failed);
  try {
    status = tclone::cli::run({argv + (argc > 0), argv + argc}, {environment, paths(), ::geteuid() == 0, with_env});
  } catch (const std::exception& error) {
    tclone::cli::Output::say(std::string("unexpected: ") + error.what() + "; please report this");
  }
  // All of ours is done. What the libraries do at an exit would bring in pages of each for nothing.
  std::fflush(nullptr);
  ::_exit(status);
}
