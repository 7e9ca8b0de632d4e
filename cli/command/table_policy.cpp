// SPDX-License-Identifier: GPL-2.0-or-later
// Policies of this host.
#include "cli/command/commands.h"

namespace tclone::cli {

void add_policy_commands(std::vector<Command>& out) {
  out.push_back({
      .id = Id::policy_check,
      .words = "policy check",
      .summary = "check policy files",
      .description = "Reads the policies of that name, or all of this host, as tclone-policy(5) describes them, and "
                     "names each mistake with its file, line and key. Warns of what is valid but perhaps not as "
                     "meant, such as a local time that is skipped when clocks change. Touches no pool.",
      .positionals = {{"NAME", Kind::policy, "policy to check (default: all)", false, true}},
      .options = {},
      .effect = Effect::none,
      .shape = "policies",
      .exits = "Exits with 2 when a file has a mistake, 3 when there is no such policy, and 7 when somebody else than "
               "root may change a file.",
      .examples = {"tclone policy check", "tclone policy check nightly"},
  });
  out.push_back({
      .id = Id::policy_list,
      .words = "policy list",
      .summary = "list the policies of this host",
      .description = "Lists each policy with its pool, its volumes, and when it is due next.",
      .positionals = {},
      .options = {},
      .effect = Effect::none,
      .shape = "policies",
      .examples = {"tclone policy list"},
  });
  out.push_back({
      .id = Id::policy_show,
      .words = "policy show",
      .summary = "show a policy with its defaults",
      .description = "Prints every key of the policy, also those that its file leaves at their default.",
      .positionals = {{"NAME", Kind::policy, "policy to show"}},
      .options = {},
      .effect = Effect::none,
      .shape = "policy",
      .examples = {"tclone policy show nightly"},
  });
}

}  // namespace tclone::cli
