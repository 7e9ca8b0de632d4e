// SPDX-License-Identifier: GPL-2.0-or-later
// Logging goes to stderr through spdlog, which no other file includes. Rooms below engine/ log at debug only.
#pragma once

#include <string_view>

namespace tclone::log {

enum class Level { debug, info, warn, error, off };

/// Sets the threshold; the default is warn. Not thread-safe: call it once, at start.
void set_level(Level level);
[[nodiscard]] bool enabled(Level level);

/// One line each. Never pass a secret: the text is written as it is (control characters replaced).
void debug(std::string_view text);
void info(std::string_view text);
void warn(std::string_view text);

}  // namespace tclone::log
