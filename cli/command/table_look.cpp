// SPDX-License-Identifier: GPL-2.0-or-later
// The commands that only look.
#include "cli/command/commands.h"

namespace tclone::cli {

void add_look_commands(std::vector<Command>& out) {
  out.push_back({
      .id = Id::list,
      .words = "list",
      .summary = "list the volumes",
      .description = "Prints every volume: its size, where it came from, how it is keyed, whether it is active and "
                     "where it is mounted. CLONED FROM is the version a clone stands on. KEY is own for a clone under "
                     "a key of its own, shared for one under the key of its source, base for a volume that is no "
                     "clone, none for one that is not encrypted. HOLDS is what a volume maps, known while it is "
                     "active.",
      .positionals = {},
      .options = {},
      .effect = Effect::looks,
      .shape = "volumes",
      .examples = {"tclone list", "tclone list --json"},
  });
  out.push_back({
      .id = Id::tree,
      .words = "tree",
      .summary = "show which volume came from which version",
      .description = "Draws volumes, their versions and the clones of these.",
      .positionals = {},
      .options = {},
      .effect = Effect::looks,
      .shape = "tree",
      .examples = {"tclone tree"},
  });
  out.push_back({
      .id = Id::log,
      .words = "log",
      .summary = "show the versions of a volume, newest first",
      .description = "Prints one line a version: name, time, size, tags, message.",
      .positionals = {{"NAME", Kind::volume, "the volume"}},
      .options = {},
      .effect = Effect::looks,
      .shape = "versions",
      .examples = {"tclone log db"},
  });
  out.push_back({
      .id = Id::show,
      .words = "show",
      .summary = "show everything about a volume or a version",
      .description = "Prints the record of a volume or of a version, its state, and the vault it lives in.",
      .positionals = {{"NAME", Kind::target, "volume, or volume@version"}},
      .options = {},
      .effect = Effect::looks,
      .shape = "details",
      .examples = {"tclone show web1", "tclone show db@latest"},
  });
  out.push_back({
      .id = Id::status,
      .words = "status",
      .summary = "the same as pool status",
      .description = "Prints how full and how healthy the pool is, as tclone pool status does.",
      .positionals = {},
      .options = {},
      .effect = Effect::looks,
      .shape = "pool",
      .examples = {"tclone status"},
  });
}

}  // namespace tclone::cli
