// SPDX-License-Identifier: GPL-2.0-or-later
// One function a command: fills the request, asks the engine, prints the answer.
#pragma once

#include "cli/command/invocation.h"
#include "cli/output/output.h"
#include "engine/api/api.h"

namespace tclone::cli {

struct Session {
  const Invocation& call;
  engine::Env& env;
  Output& out;
};

/// The exit code of a command that did what it should.
using Ran = Result<int>;
using Run = Ran (*)(Session&);

/// The function of a command that works on pools; nullptr for one with Effect::none. dispatch.cpp proves at compile
/// time that every such command has one.
[[nodiscard]] Run run_of(Id id) noexcept;

/// The commands with Effect::none: they need no root, no kernel and no pool.
[[nodiscard]] Ran run_without_pool(const Invocation& call, const engine::Paths& paths, Output& out);

/// What the caller prints of an outcome besides a dry run's plan and the remarks.
enum class Prints { confirmation, device, versions };
[[nodiscard]] Ran report(Session& session, Result<engine::Outcome> outcome, Prints prints = Prints::confirmation);
/// Findings and the exit code that goes with them: 8 when one is serious.
[[nodiscard]] Ran report_findings(Session& session, const std::vector<engine::Finding>& findings);

Ran run_pool_create(Session& session);
Ran run_pool_list(Session& session);
Ran run_pool_status(Session& session);
Ran run_pool_activate(Session& session);
Ran run_pool_deactivate(Session& session);
Ran run_pool_import(Session& session);
Ran run_pool_export(Session& session);
Ran run_pool_grow(Session& session);
Ran run_pool_stock(Session& session);
Ran run_pool_check(Session& session);
Ran run_pool_repair(Session& session);
Ran run_pool_destroy(Session& session);
Ran run_create(Session& session);
Ran run_clone(Session& session);
Ran run_publish(Session& session);
Ran run_revert(Session& session);
Ran run_refresh(Session& session);
Ran run_list(Session& session);
Ran run_tree(Session& session);
Ran run_log(Session& session);
Ran run_show(Session& session);
Ran run_tag(Session& session);
Ran run_untag(Session& session);
Ran run_rename(Session& session);
Ran run_rm(Session& session);
Ran run_resize(Session& session);
Ran run_activate(Session& session);
Ran run_deactivate(Session& session);
Ran run_mount(Session& session);
Ran run_umount(Session& session);
Ran run_path(Session& session);
Ran run_key_add(Session& session);
Ran run_key_rm(Session& session);
Ran run_key_list(Session& session);
Ran run_key_test(Session& session);
Ran run_key_backup(Session& session);
Ran run_key_restore(Session& session);
Ran run_rekey(Session& session);
Ran run_recover(Session& session);
Ran run_doctor(Session& session);

}  // namespace tclone::cli
