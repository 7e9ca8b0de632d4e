// SPDX-License-Identifier: GPL-2.0-or-later
// The one seam between tclone and the kernel's device-mapper: LibDeviceMapper speaks to libdevmapper,
// FakeDeviceMapper (tests/) keeps devices in memory and asserts the protocol.
//
// Single-threaded: libdevmapper is not safe with several threads (udisks #1496).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dm/types.h"

namespace tclone::dm {

/// How to suspend. `freeze` freezes a filesystem mounted on the device itself (lockfs) and flushes;
/// `quick` does neither (DM_SKIP_LOCKFS | DM_NOFLUSH), for pools.
enum class Suspend { freeze, quick };

class DeviceMapper {
 public:
  virtual ~DeviceMapper() = default;

  /// Version of a target the kernel knows, loading its module if need be (through a harmless table load or
  /// modprobe); nullopt when it has none. Error kernel when there is no device-mapper at all.
  [[nodiscard]] virtual Result<std::optional<Version>> target_version(const std::string& type) = 0;

  /// nullopt when there is no such device. Absent is not unknown: a failed query is an error.
  [[nodiscard]] virtual Result<std::optional<Info>> info(const std::string& name) = 0;
  /// What the device of this uuid is called, nullopt when there is none.
  [[nodiscard]] virtual Result<std::optional<std::string>> find_uuid(const std::string& uuid) = 0;
  /// Every device whose name begins so.
  [[nodiscard]] virtual Result<std::vector<Named>> list(const std::string& prefix) = 0;
  /// The live table.
  [[nodiscard]] virtual Result<Table> table(const std::string& name) = 0;

  /// Creates the device, loads the table, resumes it, waits for its node. On any failure nothing is left.
  /// Error exists (EBUSY) when the name is taken; damaged (by_uuid.h) when the uuid is, by a device of another name.
  [[nodiscard]] virtual Status create(const Spec& spec) = 0;
  /// Loads an inactive table; it becomes live at the next resume().
  [[nodiscard]] virtual Status reload(const std::string& name, const Table& table, bool read_only = false) = 0;
  [[nodiscard]] virtual Status suspend(const std::string& name, Suspend how) = 0;
  /// Also what makes a reloaded table live. Resuming a device that is not suspended is no error. Waits for udev only
  /// once nothing is suspended any more: of several devices the last resume waits for all.
  [[nodiscard]] virtual Status resume(const std::string& name) = 0;
  /// Removes the device and waits for udev; retries EBUSY (a udev worker or a blkid having it open) until
  /// `patience` is over, then busy. A device that is not there is success.
  [[nodiscard]] virtual Status remove(const std::string& name, std::chrono::milliseconds patience) = 0;
  [[nodiscard]] virtual Status rename(const std::string& from, const std::string& to) = 0;

  /// A message to target 0. errno of the kernel is in Error::sys: EEXIST, ENODATA, EBUSY, EOPNOTSUPP... The kernel
  /// ignores the result of the commit that follows (pool_message in dm-thin.c): read pool_status() afterwards.
  [[nodiscard]] virtual Status message(const std::string& name, const std::string& text) = 0;
  /// How long to wait for a status; without a number for as long as the kernel takes. A status waits for a commit under way
  /// (the metadata's lock in dm-thin-metadata.c), which below a full pool waits for space, and no signal ends that.
  /// With a number a process of its own asks, which is left behind when the time is over: Code::busy.
  using Limit = std::optional<std::chrono::milliseconds>;
  /// Neither commits (DM_NOFLUSH_FLAG).
  [[nodiscard]] virtual Result<PoolStatus> pool_status(const std::string& name, Limit limit = {}) = 0;
  [[nodiscard]] virtual Result<ThinStatus> thin_status(const std::string& name, Limit limit = {}) = 0;

  /// From here on what a wait for udev holds (a semaphore, which outlives its process) is written down in this file first, as a
  /// line that begins with a blank, while the file is there. Not durable: no semaphore outlives a boot either.
  virtual void note_waits_in(const std::string& file) { static_cast<void>(file); }
  /// Removes what such a line of a process that was killed names, if it is there and still the same.
  virtual void give_back(const std::string& line) { static_cast<void>(line); }

  /// Where the device's node is: /dev/mapper/<name>, or a folder of the fake's.
  [[nodiscard]] virtual std::string path(const std::string& name) const = 0;

  /// Arms a guard over these devices: a small process that resumes them when this one is gone, or when `limit` is
  /// over: nobody's writers hang because a tool was killed. It resumes in the reverse of the given order, and as with
  /// any resume a table that was loaded becomes live. The guard is disarmed when the returned object is destroyed,
  /// which must be after the resume.
  class Guard {
   public:
    virtual ~Guard() = default;
    /// True when the limit passed and the guard has resumed the devices: what was done in between is void.
    [[nodiscard]] virtual bool fired() const = 0;
  };
  [[nodiscard]] virtual Result<std::unique_ptr<Guard>> guard(std::span<const std::string> names,
                                                             std::chrono::milliseconds limit) = 0;
};

/// The real one. libdevmapper's own messages go to log::debug. Uses udev cookies with a deadline (5 s) when udevd
/// runs and DM_DISABLE_UDEV is unset; else makes and removes nodes itself.
[[nodiscard]] Result<std::unique_ptr<DeviceMapper>> open_device_mapper();

}  // namespace tclone::dm
