// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "cli/command/request.h"
#include "cli/command/run.h"
#include "cli/output/render.h"

namespace tclone::cli {

Ran run_list(Session& s) {
  const auto volumes = TC_TRY(engine::list(s.env, s.call.globals.pool));
  s.out.print(s.out.json() ? json::volumes(volumes) : text::volumes(volumes));
  return 0;
}

Ran run_tree(Session& s) {
  const auto nodes = TC_TRY(engine::tree(s.env, s.call.globals.pool));
  s.out.print(s.out.json() ? json::tree(nodes) : text::tree(nodes));
  return 0;
}

Ran run_log(Session& s) {
  const engine::Named volume = request::named(s.call);
  const auto versions = TC_TRY(engine::history(s.env, volume));
  s.out.print(s.out.json() ? json::versions(volume.name, versions) : text::versions(versions));
  return 0;
}

Ran run_show(Session& s) {
  const auto shown = TC_TRY(engine::show(s.env, request::named(s.call)));
  s.out.print(s.out.json() ? json::details(shown) : text::details(shown));
  return 0;
}

Ran run_path(Session& s) {
  const std::string path = TC_TRY(engine::path(s.env, request::named(s.call)));
  s.out.print(s.out.json() ? json::path(path) : path + "\n");
  return 0;
}

Ran report_findings(Session& s, const std::vector<engine::Finding>& findings) {
  s.out.print(s.out.json() ? json::findings(findings) : text::findings(findings));
  const bool serious = std::any_of(findings.begin(), findings.end(), [](const auto& one) { return one.serious; });
  return serious ? static_cast<int>(Code::damaged) : 0;
}

Ran run_doctor(Session& s) { return report_findings(s, TC_TRY(engine::doctor(s.env, s.call.globals.pool))); }

}  // namespace tclone::cli
