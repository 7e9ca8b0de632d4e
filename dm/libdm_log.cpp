// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/libdm_log.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "dm/library.h"

namespace tclone::dm::libdm_log {
namespace {

bool g_quiet = false;  // libdm gives its callback no context

__attribute__((format(printf, 5, 6))) void write(int, const char*, int, int, const char* format, ...) {
  if (g_quiet || !log::enabled(log::Level::debug)) return;
  std::array<char, 1024> line{};
  va_list args;
  va_start(args, format);
  vsnprintf(line.data(), line.size(), format, args);
  va_end(args);
  log::debug(std::string("libdevmapper: ") + line.data());
}

}  // namespace

void route() { dm_log_with_errno_init(write); }
void mute(bool quiet) { g_quiet = quiet; }

}  // namespace tclone::dm::libdm_log
