// SPDX-License-Identifier: GPL-2.0-or-later
// pool destroy: what is in the pool must not be readable afterwards, and nothing that is not the pool's may go.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/fault.h"
#include "base/log.h"
#include "dm/metadata_snapshot.h"
#include "dm/thin_tools.h"
#include "engine/core/consistency.h"
#include "engine/core/lookup.h"
#include "engine/pool/close.h"
#include "engine/protocol/operation.h"
#include "engine/protocol/perform.h"
#include "engine/protocol/recovery.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/pool_stack.h"
#include "engine/stack/renamed.h"
#include "model/device_names.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

/// Records and metadata of two times are refused: what the metadata hold may be another copy's.
Status one_time(Session& s) {
  if (auto journal = s.store.journal(); !journal) {
    log::warn("the journal is passed over: " + journal.error().text());
    return {};
  }
  return check_consistency(s);
}

/// Everything closed; whatever refuses does so before anything is lost. A record that cannot be read does not refuse: then
/// what the kernel lists is closed.
Status close_for_good(Env& env, const std::string& name) {
  TC_CHECK(refuse_renamed(env, name));
  Session s = TC_TRY(Session::look(env, name));
  TC_CHECK(one_time(s));
  Status closed = [&]() -> Status {
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    TC_TRY(recover_session(s));
    Work w;
    return close_everything(s, w);
  }();
  if (closed || closed.error().code != Code::damaged) return closed;
  log::warn("pool " + name + " is taken down without its records: " + closed.error().text());
  return close_by_devices(env, name);
}

/// Thins of this pool that no readable record names: of a vault whose record is damaged, or that was being made.
Status shred_unnamed(Session& s, Work& w, const std::set<std::uint32_t>& passed) {
  std::set<std::uint32_t> ids;
  {
    MetadataSnapshot held = TC_TRY(MetadataSnapshot::take(s.env.dm, s.outer_pool()));
    ids = TC_TRY(thin_tools::ids(s.env.dm.path(device_names::metadata(s.pool)), true));
    TC_CHECK(held.release());
  }
  for (const std::uint32_t id : ids) {
    if (passed.contains(id)) continue;
    TC_CHECK(destroy_vault(s, w, {ThinId{id}, {}, "of outer thin " + std::to_string(id), true}));
  }
  return {};
}

/// \returns for people: whose key file could not be told, because the record that says so is damaged
Result<std::vector<std::string>> shred_vaults(Env& env, const std::string& name) {
  Session s = TC_TRY(Session::look(env, name));
  const WorkMark mark = TC_TRY(WorkMark::set(s));
  Work w;
  std::vector<std::string> out;
  std::set<std::uint32_t> passed;
  const auto shred = [&](const OuterRef& target) {
    passed.insert(target.outer.n);
    return destroy_vault(s, w, target);
  };
  const auto journal = s.store.journal();
  if (journal && *journal) {  // recovery did not get through it
    for (const OuterRef& target : (*journal)->to_undo.outer) TC_CHECK(shred(target));
  }
  for (const std::string& vault : TC_TRY(s.store.vault_names())) {
    const auto v = s.store.vault(vault);
    if (!v && v.error().code == Code::damaged) {
      out.push_back("the record of vault " + vault +
                    " is damaged: its header was destroyed, but if it has a key file that stays in " + env.paths.etc +
                    "/keys");
      continue;
    }
    if (!v) return tl::unexpected(v.error());
    TC_CHECK(shred({v->outer, v->uuid, v->name, v->encrypted}));
    if (v->rekey) TC_CHECK(shred({v->rekey->outer, v->rekey->uuid, v->name, true}));
  }
  if (!out.empty() || !journal) TC_CHECK(shred_unnamed(s, w, passed));
  return out;
}

/// Whether an earlier call of destroy has come as far as the labels: one is gone, and none is merely not to be seen, for
/// then its vaults may still have their headers. \returns not_found naming a device that is not there
Result<bool> labels_are_going(const PoolLocation& where) {
  bool gone = false;
  for (const std::string& path : where.paths) {
    if (where.made_file && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return true;
    const auto read = label_of(TC_TRY(open_backing(path)));
    if (!read && read.error().code != Code::not_found) return tl::unexpected(read.error());
    gone = gone || !read || read->label.pool != where.uuid;
  }
  return gone;
}

/// Also those that an interrupted destruction left: a device whose label is gone, or another pool's, is passed over.
Status wipe_labels(const PoolLocation& where) {
  for (const std::string& path : where.paths) {
    if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) continue;
    const Backing b = TC_TRY(open_backing(path));
    const UniqueFd fd(::open(b.device.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return fail_errno(errno, b.path, "cannot open the device");
    const auto read = read_label(fd.get(), b.path);
    if (!read && read.error().code == Code::not_found) continue;
    if (!read) return tl::unexpected(read.error());
    if (read->label.pool == where.uuid) TC_CHECK(wipe_label(fd.get(), b.path));
  }
  return {};
}

}  // namespace

Result<Outcome> pool_destroy(Env& env, const std::string& name) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_pool_name(name));
    PoolLocation where = TC_TRY(read_pool_location(env.paths.etc, name));
    Outcome out;
    out.operation = "pool destroy " + name;
    out.name = name;
    if (env.dry_run) {
      TC_CHECK(refuse_close(env, name));
      for (const char* text : {"deactivate every volume and close every vault",
                               "overwrite the header of every vault and remove the keys that tclone made",
                               "take the pool down", "wipe its label"}) {
        out.steps.push_back({text, 0});
      }
      if (where.made_file) out.steps.push_back({"remove " + where.paths.front(), 0});
      return out;
    }
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    // Labels go after everything else: where one is missing already, an earlier call got that far.
    const bool shredded = where.destroying && !TC_TRY(is_active(env, name)) && TC_TRY(labels_are_going(where));
    if (!shredded) {
      TC_CHECK(bring_up_remembered(env, name));
      TC_CHECK(close_for_good(env, name));
      where.destroying = true;
      TC_CHECK(write_pool_location(env.paths.etc, where));
      TCLONE_FAULT_POINT("destroy.begun");
      out.warnings = TC_TRY(shred_vaults(env, name));
    }
    TC_CHECK(bring_down(env, name));
    TC_CHECK(wipe_labels(where));
    TCLONE_FAULT_POINT("destroy.wiped");
    if (where.made_file) ::unlink(where.paths.front().c_str());
    TCLONE_FAULT_POINT("destroy.unlinked");
    TC_CHECK(forget_pool_location(env.paths.etc, name));
    return out;
  };
  return attempted(run(), "pool destroy " + name);
}

}  // namespace tclone::engine
