// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: waiting for udev, with a deadline.
//
// libdm's own dm_udev_wait() sleeps in semop(2) for ever when udevd dies or does not see our semaphore (moby #27900,
// bootc #2089), so the wait is done here: same semaphore protocol (libdm-common.c), but semtimedop(2).
#pragma once

#include <cstdint>
#include <string>

#include "dm/types.h"

struct dm_task;

namespace tclone::dm {

/// The udev flags that go with a device.
[[nodiscard]] std::uint16_t udev_flags(Udev udev);

/// One SysV semaphore that udev counts down; several tasks may share it. Destroyed on every path, so nothing is left
/// in `ipcs -s`.
class UdevCookie {
 public:
  UdevCookie() = default;
  UdevCookie(const UdevCookie&) = delete;
  UdevCookie& operator=(const UdevCookie&) = delete;
  ~UdevCookie() { wait(); }

  /// Ties a resume, remove or rename to this cookie. Where no semaphore can be had the task goes without: libdm
  /// then switches udev's rules off for this event and makes the node itself, which is better than no resume.
  void attach(dm_task* task, std::uint16_t flags);
  /// Waits until udev has handled all of them, or 5 s (0.5 s in a process that has seen a wait run out); then libdm
  /// makes or removes what nodes udev has not.
  void wait();

  /// DeviceMapper::note_waits_in() and give_back().
  static void note_in(const std::string& file);
  static void remove_noted(const std::string& line);

 private:
  std::uint32_t cookie_ = 0;
  bool attached_ = false;  ///< something since the last wait()
};

}  // namespace tclone::dm
