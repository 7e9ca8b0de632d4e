// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/udev.h"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "base/log.h"
#include "dm/library.h"

namespace tclone::dm {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::chrono::milliseconds kShortPatience{500};  // udev was late once: it will be again
bool g_was_late = false;
std::string g_note;  // see DeviceMapper::note_waits_in

timespec left_until(Clock::time_point deadline) {
  const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds);
  timespec time{};
  time.tv_sec = static_cast<time_t>(seconds.count());
  time.tv_nsec = static_cast<long>(nanos.count());
  return time;
}

/// False when time ran out. A semaphore that is gone, or cannot be waited for, counts as done.
bool wait_for_zero(int semaphore, Clock::time_point deadline) {
  // The creator holds one count of its own, which keeps the value from touching zero early.
  sembuf release{0, -1, IPC_NOWAIT};
  if (semop(semaphore, &release, 1) != 0) return true;
  sembuf zero{0, 0, 0};
  for (;;) {
    const timespec left = left_until(deadline);
    if (semtimedop(semaphore, &zero, 1, &left) == 0) return true;
    if (errno == EAGAIN) return false;
    if (errno != EINTR) return true;
  }
}

/// Best effort only: what is not noted stays in `ipcs -s` when this process is killed now.
void leave_word(std::uint32_t cookie, int semaphore) {
  if (g_note.empty()) return;
  const UniqueFd fd(open(g_note.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  const std::string line = " " + std::to_string(cookie) + " " + std::to_string(semaphore) + "\n";
  if (fd && write(fd.get(), line.data(), line.size()) < 0) log::debug(g_note + " cannot be written");
}

/// Without cookies udevd still hears of every device and makes and removes names in /dev, in its own time: an event of a
/// device that is gone already would take the name away from its successor. The file is there while udevd has
/// work (systemd, udevadm-settle(8)); where it cannot be seen, or udevd is stopped, there is nothing to wait for.
void let_udev_settle() {
  constexpr std::chrono::milliseconds kPause{20};
  const auto deadline = Clock::now() + kShortPatience;
  do {
    std::this_thread::sleep_for(kPause);
  } while (access("/run/udev/queue", F_OK) == 0 && Clock::now() < deadline);
}

}  // namespace

std::uint16_t udev_flags(Udev udev) {
  switch (udev) {
    case Udev::hidden:
      return DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_DISABLE_OTHER_RULES_FLAG;
    case Udev::low_priority: return DM_UDEV_LOW_PRIORITY_FLAG;
    case Udev::visible: break;
  }
  return 0;
}

void UdevCookie::attach(dm_task* task, std::uint16_t flags) {
  attached_ = true;
  if (dm_task_set_cookie(task, &cookie_, flags) == 0) log::debug("no udev cookie for this device-mapper request");
}

void UdevCookie::wait() {
  const std::uint32_t cookie = std::exchange(cookie_, 0);
  if (cookie != 0) {
    const int semaphore = semget(static_cast<key_t>(cookie), 1, 0);
    if (semaphore >= 0) {
      leave_word(cookie, semaphore);
      const auto patience = g_was_late ? kShortPatience : kPatience;
      const bool in_time = wait_for_zero(semaphore, Clock::now() + patience);
      semctl(semaphore, 0, IPC_RMID);
      if (!in_time && !std::exchange(g_was_late, true)) {
        log::warn(
            "udev did not answer in time: device nodes are made without it (is systemd-udevd alive, and does "
            "it share the IPC namespace? DM_DISABLE_UDEV=1 avoids the wait)");
        // libcryptsetup waits for udev in this process too, and without a deadline: it asks libdm first.
        dm_udev_set_sync_support(0);
      }
    }
  }
  if (std::exchange(attached_, false) && g_was_late) let_udev_settle();
  // What dm_udev_wait() ends with: carries out libdm's queued node operations where udev has not.
  dm_task_update_nodes();
}

void UdevCookie::note_in(const std::string& file) { g_note = file; }

void UdevCookie::remove_noted(const std::string& line) {
  std::uint32_t cookie = 0;
  int semaphore = -1;
  std::istringstream words(line);
  if (!(words >> cookie >> semaphore) || cookie >> 16U != DM_COOKIE_MAGIC) return;
  // The id holds a number that differs each time the kernel gives the place away anew: with the key it names one semaphore.
  semid_ds now{};
  if (semctl(semaphore, 0, IPC_STAT, &now) != 0 || now.sem_perm.__key != static_cast<key_t>(cookie)) return;
  if (semctl(semaphore, 0, IPC_RMID) == 0) log::debug("removed the udev cookie of a command that was killed");
}

}  // namespace tclone::dm
