// SPDX-License-Identifier: GPL-2.0-or-later
// The clocks of this host for the pure functions of policies/. g++ 12 has no time zones in std::chrono; localtime_r has.
#pragma once

#include <string>

#include "policies/civil.h"

namespace tclone::engine {

/// Whether the host knows a time zone of that name: "UTC", "local", or an IANA name that its zoneinfo has.
[[nodiscard]] bool zone_exists(const std::string& name);
/// "UTC" needs no zoneinfo; "local" and "" are the host's own zone. Sets TZ of this process while it is asked and puts it
/// back, so it is for one thread.
[[nodiscard]] policies::Zone zone_of(const std::string& name);

}  // namespace tclone::engine
