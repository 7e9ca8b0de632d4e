// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: the questions LibDeviceMapper asks. They change nothing and need no udev.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dm/types.h"

namespace tclone::dm::query {

[[nodiscard]] Result<std::optional<Info>> info(const std::string& name);
[[nodiscard]] Result<std::optional<std::string>> find_uuid(const std::string& uuid);
[[nodiscard]] Result<std::vector<Named>> list(const std::string& prefix);
/// The live table. The key of a crypt line is overwritten with zeros of the same length.
[[nodiscard]] Result<Table> table(const std::string& name);
/// The status parameters of the one target of a device; damaged when it is not a `type`.
[[nodiscard]] Result<std::string> status(const std::string& name, const std::string& type);

/// damaged: what a status is asked of is not a `type`. @param found  its type, empty without a table
[[nodiscard]] tl::unexpected<Error> another_type(const std::string& name, const std::string& type,
                                                 const std::string& found);

}  // namespace tclone::dm::query
