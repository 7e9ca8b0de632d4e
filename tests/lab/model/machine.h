// SPDX-License-Identifier: GPL-2.0-or-later
// The disk that the pool of the model test lies on, and what can happen to it.
#pragma once

#include <map>
#include <string>

#include "base/fd.h"
#include "dm/device_mapper.h"

namespace tclone::lab::model {

inline constexpr const char* kPool = "p";

class Machine {
 public:
  /// \param device  a block device that is overwritten; the pool lies on a linear mapping of its first part
  Machine(dm::DeviceMapper& mapper, std::string device) : dm_(mapper), device_(std::move(device)) {}

  /// The disk as new, nothing of a pool left anywhere on this host.
  [[nodiscard]] Status fresh();
  /// The disk answers with errors from now on; then everything that stands on it is taken down, as is what a boot takes
  /// away (/run), and the disk comes back with what had reached it. What the kernel had not committed is gone.
  [[nodiscard]] Status cut();
  /// The disk becomes larger, up to the device's size; false when it cannot.
  [[nodiscard]] Result<bool> extend();
  /// Removes the disk's own mapping.
  [[nodiscard]] Status remove_disk();

  /// Devices that are suspended, after having waited for a guard process to resume them; empty is right.
  [[nodiscard]] Result<std::string> suspended();
  /// What is left of any pool in the kernel and of keys on the host; empty after `pool destroy`.
  [[nodiscard]] Result<std::string> left_over();

  [[nodiscard]] std::string disk() const { return dm_.path(kDisk); }
  /// Keeps a device open until release or cut.
  [[nodiscard]] Status hold(const std::string& volume);
  void release(const std::string& volume) { held_.erase(volume); }
  void renamed(const std::string& from, const std::string& to);

 private:
  static constexpr const char* kDisk = "lab-disk";

  [[nodiscard]] Status table(const std::string& target);
  [[nodiscard]] Status take_down();

  dm::DeviceMapper& dm_;
  std::string device_;
  Bytes whole_, size_;
  std::map<std::string, UniqueFd> held_;
};

}  // namespace tclone::lab::model
