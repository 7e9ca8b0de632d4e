// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/request.h"
#include "cli/command/run.h"
#include "cli/output/render.h"

namespace tclone::cli {

Ran report(Session& session, Result<engine::Outcome> outcome, Prints prints) {
  if (!outcome) return tl::unexpected(std::move(outcome).error());
  Output& out = session.out;
  out.remarks(*outcome);
  if (out.json()) {
    out.print(json::outcome(*outcome, out.dry_run()));
  } else if (out.dry_run()) {
    out.print(text::plan(*outcome));
  } else if (prints == Prints::device && !outcome->device.empty()) {
    out.print(outcome->device + "\n");
  } else if (prints == Prints::versions && !outcome->versions.empty()) {
    for (const VersionRef& version : outcome->versions) out.print(version.text() + "\n");
  } else {
    out.confirm(text::confirmation(*outcome));
  }
  return 0;
}

Ran run_pool_create(Session& s) { return report(s, engine::pool_create(s.env, TC_TRY(request::pool_create(s.call)))); }

Ran run_pool_list(Session& s) {
  const auto pools = TC_TRY(engine::pool_list(s.env));
  s.out.print(s.out.json() ? json::pools(pools) : text::pools(pools));
  return 0;
}

Ran run_pool_status(Session& s) {
  const std::string pool = s.call.command().id == Id::status ? s.call.globals.pool : request::pool(s.call);
  const auto view = TC_TRY(engine::pool_status(s.env, pool));
  s.out.print(s.out.json() ? json::pool(view) : text::pool(view));
  return 0;
}

Ran run_pool_activate(Session& s) { return report(s, engine::pool_activate(s.env, request::pool_activate(s.call))); }
Ran run_pool_deactivate(Session& s) { return report(s, engine::pool_deactivate(s.env, request::pool(s.call))); }
Ran run_pool_import(Session& s) { return report(s, engine::pool_import(s.env, request::pool_import(s.call))); }
Ran run_pool_export(Session& s) { return report(s, engine::pool_export(s.env, request::pool(s.call))); }

Ran run_pool_grow(Session& s) { return report(s, engine::pool_grow(s.env, TC_TRY(request::pool_grow(s.call)))); }

Ran run_pool_stock(Session& s) { return report(s, engine::pool_stock(s.env, TC_TRY(request::pool_stock(s.call)))); }

Ran run_pool_check(Session& s) { return report_findings(s, TC_TRY(engine::pool_check(s.env, request::pool(s.call)))); }

Ran run_pool_repair(Session& s) {
  if (s.call.has("vault"))
    return report(s, engine::vault_repair(s.env, request::pool(s.call), s.call.one("vault"), s.call.has("force")));
  return report(s, engine::pool_repair(s.env, request::pool(s.call), s.call.has("force")));
}

Ran run_pool_destroy(Session& s) { return report(s, engine::pool_destroy(s.env, request::pool(s.call))); }

}  // namespace tclone::cli
