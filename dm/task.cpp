// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/task.h"

#include <cerrno>

#include "dm/libdm_log.h"
#include "dm/library.h"
#include "model/device_names.h"

namespace tclone::dm {

void Task::Free::operator()(dm_task* task) const noexcept { dm_task_destroy(task); }

Result<Task> Task::make(int type, const std::string& object) {
  if (!object.empty() && !device_names::valid(object)) {
    return fail(Code::usage, object, "is no name that device-mapper can take");
  }
  libdm_log::route();
  Task task(dm_task_create(type), object);
  if (!task.task_) return fail_errno(ENOMEM, object, "cannot prepare a device-mapper request");
  if (!object.empty()) TC_CHECK(task.prepared(dm_task_set_name(task.get(), object.c_str())));
  return task;
}

Status Task::run(const char* why) {
  if (dm_task_run(task_.get()) != 0) return {};
  const int sys = dm_task_get_errno(task_.get());
  return fail_errno(sys, object_, why);
}

Status Task::prepared(int ok) const {
  if (ok != 0) return {};
  return fail_errno(ENOMEM, object_, "cannot prepare a device-mapper request");
}

}  // namespace tclone::dm
