// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: libdevmapper's own messages go to log::debug.
#pragma once

namespace tclone::dm::libdm_log {

/// Installs the callback. Called before every request, because libcryptsetup puts its own there while it works and
/// libdevmapper's default, which writes to stderr, when it is done (lib/libdevmapper.c, dm_backend_exit).
void route();
/// While something is suspended nothing may be written: the log may be on what is suspended.
void mute(bool quiet);

}  // namespace tclone::dm::libdm_log
