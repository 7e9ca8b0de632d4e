// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace tclone::log {
namespace {

Level threshold = Level::warn;

// Made for the first line that is written: most commands write none.
spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("tclone", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_st>());
    made->set_pattern("tclone: %^%l%$: %v");
    made->set_level(spdlog::level::trace);  // what is below the threshold does not come here
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    case Level::off: return spdlog::level::off;
  }
  return spdlog::level::warn;
}

void write(Level level, std::string_view text) {
  if (!enabled(level)) return;
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  logger().log(to_spdlog(level), spdlog::string_view_t(clean.data(), clean.size()));
}

}  // namespace

void set_level(Level level) { threshold = level; }
bool enabled(Level level) { return level >= threshold; }
void debug(std::string_view text) { write(Level::debug, text); }
void info(std::string_view text) { write(Level::info, text); }
void warn(std::string_view text) { write(Level::warn, text); }

}  // namespace tclone::log
