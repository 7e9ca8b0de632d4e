// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output/output.h"

#include <unistd.h>

#include <cerrno>

#include "cli/output/render.h"
#include "cli/output/text_table.h"

namespace tclone::cli {
namespace {

/// 0, or errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

}  // namespace

void Output::say(std::string_view line) { write_all(STDERR_FILENO, "tclone: " + printable(line) + "\n"); }

void Output::remarks(const engine::Outcome& outcome) {
  for (const std::string& warning : outcome.warnings) say("warning: " + warning);
  if (!globals_.timings) return;
  const std::chrono::duration<double, std::milli> took = Clock::now() - begun_;
  write_all(STDERR_FILENO, text::timings(outcome, took.count()));
}

Status Output::flush() {
  const int error = write_all(STDOUT_FILENO, out_);
  out_.clear();
  if (error == 0 || error == EPIPE) return {};
  auto failure = fail_errno(error, "standard output", "cannot write the result");
  failure.value().attempted = "print";
  failure.value().code = Code::failed;  // whatever the cause, it is neither the pool nor a key
  return failure;
}

void Output::fail(const Error& error) {
  say(error.text());
  if (globals_.json) write_all(STDOUT_FILENO, json::error(error));
}

}  // namespace tclone::cli
