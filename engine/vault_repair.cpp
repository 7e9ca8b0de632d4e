// SPDX-License-Identifier: GPL-2.0-or-later
// pool repair --vault: the inner metadata of one vault.
#include "base/fault.h"
#include "dm/names.h"
#include "engine/api.h"
#include "engine/lookup.h"
#include "engine/recovery.h"
#include "engine/thin_tools.h"
#include "engine/vault_stack.h"
#include "fs/block_io.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

namespace names = dm::names;

/// Copies the damaged metadata away, then writes what thin_repair saves over it. A copy that is there already was made
/// by a repair that did not end: it may be half a copy, or the only whole one, so neither is written over.
Status repair_from_copy(Session& s, const Vault& v, const std::string& metadata, const std::string& copy) {
  if (TC_TRY(thin_tools::looks_like_metadata(copy))) {
    return fail(Code::damaged, "vault " + v.name, "an earlier repair did not end, and its copy of the metadata is still there",
                "nothing was written; copy the whole pool before anything else is tried");
  }
  TC_CHECK(s.check_space(v.metadata, "repair vault " + v.name));
  TC_CHECK(fs::zero(copy, {}, v.metadata));
  TC_CHECK(fs::copy_image(metadata, copy, [](Bytes, Bytes) {}, s.env.stop));
  TCLONE_FAULT_POINT("repair.copied");
  TC_CHECK(thin_tools::repair(copy, metadata));
  const std::string trouble = TC_TRY(thin_tools::check(metadata, false));
  if (!trouble.empty()) {
    return fail(Code::damaged, "vault " + v.name, "what thin_repair wrote is not sound either: " + trouble,
                "the damaged metadata is kept; ask for help before anything else is tried");
  }
  TCLONE_FAULT_POINT("repair.done");
  // Without its superblock the copy is not taken for one again, and everything else of it stays.
  return fs::zero(copy, {}, kKiB * 4);
}

Result<Outcome> repair_in(Session& s, const Vault& v) {
  Outcome out;
  out.operation = "pool repair " + s.pool + " --vault " + v.name;
  out.name = v.name;
  if (TC_TRY(vault_is_open(s, v))) {
    return fail(Code::busy, "vault " + v.name, "it is open", "deactivate its volumes and versions first (`tclone deactivate`)");
  }
  TC_CHECK(refuse_while_copied(v));
  if (s.env.dry_run) return out;
  const WorkMark mark = TC_TRY(WorkMark::set(s));
  const auto repaired = [&]() -> Status {
    const std::string copy = s.env.dm.path(TC_TRY(open_for_repair(s, v)));
    const std::string metadata = s.env.dm.path(names::vault_metadata(s.pool, v.outer));
    if (TC_TRY(thin_tools::check(metadata, false)).empty()) {
      out.steps.push_back({"clear the mark with which the kernel asks for a check", 0});
      return thin_tools::clear_needs_check(metadata);
    }
    out.steps.push_back({"repair the inner metadata from a copy that is kept", 0});
    return repair_from_copy(s, v, metadata, copy);
  }();
  TC_CHECK(close_vault(s, v.outer));
  if (!repaired) return tl::unexpected(repaired.error());
  return out;
}

}  // namespace

Result<Outcome> vault_repair(Env& env, const std::string& pool, const std::string& vault) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(policies::check_volume_name(vault));
    TC_CHECK(thin_tools::require());
    Session s = TC_TRY(Session::change(env, pool));
    auto record = s.store.vault(vault);
    if (!record && record.error().code == Code::not_found) {
      return fail(Code::not_found, vault, "there is no vault of that name", "`tclone status` shows them");
    }
    return repair_in(s, TC_TRY(std::move(record)));
  };
  return attempted(run(), "pool repair --vault " + vault);
}

}  // namespace tclone::engine
