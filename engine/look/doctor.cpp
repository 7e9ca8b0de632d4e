// SPDX-License-Identifier: GPL-2.0-or-later
// Explains what is wrong with a pool: looks, never mends.
#include <sys/statvfs.h>

#include <utility>

#include "dm/targets.h"
#include "engine/core/consistency.h"
#include "engine/core/lookup.h"
#include "engine/look/doctor.h"
#include "engine/look/views.h"
#include "engine/stack/pool_stack.h"
#include "engine/stack/renamed.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "policies/sizing.h"
#include "state/host/pool_location.h"
#include "state/lineage.h"

namespace tclone::engine {
namespace {

constexpr std::chrono::seconds kPatience{5};  // with another command

/// One read at the head of each area: whether the device answers. `pool check` reads more.
void look_at_areas(const Pool& pool, Findings& out) {
  for (const auto& [area, name] :
       {std::pair{&pool.label.metadata, "outer metadata"}, {&pool.label.spare, "spare metadata area"}}) {
    const Backing& b = pool.backings[area->device];
    const auto answered = os::sample(b.device, area->start, kKiB * 4, kKiB * 4);
    if (answered) continue;
    out.push_back({"the " + std::string(name) + " on " + b.path + " cannot be read: " + answered.error().text(),
                   area == &pool.label.spare ? "the pool's metadata could not be repaired into it"
                                             : "the pool may stop at any time",
                   "copy what you need away, and replace the device"});
  }
}

/// The kernel stops writing to a filesystem that failed.
void look_at_state(const Session& s, Findings& out) {
  struct statvfs st {};
  if (::statvfs(s.store.folder().c_str(), &st) != 0 || (st.f_flag & ST_RDONLY) != 0) {
    out.push_back({"the state area at " + s.store.folder() + " is read-only", "no command can change the pool",
                   "find out what happened to its device (`dmesg`), then `tclone pool deactivate " + s.pool +
                       "` and activate it again"});
  } else if (const auto written = s.store.sync(); !written) {
    Error error = written.error();
    explain_record(error);
    error.next.clear();
    out.push_back({error.text(), "no command can change the pool",
                   "find out what happened to its device (`dmesg`); once it is well, `tclone pool deactivate " +
                       s.pool + "` and activate it again"});
  } else if (s.state_is_full().value_or(false)) {
    out.push_back({"the state area at " + s.store.folder() + " is full",
                   "commands that make something are refused, in the end all that change the pool",
                   "remove what is not tclone's there, if anything is, then volumes or versions (`tclone rm`)"});
  }
}

/// \returns the bytes of data that the label counts
std::optional<Bytes> look_at_devices(const PoolLocation& where, Findings& out) {
  const auto pool = find_pool(where.paths, Devices::remembered);
  if (!pool) {
    Error error = pool.error();
    std::string next = std::exchange(error.next, {});
    if (next.empty() || error.sys != 0) next = "bring the device back, or `tclone pool import` it from where it is now";
    out.push_back({error.text(), "the pool cannot be activated", next});
    return std::nullopt;
  }
  look_at_areas(*pool, out);
  if (pool->label.pool != where.uuid) {
    out.push_back({where.paths.front() + " holds another pool (" + pool->label.pool.text() + ")",
                   "the pool is not where it was", "`tclone pool import PATH` from where it is now"});
  }
  for (const std::string& what : pool->mended) {
    out.push_back({"bad " + what, "one more damage to the label and the pool is not recognised any more",
                   "`tclone pool deactivate " + where.name + "` and activate it again: that mends the copy"});
  }
  Bytes data{};
  for (const Extent& e : pool->label.data) data = data + e.length;
  return round_down(data, pool->label.block);
}

void look_at_outer(Session& s, std::optional<Bytes> labelled, Findings& out) {
  const auto status = s.env.dm.pool_status(s.outer_pool());
  if (!status) {
    out.push_back({status.error().text(),
                   "the state of the outer pool is unknown, and whoever uses it may wait for ever",
                   "find out what happened (`dmesg`), stop what uses the pool, then `tclone pool deactivate " + s.pool +
                       "`, `tclone pool activate " + s.pool +
                       "`; where vaults are open that may wait, too: then restart the machine"});
    return;
  }
  const std::string health = dm::health_text(*status);
  if (health != "ok" && health != "out of data space") {
    out.push_back(
        {"the outer pool's metadata is not well: " + health,
         "nothing can be changed in it, and what was written last may not be durable",
         "find out what happened to its device (`dmesg`), stop what uses the pool, then `tclone pool deactivate " +
             s.pool + "`, `tclone pool repair " + s.pool + "`, `tclone pool activate " + s.pool + "`"});
  }
  if (status->mode == dm::PoolMode::fail) return;  // it says nothing more
  const Bytes total = s.record.block * status->total_data;
  const OuterRoom space = outer_room(s, *status);
  if (labelled && *labelled > total) {
    out.push_back({"the outer pool has " + format_size(total) + ", its label gives it " + format_size(*labelled) +
                       ": a `tclone pool grow` was interrupted",
                   "the new space is not used", "`tclone pool grow " + s.pool + "`", false});
  }
  if (health == "out of data space" || status->used_data == status->total_data) {
    out.push_back({"the outer pool is full",
                   s.record.when_full == WhenFull::queue ? "writers wait, then get an error" : "writers get an error",
                   "`tclone pool grow`, remove volumes or versions (`tclone rm`), or trim filesystems (`fstrim`)"});
  } else if (space.free < space.reserve) {
    out.push_back({"the outer pool has " + format_size(space.free) + " left, less than its reserve of " +
                       format_size(space.reserve),
                   "commands that need space are refused",
                   space.missing.n > 0
                       ? "make room in the filesystem of " + space.file
                       : "remove volumes or versions, trim filesystems (`fstrim`), or `tclone pool grow`",
                   false});
  }
  if (space.missing.n > 0) {
    out.push_back(
        {"the filesystem of " + space.file + " has " + format_size(space.missing) + " less than the pool may need",
         "when it is full, writing to the pool fails at once, and what vaults know of themselves may suffer",
         "make room there", false});
  }
  if (policies::metadata_filling(status->used_metadata, status->total_metadata)) {
    out.push_back({"the outer pool's metadata is more than eight tenths full",
                   "when it is full the pool becomes read-only, and commands that need more are refused before",
                   "remove volumes that have a vault of their own (`tclone rm`)", false});
  }
  if (status->held_root) {
    out.push_back({"the outer pool holds a metadata snapshot", "space freed since it was taken is not given back",
                   "`dmsetup message " + s.outer_pool() + " 0 release_metadata_snap`, if no tool is using it", false});
  }
}

/// `kernel`: the transaction id of the outer pool, unless it has failed.
void look_at_journal(Session& s, std::optional<std::uint64_t> kernel, Findings& out) {
  const auto journal = s.store.journal();
  if (!journal) {
    Error error = journal.error();
    const std::string next =
        error.next.empty() ? "bring back the pool's state area from a copy of the whole pool" : error.next;
    error.next.clear();
    out.push_back({error.text(), "no command can change the pool", next});
  } else if (const auto fits = kernel ? check_consistency(s, *journal, *kernel) : Status{}; !fits) {
    out.push_back({fits.error().why, "commands are refused", "bring back the matching copy of the whole pool"});
  } else if (*journal) {
    out.push_back({"an operation was interrupted: " + (*journal)->operation,
                   "the next command that changes something finishes or undoes it",
                   "`tclone recover --pool " + s.pool + "` does it now", false});
  }
}

/// \returns whether there are any
Result<bool> look_at_suspended(Env& env, const std::string& pool, Findings& out) {
  const std::size_t before = out.size();
  for (const dm::Named& d : TC_TRY(env.dm.list(device_names::prefix(pool)))) {
    const auto info = TC_TRY(env.dm.info(d.name));
    if (!info || !info->suspended) continue;
    out.push_back({"device " + d.name + " is suspended", "whoever uses it waits; nothing more was looked at",
                   "`tclone recover --pool " + pool + "`, or `dmsetup resume " + d.name + "`"});
  }
  return out.size() > before;
}

Finding why_no_session(const Env& env, const std::string& name, Error error) {
  explain_record(error);
  std::string next = error.next;
  if (next.empty()) next = "`tclone pool deactivate " + name + "`, then activate it again";
  if (error.code == Code::damaged && error.object.starts_with("pool.toml") && error.sys == 0) {
    error.object.insert(0, state_folder(env, name) + "/");
    next = "correct the file (tclone-state(5)), or bring it back from a copy, while the pool is active";
  }
  error.next.clear();
  return {error.text(), "no command can use the pool", next};
}

Status look_at_names(Env& env, const std::string& pool, const Uuid& uuid, const Records& all, Findings& out) {
  for (const Error& e : TC_TRY(renamed_devices(env, pool, uuid, all)))
    out.push_back({e.object + ": " + e.why, "commands that concern it are refused", e.next});
  return {};
}

Result<Findings> look(Env& env, const std::string& name) {
  Findings out;
  const PoolLocation where = TC_TRY(read_pool_location(env.paths.etc, name));
  if (auto kernel = require_kernel(env); !kernel) {
    out.push_back({kernel.error().text(), "no pool can be activated", kernel.error().next});
    return out;
  }
  const auto labelled = look_at_devices(where, out);
  if (!TC_TRY(env.dm.info(device_names::outer_pool(name)))) {
    const std::size_t before = out.size();
    TC_CHECK(look_at_names(env, name, where.uuid, {}, out));
    if (out.size() > before) return out;
    out.push_back({"pool " + name + " is not active", "its volumes cannot be used",
                   "`tclone pool activate " + name + "`", false});
    return out;
  }
  // Whatever reads from what stands on one would wait as well.
  if (TC_TRY(look_at_suspended(env, name, out))) return out;
  auto session = Session::look(env, name);
  if (!session) {
    out.push_back(why_no_session(env, name, session.error()));
    return out;
  }
  look_at_outer(*session, labelled, out);
  look_at_state(*session, out);
  const auto status = env.dm.pool_status(session->outer_pool());
  const bool known = status && status->mode != dm::PoolMode::fail;
  look_at_journal(*session, known ? std::optional(status->transaction) : std::nullopt, out);
  const LoadedRecords all = TC_TRY(load_records(session->store));
  for (const auto& f : all.damaged) {
    out.push_back(
        {f.file + ": " + f.why, "commands on it are refused", "correct the file, or bring it back from a copy"});
  }
  TC_CHECK(look_at_names(env, name, session->record.uuid, all.records, out));
  DeviceIndex device_index = TC_TRY(DeviceIndex::at(env.dm, name));
  look_at_vaults(*session, device_index, all.records, status.has_value(), out);
  for (const auto& f : check_lineage(all.records)) {
    out.push_back(
        {f.file + ": " + f.why, "commands on it may be refused", "bring the record back from a copy of the pool"});
  }
  return out;
}

}  // namespace

Result<std::vector<Finding>> doctor(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<Findings> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    Findings found = TC_TRY(look(env, name));
    if (found.empty()) return found;
    // Half of another command's work looks like damage: what is found is looked for again while none can be at work.
    const auto lock = PoolLock::take(lock_path(env, name), env.command, kPatience);
    if (lock) return look(env, name);
    if (lock.error().code == Code::busy) {
      found.push_back({lock.error().text(), "what it has not finished yet may be among the findings",
                       "ask again when it is done", false});
    }
    return found;
  };
  return attempted(run(), "doctor " + asked);
}

}  // namespace tclone::engine
