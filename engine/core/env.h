// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "crypt/luks/luks.h"
#include "dm/device_mapper.h"
#include "dm/thin_tools.h"
#include "engine/core/secrets.h"
#include "os/filesystem.h"
#include "os/probe.h"

namespace tclone::engine {

/// Where tclone keeps things on the host. Overridden only by tests, through main.
struct Paths {
  std::string etc = "/etc/tclone";      ///< pools/<name>.toml, keys/<vault uuid>.key, tclone.toml
  std::string run = "/run/tclone";      ///< locks and what lasts until the next boot
  std::string lib = "/var/lib/tclone";  ///< mount points of state areas, default place of pool files
};

/// Everything an operation reaches the world through. Owned by main; outlives every call.
struct Env {
  dm::DeviceMapper& dm;
  crypt::Luks& luks;
  Paths paths;
  std::string command = "tclone";  ///< for the lock's message; no secrets
  std::chrono::milliseconds lock_deadline{30000};
  std::function<std::int64_t()> now;                  ///< seconds since the epoch
  std::function<bool()> stop = [] { return false; };  ///< true once SIGINT, SIGTERM or SIGHUP arrived
  std::function<void(std::string_view what, Bytes done, Bytes total)> progress = [](auto, auto, auto) {};
  std::function<std::vector<os::Holder>(std::uint32_t major, std::uint32_t minor)> holders = os::holders;
  std::function<void(std::uint32_t major, std::uint32_t minor, const std::string& device)> write_out = os::write_out;
  thin_tools::Programs programs = {};
  bool dry_run = false;
  Secrets asked = {};
  /// Called after an own-key clone in a pool that keeps vaults made ahead, with the lock released: starts what fills the
  /// stock up again.
  std::function<void(const std::string& pool)> refill = [](auto) {};
};

}  // namespace tclone::engine
