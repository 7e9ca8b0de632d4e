// SPDX-License-Identifier: GPL-2.0-or-later
// A pinned version was activated by name and stays until it is deactivated by name (or the next boot).
#pragma once

#include <string>

#include "engine/core/session.h"
#include "model/version.h"

namespace tclone::engine {

[[nodiscard]] Status pin(Session& s, const VersionRef& version);
void unpin(Session& s, const VersionRef& version);
[[nodiscard]] bool is_pinned(const Session& s, const VersionRef& version);
/// The pin of a version that is called otherwise now ("db@1"); no pin, or one that was moved already, is success.
[[nodiscard]] Status move_pin(const Session& s, const std::string& from, const std::string& to);

}  // namespace tclone::engine
