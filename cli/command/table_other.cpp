// SPDX-License-Identifier: GPL-2.0-or-later
// Care, and what needs no pool; the hidden commands come last.
#include "cli/command/commands.h"

namespace tclone::cli {

void add_care_commands(std::vector<Command>& out) {
  out.push_back({
      .id = Id::recover,
      .words = "recover",
      .summary = "finish or undo what a crash left",
      .description = "Finishes an operation that had reached its commit point and undoes one that had not. Every "
                     "command that changes the pool does so first by itself. Devices of the pool that are suspended "
                     "are resumed. No key is needed.",
      .positionals = {},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone recover"},
  });
  out.push_back({
      .id = Id::doctor,
      .words = "doctor",
      .summary = "say what is wrong and what to do about it",
      .description = "Looks at everything it may look at without a key and without changing anything, and prints what "
                     "it found, what follows from it, and how to mend it. What it finds while another command is at "
                     "work is looked for again when that is done; it waits five seconds for it.",
      .positionals = {},
      .options = {},
      .effect = Effect::looks,
      .shape = "findings",
      .exits = "Exits 8 when it found something serious, 0 when there is nothing or advice only.",
      .examples = {"tclone doctor"},
  });
}

void add_other_commands(std::vector<Command>& out) {
  out.push_back({
      .id = Id::completion,
      .words = "completion",
      .summary = "print the completion script of a shell",
      .description = "Prints the script that completes commands, options and names in bash, zsh or fish.",
      .positionals = {{"SHELL", Kind::choice, "bash, zsh or fish", true, false, "bash zsh fish"}},
      .options = {},
      .effect = Effect::none,
      .examples = {"tclone completion bash"},
  });
  out.push_back({
      .id = Id::version,
      .words = "version",
      .summary = "print the version of tclone",
      .description = "Prints the version; with -v also those of the libraries it was built with.",
      .positionals = {},
      .options = {},
      .effect = Effect::none,
      .shape = "version",
      .examples = {"tclone version", "tclone version -v"},
  });
  out.push_back({
      .id = Id::names,
      .words = "__names",
      .summary = "print names for the completion scripts",
      .description = "",
      .positionals = {{"WHAT", Kind::choice, "", true, false, "pools volumes versions targets tags policies"}},
      .options = {{"of", 0, Kind::pool, "POOL", ""}},
      .effect = Effect::none,
      .examples = {"tclone __names volumes"},
      .hidden = true,
  });
  out.push_back({
      .id = Id::man,
      .words = "__man",
      .summary = "print tclone(1)",
      .description = "",
      .positionals = {},
      .options = {},
      .effect = Effect::none,
      .examples = {"tclone __man"},
      .hidden = true,
  });
}

}  // namespace tclone::cli
