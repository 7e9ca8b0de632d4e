// SPDX-License-Identifier: GPL-2.0-or-later
// Named fail points, for the crash tests. A release build has none of this: TCLONE_FAULT_POINT is empty.
//
// The environment variable TCLONE_FAULT holds "NAME[#N]=ACTION": at the N-th passing (default 1) of point
// NAME ("*" matches every point) the ACTION happens: "fail" returns an error, "kill" is SIGKILL to itself,
// "cut" writes "cut" to the file TCLONE_FAULT_CUT names and sleeps for ever, so that a power cut can follow,
// "stop" stops the process until it is sent SIGCONT, "int", "term" and "hup" raise the signal and go on.
// TCLONE_FAULT_TRACE names a file to which every point passed is appended, one a line: the points of a command.
// Of the same builds only, when set: TCLONE_FAULT_CHEAP_ARGON2 makes slots for passphrases cheap to open (crypt/luks/device.cpp),
// TCLONE_FAULT_SHORT_TURNS ends a turn of a rekey with each piece (engine/key/rekey_turns.cpp).
#pragma once

#include <string_view>

#include "base/result.h"

namespace tclone::fault {

/// Passes a point; an error only when TCLONE_FAULT asks for one here. Compiled only with TCLONE_FAULTS.
[[nodiscard]] Status point(std::string_view name);

}  // namespace tclone::fault

#ifdef TCLONE_FAULTS
#define TCLONE_FAULT_POINT(name) TC_CHECK(::tclone::fault::point(name))
#else
#define TCLONE_FAULT_POINT(name) static_cast<void>(0)
#endif
