// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/output/text_table.h"

namespace tclone::cli {
namespace {

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::string_view what, Bytes done, Bytes total) {
  const Clock::time_point now = Clock::now();
  if (!terminal_ || now - begun_ < std::chrono::seconds(1) || now - shown_ < std::chrono::milliseconds(100)) return;
  shown_ = now;
  drawn_ = true;
  std::fprintf(stderr, "\r\033[K%s", progress_line(what, done, total, terminal_width() - 1).c_str());
  std::fflush(stderr);
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

std::string progress_line(std::string_view what, Bytes done, Bytes total, std::size_t width) {
  const std::uint64_t part = total.n == 0 ? 0 : std::min(done.n, total.n);
  const auto share = total.n == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(total.n);
  const std::string head = printable(what) + "  ";
  std::string tail = std::to_string(static_cast<int>(share * 100)) + " %  " + format_size(done);
  if (total.n != 0) tail += " of " + format_size(total);
  const std::size_t room = width > head.size() + tail.size() + 4 ? width - head.size() - tail.size() - 4 : 0;
  std::string bar;
  if (const std::size_t length = std::min<std::size_t>(room, 40); length >= 4 && total.n != 0) {
    const auto full = static_cast<std::size_t>(share * static_cast<double>(length));
    bar = "[" + std::string(full, '#') + std::string(length - full, '-') + "]  ";
  }
  return (head + bar + tail).substr(0, width);
}

}  // namespace tclone::cli
