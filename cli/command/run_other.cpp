// SPDX-License-Identifier: GPL-2.0-or-later
// What needs no pool. Kept apart from the rest so that it pulls no engine in.
#include "cli/command/names.h"
#include "cli/command/run.h"
#include "cli/command/run_policy.h"
#include "cli/generate/complete.h"
#include "cli/generate/manpage.h"
#include "cli/output/render.h"

namespace tclone::cli {
namespace {

/// TCLONE_LIBRARIES is "devmapper 1.02.185 cryptsetup 2.6.1 ...", from the build.
std::vector<json::Library> libraries() {
  std::vector<json::Library> out;
  const auto words = words_of(std::string_view(TCLONE_LIBRARIES));
  for (std::size_t i = 0; i + 1 < words.size(); i += 2)
    out.push_back({std::string(words[i]), std::string(words[i + 1])});
  return out;
}

std::string version_text(const Globals& globals) {
  if (globals.json) return json::version(TCLONE_VERSION, libraries());
  std::string out = "tclone " TCLONE_VERSION "\n";
  if (globals.verbose > 0)
    for (const json::Library& one : libraries()) out += "  " + one.name + " " + one.version + "\n";
  return out;
}

std::string script(const std::string& shell) {
  if (shell == "bash") return complete_bash();
  return shell == "zsh" ? complete_zsh() : complete_fish();
}

}  // namespace

Ran run_without_pool(const Invocation& call, const engine::Paths& paths, Output& out) {
  switch (call.command().id) {
    case Id::version: out.print(version_text(call.globals)); return 0;
    case Id::completion: out.print(script(call.one("SHELL"))); return 0;
    case Id::names: out.print(names(paths, call.one("WHAT"), call.one("of"))); return 0;
    case Id::policy_check: return run_policy_check(call, paths, out);
    case Id::policy_list: return run_policy_list(call, paths, out);
    case Id::policy_show: return run_policy_show(call, paths, out);
    case Id::man: out.print(manual_page()); return 0;
    default: break;
  }
  return fail(Code::failed, std::string(call.command().words), "needs a pool",
              "this is a mistake in tclone: please report it");
}

}  // namespace tclone::cli
