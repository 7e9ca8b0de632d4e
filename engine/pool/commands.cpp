// SPDX-License-Identifier: GPL-2.0-or-later
// pool activate, deactivate, import, export.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

#include "base/fault.h"
#include "base/log.h"
#include "engine/core/consistency.h"
#include "engine/core/lookup.h"
#include "engine/pool/close.h"
#include "engine/protocol/operation.h"
#include "engine/protocol/perform.h"
#include "engine/protocol/recovery.h"
#include "engine/stack/pool_stack.h"
#include "engine/volume/activation.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

Status claim_for_host(Env& env, Pool& pool, bool takeover) {
  const std::string host = TC_TRY(host_id(env));
  if (pool.label.owner == host) return {};
  if (!pool.label.owner.empty() && !takeover) {
    return fail(Code::busy, "pool " + pool.label.name,
                "its label says that host " + pool.label.owner + " has it active (epoch " +
                    std::to_string(pool.label.epoch) + ")",
                "deactivate or export it there; if that host is certainly gone, add --takeover");
  }
  pool.label.owner = host;
  ++pool.label.epoch;
  return write_labels(pool);
}

/// One that cannot be read is mended by hand, and the state area is not left mounted for that.
Result<PoolRecord> pool_record(const Store& store, const Pool& pool) {
  auto record = store.pool();
  if (record || record.error().code != Code::damaged) return record;
  const Extent& area = pool.label.state;
  record.error().next = "`mount -o loop,offset=" + std::to_string(area.start.n) + " " +
                        pool.backings[area.device].path +
                        " /mnt`, correct /mnt/pool.toml (tclone-state(5)) or bring it back from a copy, `umount /mnt`, "
                        "and activate the pool again";
  return record;
}

/// Everything up; on failure everything down again.
Status activate_layers(Env& env, const std::string& name, Pool& pool, bool takeover) {
  TC_CHECK(require_kernel(env));
  TC_CHECK(bring_down(env, name));  // remains of a command that was killed
  TC_CHECK(refuse_claimed(pool));
  TC_CHECK(claim_for_host(env, pool, takeover));
  auto up = [&]() -> Status {
    TC_CHECK(bring_up_state(env, name, pool, false));
    const Store store = TC_TRY(Store::open(state_folder(env, name)));
    const PoolRecord record = TC_TRY(pool_record(store, pool));
    if (record.uuid != pool.label.pool) {
      return fail(Code::damaged, state_folder(env, name),
                  "its records belong to pool " + record.uuid.text() + ", the label to " + pool.label.pool.text(),
                  "run `tclone doctor`");
    }
    const Extent& area = pool.label.metadata;
    if (TC_TRY(os::reads_as_zeros(pool.backings[area.device].device, area.start, kKiB * 4))) {
      // The kernel would take it for new metadata and format it (dm-thin-metadata.c, __superblock_all_zeroes).
      return fail(Code::damaged, "pool " + name, "the superblock of its outer metadata is gone",
                  "run `tclone pool repair " + name + "`");
    }
    TC_CHECK(bring_up_outer(env, name, pool, record.when_full));
    return check_consistency(TC_TRY(Session::look(env, name)));
  }();
  if (!up) {
    if (auto down = bring_down(env, name); !down) log::warn(down.error().text());
  }
  return up;
}

Result<Outcome> activate_locked(Env& env, const PoolActivate& r, const std::string& name) {
  Outcome out;
  out.operation = "pool activate " + name;
  out.name = name;
  if (TC_TRY(is_active(env, name))) {
    out.changed = false;
  } else {
    Pool pool = TC_TRY(remembered_pool(env, name));
    for (const std::string& what : pool.mended) out.warnings.push_back("mended " + what);
    TC_CHECK(activate_layers(env, name, pool, r.takeover));
  }
  return out;
}

Status release_owner(Env& env, const std::string& name) {
  Pool pool = TC_TRY(remembered_pool(env, name));
  const std::string host = TC_TRY(host_id(env));
  if (pool.label.owner != host) return {};
  pool.label.owner.clear();
  return write_labels(pool);
}

/// Everything down and the label released; for a pool that may be half up, too.
Status deactivate_locked(Env& env, const std::string& name) {
  if (TC_TRY(is_active(env, name))) TC_CHECK(close_active_pool(env, name));
  TC_CHECK(bring_down(env, name));
  return release_owner(env, name);
}

/// In a dry run with the texts of what would be done.
Outcome simple(const Env& env, const std::string& verb, const std::string& name,
               std::initializer_list<const char*> steps) {
  Outcome out;
  out.operation = verb + " " + name;
  out.name = name;
  for (const char* text : steps) {
    if (env.dry_run) out.steps.push_back({text, 0});
  }
  return out;
}

/// Where the pool known here by that name is at this moment; empty when it is not to be found there.
Result<std::vector<std::string>> devices_of(Env& env, const PoolLocation& known) {
  std::vector<std::string> out;
  if (TC_TRY(is_active(env, known.name))) {
    for (const dm::Target& piece : TC_TRY(env.dm.table(device_names::data(known.name)))) {
      out.push_back(piece.params.substr(0, piece.params.find(' ')));
    }
    return out;
  }
  const auto there = find_pool(known.paths, Devices::remembered);
  if (!there || there->label.pool != known.uuid) return out;
  for (const Backing& b : there->backings) out.push_back(b.dev);
  return out;
}

/// One pool, one name, one place: of two copies of it that were both in use, each would go its own way, and a key that is
/// destroyed with one would be missing to the other. Returns what is known of the pool under this name, if anything.
Result<std::optional<PoolLocation>> refuse_second_copy(Env& env, const Pool& pool, const std::string& name) {
  std::optional<PoolLocation> same;
  for (const std::string& other : TC_TRY(known_pools(env.paths.etc))) {
    const auto known = read_pool_location(env.paths.etc, other);
    if (other == name && known && known->uuid != pool.label.pool) {
      return fail(Code::exists, name, "another pool is known here under that name", "choose one with --name");
    }
    if (!known || known->uuid != pool.label.pool) continue;
    const std::string next = "`tclone pool export " + other + "` first, if it is to be ";
    if (other != name) {
      return fail(Code::exists, pool.backings.front().path, "this pool is known here as " + other,
                  next + "known as " + name);
    }
    for (const std::string& dev : TC_TRY(devices_of(env, *known))) {
      const auto has = [&](const Backing& b) { return b.dev == dev; };
      if (std::any_of(pool.backings.begin(), pool.backings.end(), has)) continue;
      return fail(
          Code::exists, pool.backings.front().path,
          "pool " + name + " is known here at " + known->paths.front() + " and is there; one is a copy of the other",
          next + "used from the place named now");
    }
    same = *known;
  }
  return same;
}

Status refuse_half_destroyed(const PoolLocation& where) {
  if (!where.destroying) return {};
  return fail(Code::damaged, "pool " + where.name, "its destruction was begun and interrupted",
              "run `tclone pool destroy " + where.name + "` again");
}

constexpr std::initializer_list<const char*> kDown = {"deactivate every volume and close every vault",
                                                      "take the pool down"};

}  // namespace

Status bring_up_remembered(Env& env, const std::string& name) {
  TC_TRY(activate_locked(env, {name, false, false}, name));
  return {};
}

Result<Outcome> pool_activate(Env& env, const PoolActivate& r) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, r.pool));
    TC_CHECK(refuse_half_destroyed(TC_TRY(read_pool_location(env.paths.etc, name))));
    if (env.dry_run) {
      Outcome out = simple(env, "pool activate", name, {"activate the pool", "finish or undo what a crash left"});
      if (r.volumes) out.steps.push_back({"activate every volume", 0});
      out.changed = r.volumes || !TC_TRY(is_active(env, name));
      return out;
    }
    Outcome out;
    {
      const PoolLock lock = TC_TRY(lock_pool(env, name));
      out = TC_TRY(activate_locked(env, r, name));
      Session s = TC_TRY(Session::look(env, name));
      const Recovered recovered = TC_TRY(recover_session(s));
      if (recovered.anything) {
        out.warnings.push_back(std::string(recovered.finished ? "finished" : "undid") +
                               " what was interrupted: " + recovered.operation);
      }
    }
    if (r.volumes) {
      const auto volumes = activate_volumes(env, name);
      if (volumes) out.steps = volumes->steps;
      const std::vector<std::string> told = volumes ? volumes->warnings : std::vector{volumes.error().text()};
      out.warnings.insert(out.warnings.end(), told.begin(), told.end());
    }
    return out;
  };
  return attempted(run(), "pool activate " + r.pool);
}

Result<Outcome> pool_deactivate(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    TC_TRY(read_pool_location(env.paths.etc, name));
    Outcome out = simple(env, "pool deactivate", name, kDown);
    out.changed = TC_TRY(is_active(env, name));
    if (env.dry_run) TC_CHECK(refuse_close(env, name));
    if (env.dry_run) return out;
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    out.changed = TC_TRY(is_active(env, name));
    TC_CHECK(deactivate_locked(env, name));
    return out;
  };
  return attempted(run(), "pool deactivate " + asked);
}

Result<Outcome> pool_import(Env& env, const PoolImport& r) {
  const auto run = [&]() -> Result<Outcome> {
    std::vector<std::string> paths;
    for (const std::string& path : r.paths) {
      if (path.empty() || path.front() != '/') return fail(Code::usage, path, "not an absolute path");
      paths.push_back(path);
    }
    Pool pool = TC_TRY(find_pool(paths, Devices::named));
    const std::string name = r.name.empty() ? pool.label.name : r.name;
    TC_CHECK(names::check_pool_name(name));
    const auto known = TC_TRY(refuse_second_copy(env, pool, name));
    if (known) TC_CHECK(refuse_half_destroyed(*known));
    Outcome out = simple(env, "pool import", name, {"activate the pool", "remember where the pool is"});
    if (env.dry_run) return out;
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    TC_CHECK(mend_labels(env, pool));
    for (const std::string& what : pool.mended) out.warnings.push_back("mended " + what);
    PoolLocation where{name, pool.label.pool, {}, false};
    for (const Backing& b : pool.backings) where.paths.push_back(b.path);
    if (known) {
      where.made_file = known->made_file && known->paths == where.paths;
      where.repairing = known->repairing;
    }
    if (!TC_TRY(is_active(env, name))) TC_CHECK(activate_layers(env, name, pool, r.takeover));
    TCLONE_FAULT_POINT("pool.imported");
    TC_CHECK(write_pool_location(env.paths.etc, where));
    Session s = TC_TRY(Session::look(env, name));
    TC_TRY(recover_session(s));
    return out;
  };
  return attempted(run(), "pool import");
}

Result<Outcome> pool_export(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    TC_TRY(read_pool_location(env.paths.etc, name));
    Outcome out = simple(env, "pool export", name, kDown);
    if (env.dry_run) {
      TC_CHECK(refuse_close(env, name));
      out.steps.push_back({"forget where the pool is", 0});
      return out;
    }
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    if (auto down = deactivate_locked(env, name); !down) {
      // What is gone for good must not be known here for ever. Nothing but where it was is lost by this.
      const bool gone = down.error().code == Code::not_found || down.error().code == Code::damaged;
      if (!gone || TC_TRY(is_active(env, name))) return tl::unexpected(down.error());
      out.warnings.push_back("its label could not be released: " + down.error().text());
    }
    TCLONE_FAULT_POINT("pool.exported");
    TC_CHECK(forget_pool_location(env.paths.etc, name));
    return out;
  };
  return attempted(run(), "pool export " + asked);
}

}  // namespace tclone::engine
