// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/query.h"

#include <cerrno>
#include <cstring>

#include "dm/library.h"
#include "dm/task.h"

namespace tclone::dm::query {
namespace {

// dev_t as the dm ioctls carry it (huge_encode_dev, linux/kdev_t.h); glibc's major() and minor() agree with it.
Named named(const dm_names& entry) {
  return {entry.name, static_cast<std::uint32_t>((entry.dev >> 8) & 0xfff),
          static_cast<std::uint32_t>((entry.dev & 0xff) | ((entry.dev >> 12) & 0xfff00))};
}

/// `<cipher> <key> ...`: blanks the key in libdm's own buffer, before anything is copied out of it. A key that is
/// in the keyring shows as ":<size>:<type>:<description>" and is no secret.
void blank_key(char* params) {
  char* key = std::strchr(params, ' ');
  if (key == nullptr || *++key == ':') return;
  for (; *key != '\0' && *key != ' '; ++key) *key = '0';
}

Status require_existing(const Task& task, const std::string& name) {
  dm_info info{};
  if (dm_task_get_info(task.get(), &info) == 0) return fail(Code::failed, name, "device-mapper gave no answer");
  if (info.exists == 0) return fail_errno(ENXIO, name, "there is no such device");
  return {};
}

}  // namespace

Result<std::optional<Info>> info(const std::string& name) {
  Task task = TC_TRY(Task::make(DM_DEVICE_INFO, name));
  TC_CHECK(task.run("cannot ask for its state"));
  dm_info raw{};
  if (dm_task_get_info(task.get(), &raw) == 0) return fail(Code::failed, name, "device-mapper gave no answer");
  if (raw.exists == 0) return std::nullopt;

  Info info;
  info.major = raw.major;
  info.minor = raw.minor;
  info.open_count = raw.open_count;
  info.suspended = raw.suspended != 0;
  info.read_only = raw.read_only != 0;
  info.live_table = raw.live_table != 0;
  info.inactive_table = raw.inactive_table != 0;
  info.event_nr = raw.event_nr;
  if (const char* uuid = dm_task_get_uuid(task.get())) info.uuid = uuid;
  return info;
}

Result<std::optional<std::string>> find_uuid(const std::string& uuid) {
  Task task = TC_TRY(Task::make(DM_DEVICE_INFO, {}));
  TC_CHECK(task.prepared(dm_task_set_uuid(task.get(), uuid.c_str())));
  TC_CHECK(task.run("cannot look for a device by its uuid"));
  dm_info raw{};
  if (dm_task_get_info(task.get(), &raw) == 0) return fail(Code::failed, uuid, "device-mapper gave no answer");
  const char* name = raw.exists == 0 ? nullptr : dm_task_get_name(task.get());
  return name == nullptr ? std::optional<std::string>{} : name;
}

Result<std::vector<Named>> list(const std::string& prefix) {
  Task task = TC_TRY(Task::make(DM_DEVICE_LIST, {}));
  TC_CHECK(task.run("cannot list the device-mapper devices"));
  const dm_names* entry = dm_task_get_names(task.get());
  std::vector<Named> found;
  if (entry == nullptr || entry->dev == 0) return found;  // libdm's way to say "none"
  for (;;) {
    Named device = named(*entry);
    if (device.name.compare(0, prefix.size(), prefix) == 0) found.push_back(std::move(device));
    if (entry->next == 0) return found;
    const void* next = static_cast<const void*>(reinterpret_cast<const char*>(entry) + entry->next);
    entry = static_cast<const dm_names*>(next);
  }
}

Result<Table> table(const std::string& name) {
  Task task = TC_TRY(Task::make(DM_DEVICE_TABLE, name));
  TC_CHECK(task.prepared(dm_task_secure_data(task.get())));  // wipes the buffers: a crypt line has its key in it
  TC_CHECK(task.run("cannot read its table"));
  TC_CHECK(require_existing(task, name));

  Table table;
  void* next = nullptr;
  do {
    std::uint64_t start = 0, length = 0;
    char* type = nullptr;
    char* params = nullptr;
    next = dm_get_next_target(task.get(), next, &start, &length, &type, &params);
    if (type == nullptr) continue;  // no live table
    if (params != nullptr && std::strcmp(type, "crypt") == 0) blank_key(params);
    table.push_back({{start}, {length}, type, params == nullptr ? "" : params});
  } while (next != nullptr);
  return table;
}

Result<std::string> status(const std::string& name, const std::string& type) {
  Task task = TC_TRY(Task::make(DM_DEVICE_STATUS, name));
  TC_CHECK(task.prepared(dm_task_no_flush(task.get())));
  TC_CHECK(task.run("cannot read its status"));
  TC_CHECK(require_existing(task, name));

  std::uint64_t start = 0, length = 0;
  char* found = nullptr;
  char* params = nullptr;
  dm_get_next_target(task.get(), nullptr, &start, &length, &found, &params);
  if (found == nullptr || type != found) return another_type(name, type, found == nullptr ? "" : found);
  return std::string(params == nullptr ? "" : params);
}

tl::unexpected<Error> another_type(const std::string& name, const std::string& type, const std::string& found) {
  return fail(Code::damaged, name, "is not a " + type + " device but " + (found.empty() ? "without a table" : found));
}

}  // namespace tclone::dm::query
