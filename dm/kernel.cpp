// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/kernel.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>

#include "base/fd.h"
#include "base/log.h"
#include "dm/library.h"
#include "dm/task.h"

namespace tclone::dm::kernel {
namespace {

constexpr const char* kControl = "/dev/mapper/control";

/// Asks modprobe for a module and waits; whether that helped is seen by asking the kernel again.
void load_module(const std::string& module) {
  log::debug("loading kernel module " + module);
  posix_spawn_file_actions_t files;
  if (posix_spawn_file_actions_init(&files) != 0) return;
  for (const int fd : {0, 1, 2}) posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);

  std::string program = "modprobe", quiet = "-q", end_of_options = "--", name = module;
  const std::array<char*, 5> argv{program.data(), quiet.data(), end_of_options.data(), name.data(), nullptr};
  const std::array<char*, 1> no_environment{nullptr};
  for (const char* path : {"/sbin/modprobe", "/usr/sbin/modprobe"}) {
    pid_t child = -1;
    if (posix_spawn(&child, path, &files, nullptr, argv.data(), no_environment.data()) != 0) continue;
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    break;
  }
  posix_spawn_file_actions_destroy(&files);
}

bool driver_answers() {
  std::array<char, 64> version{};
  return dm_driver_version(version.data(), version.size()) != 0;
}

Result<std::optional<Version>> listed_version(const std::string& type) {
  Task task = TC_TRY(Task::make(DM_DEVICE_LIST_VERSIONS, {}));
  TC_CHECK(task.run("cannot list the targets of device-mapper"));
  const dm_versions* entry = dm_task_get_versions(task.get());
  while (entry != nullptr) {
    if (type == entry->name) return Version{entry->version[0], entry->version[1], entry->version[2]};
    if (entry->next == 0) break;
    const void* next = static_cast<const void*>(reinterpret_cast<const char*>(entry) + entry->next);
    entry = static_cast<const dm_versions*>(next);
  }
  return std::nullopt;
}

/// Has the kernel request "dm-<type>" itself (dm ioctl 4.41); an old kernel or no such module is no error here.
Status autoload(const std::string& type) {
  Task task = TC_TRY(Task::make(DM_DEVICE_GET_TARGET_VERSION, type));
  if (auto sent = task.run("is no target the kernel can load"); !sent) log::debug(sent.error().text());
  return {};
}

/// Most modules are named after their target.
std::string module_of(const std::string& type) {
  if (type == "thin" || type == "thin-pool") return "dm-thin-pool";
  if (type == "linear" || type == "striped" || type == "error") return "dm-mod";
  return "dm-" + type;
}

/// Root in a container may open the node all the same; the kernel asks for the capability at each call.
int control_error() {
  const UniqueFd control(open(kControl, O_RDWR | O_CLOEXEC));
  if (!control) return errno;
  dm_ioctl version{};
  version.version[0] = DM_VERSION_MAJOR;
  version.data_size = sizeof version;
  return ioctl(control.get(), DM_VERSION, &version) == 0 ? 0 : errno;
}

}  // namespace

Status require_driver() {
  if (driver_answers()) return {};
  load_module("dm-mod");
  if (driver_answers()) return {};

  const int sys = control_error();
  if (sys == EACCES || sys == EPERM) {
    return fail_errno(sys, kControl, "only root with CAP_SYS_ADMIN may use device-mapper",
                      "run it as root; in a container, --privileged and -v /dev:/dev are needed");
  }
  return fail(Code::kernel, kControl, "the kernel has no device-mapper (module dm-mod, CONFIG_BLK_DEV_DM)",
              "try: modprobe dm-mod; in a container, --privileged and -v /dev:/dev are needed", sys);
}

Result<std::optional<Version>> target_version(const std::string& type) {
  auto version = TC_TRY(listed_version(type));
  if (version) return version;
  TC_CHECK(autoload(type));
  version = TC_TRY(listed_version(type));
  if (version) return version;
  load_module(module_of(type));
  return listed_version(type);
}

}  // namespace tclone::dm::kernel
