// SPDX-License-Identifier: GPL-2.0-or-later
// pool activate, deactivate, import, export.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fault.h"
#include "base/log.h"
#include "dm/names.h"
#include "engine/lookup.h"
#include "engine/mismatch.h"
#include "engine/operation.h"
#include "engine/perform.h"
#include "engine/pool_close.h"
#include "engine/pool_stack.h"
#include "engine/recovery.h"
#include "engine/vault_stack.h"
#include "engine/volume_stack.h"
#include "fs/block_io.h"
#include "fs/probe.h"
#include "state/whereabouts.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
namespace names = dm::names;

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

/// Everything up; on failure everything down again.
Status activate_layers(Env& env, const std::string& name, Pool& pool, bool takeover) {
  TC_CHECK(require_kernel(env));
  for (const Backing& b : pool.backings) {
    if (!b.is_file && !TC_TRY(env.dm.info(names::state(name)))) TC_CHECK(fs::claimable(b.device));
  }
  TC_CHECK(claim_for_host(env, pool, takeover));
  auto up = [&]() -> Status {
    TC_CHECK(bring_down(env, name));  // remains of a command that was killed
    TC_CHECK(bring_up_state(env, name, pool, false));
    const Store store = TC_TRY(Store::open(state_folder(env, name)));
    const PoolRecord record = TC_TRY(store.pool());
    if (record.uuid != pool.label.pool) {
      return fail(Code::damaged, state_folder(env, name),
                  "its records belong to pool " + record.uuid.text() + ", the label to " + pool.label.pool.text(),
                  "run `tclone doctor`");
    }
    const Extent& area = pool.label.metadata;
    if (TC_TRY(fs::reads_as_zeros(pool.backings[area.device].device, area.start, kKiB * 4))) {
      // The kernel would take it for new metadata and format it (dm-thin-metadata.c, __superblock_all_zeroes).
      return fail(Code::damaged, "pool " + name, "the superblock of its outer metadata is gone",
                  "run `tclone pool repair " + name + "`");
    }
    TC_CHECK(bring_up_outer(env, name, pool, record.when_full));
    return belong_together(TC_TRY(Session::look(env, name)));
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

Result<Outcome> simple(const std::string& operation, const std::string& name) {
  Outcome out;
  out.operation = operation;
  out.name = name;
  return out;
}

}  // namespace

Status bring_up_remembered(Env& env, const std::string& name) {
  TC_TRY(activate_locked(env, {name, false, false}, name));
  return {};
}

Result<Outcome> pool_activate(Env& env, const PoolActivate& r) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, r.pool));
    if (TC_TRY(read_whereabouts(env.paths.etc, name)).destroying) {
      return fail(Code::damaged, "pool " + name, "its destruction was begun and interrupted",
                  "run `tclone pool destroy " + name + "` again");
    }
    if (env.dry_run) return simple("pool activate " + name, name);
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
      auto volumes = activate(env, {name, {}, true});
      if (volumes) out.steps = volumes->steps;
      if (!volumes) out.warnings.push_back(volumes.error().text());
    }
    return out;
  };
  return attempted(run(), "pool activate " + r.pool);
}

Result<Outcome> pool_deactivate(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    TC_TRY(read_whereabouts(env.paths.etc, name));
    if (env.dry_run) return simple("pool deactivate " + name, name);
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    const bool was = TC_TRY(is_active(env, name));
    TC_CHECK(deactivate_locked(env, name));
    Outcome out = TC_TRY(simple("pool deactivate " + name, name));
    out.changed = was;
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
    TC_CHECK(policies::check_pool_name(name));
    if (const auto known = read_whereabouts(env.paths.etc, name); known && known->uuid != pool.label.pool) {
      return fail(Code::exists, name, "another pool is known here under that name", "choose one with --name");
    }
    if (env.dry_run) return simple("pool import " + name, name);
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    TC_CHECK(mend_labels(env, pool));
    Outcome out = TC_TRY(simple("pool import " + name, name));
    for (const std::string& what : pool.mended) out.warnings.push_back("mended " + what);
    Whereabouts where{name, pool.label.pool, {}, false};
    for (const Backing& b : pool.backings) where.paths.push_back(b.path);
    if (!TC_TRY(is_active(env, name))) TC_CHECK(activate_layers(env, name, pool, r.takeover));
    TCLONE_FAULT_POINT("pool.imported");
    TC_CHECK(write_whereabouts(env.paths.etc, where));
    Session s = TC_TRY(Session::look(env, name));
    TC_TRY(recover_session(s));
    return out;
  };
  return attempted(run(), "pool import");
}

Result<Outcome> pool_export(Env& env, const std::string& asked) {
  const auto run = [&]() -> Result<Outcome> {
    const std::string name = TC_TRY(resolve_pool(env, asked));
    TC_TRY(read_whereabouts(env.paths.etc, name));
    if (env.dry_run) return simple("pool export " + name, name);
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    Outcome out = TC_TRY(simple("pool export " + name, name));
    if (auto down = deactivate_locked(env, name); !down) {
      // What is gone for good must not be known here for ever. Nothing but where it was is lost by this.
      if (down.error().code != Code::not_found || TC_TRY(is_active(env, name))) return tl::unexpected(down.error());
      out.warnings.push_back("its label could not be released: " + down.error().text());
    }
    TCLONE_FAULT_POINT("pool.exported");
    TC_CHECK(forget_whereabouts(env.paths.etc, name));
    return out;
  };
  return attempted(run(), "pool export " + asked);
}

}  // namespace tclone::engine
