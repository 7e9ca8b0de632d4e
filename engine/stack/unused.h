// SPDX-License-Identifier: GPL-2.0-or-later
// What stays active, and what is closed because nothing uses it any more.
#pragma once

#include <string>

#include "engine/core/session.h"
#include "model/version.h"

namespace tclone::engine {

// A pinned version was activated by name and stays until it is deactivated by name (or the next boot).
[[nodiscard]] Status pin(Session& s, const VersionRef& version);
void unpin(Session& s, const VersionRef& version);
[[nodiscard]] bool is_pinned(const Session& s, const VersionRef& version);
/// The pin of a version that is called otherwise now ("db@1"); no pin, or one that was moved already, is success.
[[nodiscard]] Status move_pin(const Session& s, const std::string& from, const std::string& to);

/// Takes down the device that the version is mounted by, unless it is in use.
[[nodiscard]] Status close_view_if_unused(Session& s, const VersionRef& ref);
/// Closes what this session left idle, and what stands idle below that.
[[nodiscard]] Status close_unused(Session& s);
/// Marks every open vault and active version of the pool as possibly idle: after a crash.
[[nodiscard]] Status mark_all_unused(Session& s);

}  // namespace tclone::engine
