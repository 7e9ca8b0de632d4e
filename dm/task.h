// SPDX-License-Identifier: GPL-2.0-or-later
// Private to dm/: one request to libdevmapper, owned.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

struct dm_task;

namespace tclone::dm {

class Task {
 public:
  /// `type` is one of DM_DEVICE_*; `object` the device's name (or the target's, for GET_TARGET_VERSION), empty for
  /// requests that concern no device. Refuses names that device_names::valid() refuses.
  [[nodiscard]] static Result<Task> make(int type, const std::string& object);

  [[nodiscard]] dm_task* get() const noexcept { return task_.get(); }
  /// Sends it. `why` says in words what failed ("cannot suspend it"); the errno is the kernel's, read at once
  /// (libdm's later calls overwrite it), 0 when the request did not reach the kernel.
  [[nodiscard]] Status run(const char* why);
  /// For the int of a dm_task_set_*(): those fail only for want of memory.
  [[nodiscard]] Status prepared(int ok) const;

 private:
  struct Free {
    void operator()(dm_task* task) const noexcept;
  };
  Task(dm_task* task, std::string object) : task_(task), object_(std::move(object)) {}

  std::unique_ptr<dm_task, Free> task_;
  std::string object_;
};

}  // namespace tclone::dm
