// SPDX-License-Identifier: GPL-2.0-or-later
// Looking at policies needs no pool, no root and no kernel.
#include "cli/command/run_policy.h"

#include <ctime>

#include "cli/output/render_policy.h"
#include "cli/output/text_table.h"

namespace tclone::cli {

Ran run_policy_check(const Invocation& call, const engine::Paths& paths, Output& out) {
  const std::int64_t now = std::time(nullptr);
  std::vector<engine::PolicyView> views;
  if (call.has("NAME")) {
    for (const std::string& name : call.all("NAME")) views.push_back(engine::look_at_policy(paths, name, now));
  } else {
    views = TC_TRY(engine::look_at_policies(paths, now));
  }
  int status = 0;
  for (const engine::PolicyView& view : views) {
    if (view.trouble) {
      Output::say(printable(view.trouble->text()));
      if (status == 0) status = static_cast<int>(view.trouble->code);
    }
    for (const std::string& warning : view.warnings) Output::say("warning: " + view.name + ": " + printable(warning));
    if (!view.trouble && !out.json()) out.print(view.name + ": valid\n");
  }
  if (out.json()) out.print(json::policies(views));
  return status;
}

Ran run_policy_list(const Invocation&, const engine::Paths& paths, Output& out) {
  const auto views = TC_TRY(engine::look_at_policies(paths, std::time(nullptr)));
  out.print(out.json() ? json::policies(views) : text::policies(views));
  return 0;
}

Ran run_policy_show(const Invocation& call, const engine::Paths& paths, Output& out) {
  const engine::PolicyView view = engine::look_at_policy(paths, call.one("NAME"), std::time(nullptr));
  if (view.trouble) return tl::unexpected(*view.trouble);
  out.print(out.json() ? json::policy(view) : text::policy(view));
  return 0;
}

}  // namespace tclone::cli
