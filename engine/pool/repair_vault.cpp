// SPDX-License-Identifier: GPL-2.0-or-later
// pool repair --vault: the inner metadata of one vault.
#include "base/fault.h"
#include "dm/thin_tools.h"
#include "engine/api/api.h"
#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_stack.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

/// Writes what thin_repair saves to the half of the metadata's room that is not in use. The commit point is the record,
/// which then says that the metadata are there: until then the damaged ones count and are whole, so a repair that was
/// cut off is begun anew; afterwards they are kept, until the next repair.
Status repair_to_other_half(Session& s, Vault v, const std::string& metadata, const std::string& other) {
  TC_CHECK(s.check_space(v.provisioned, "repair vault " + v.name));
  // Also what gives them outer blocks ahead of their use (policies/sizing.h), as the damaged ones have.
  TC_CHECK(os::zero(other, {}, v.provisioned));
  if (v.encrypted) {
    // Flushes of the metadata will arrive that far from the start of the outer thin, header or not (see data_table).
    TC_CHECK(os::touch(s.env.dm.path(device_names::vault_thin(s.pool, v.outer)),
                       policies::metadata_start(v.repairs + 1), kKiB * 4, s.record.block));
  }
  TCLONE_FAULT_POINT("repair.zeroed");
  TC_CHECK(thin_tools::repair(metadata, other, thin_tools::Superblock{0, to_sectors(v.block), v.capacity / v.block}));
  TCLONE_FAULT_POINT("repair.written");
  const std::string trouble = TC_TRY(thin_tools::check(other, false));
  if (!trouble.empty()) {
    return fail(Code::damaged, "vault " + v.name, "what thin_repair wrote is not sound either: " + trouble,
                "the damaged metadata were not touched; ask for help before anything else is tried");
  }
  TC_CHECK(os::flush(other));
  TCLONE_FAULT_POINT("repair.sound");
  ++v.repairs;
  RecordChange change;
  change.vaults.push_back(std::move(v));
  TC_CHECK(s.store.apply(change));
  TCLONE_FAULT_POINT("repair.recorded");
  return {};
}

Result<Outcome> repair_in(Session& s, Work& w, const Vault& v, bool force) {
  Outcome out;
  out.operation = "pool repair " + s.pool + " --vault " + v.name;
  out.name = v.name;
  if (TC_TRY(vault_is_open(s, w, v))) {
    return fail(Code::busy, "vault " + v.name, "it is open",
                "deactivate its volumes and versions first (`tclone deactivate`)");
  }
  TC_CHECK(refuse_while_copied(v));
  if (s.env.dry_run) return out;
  const WorkMark mark = TC_TRY(WorkMark::set(s));
  const auto repaired = [&]() -> Status {
    const std::string other = s.env.dm.path(TC_TRY(open_for_repair(s, w, v)));
    const std::string metadata = s.env.dm.path(device_names::vault_metadata(s.pool, v.outer));
    TCLONE_FAULT_POINT("repair.opened");
    if (TC_TRY(thin_tools::check(metadata, false)).empty()) {
      out.steps.push_back({"clear the mark with which the kernel asks for a check", 0});
      return thin_tools::clear_needs_check(metadata);
    }
    if (v.repairs > 0 && !force) {
      return fail(Code::exists, "vault " + v.name,
                  "the metadata of before an earlier repair are kept, and would be overwritten",
                  "copy the pool if they may still be needed, then use --force");
    }
    out.steps.push_back({"repair the inner metadata into the other half of their room", 0});
    return repair_to_other_half(s, v, metadata, other);
  }();
  TC_CHECK(close_vault(s, w, v.outer));
  if (!repaired) return tl::unexpected(repaired.error());
  return out;
}

}  // namespace

Result<Outcome> vault_repair(Env& env, const std::string& pool, const std::string& vault, bool force) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(vault));
    TC_CHECK(thin_tools::require());
    Work w;
    Session s = TC_TRY(begin_change(env, w, pool));
    auto record = s.store.vault(vault);
    if (!record && record.error().code == Code::not_found) {
      return fail(Code::not_found, vault, "there is no vault of that name", "`tclone status` shows them");
    }
    return repair_in(s, w, TC_TRY(std::move(record)), force);
  };
  return attempted(with_secrets(env.asked, run), "pool repair --vault " + vault);
}

}  // namespace tclone::engine
