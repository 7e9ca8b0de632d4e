// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/confirm.h"

#include <unistd.h>

#include <cstdio>

#include "cli/output/text_table.h"

namespace tclone::cli {

namespace {

/// What a command destroys, or "": only those of the table with --yes ask.
std::string destruction(const Invocation& call) {
  const Command& command = call.command();
  if (command.id == Id::pool_destroy)
    return "destroys the pool " + call.one("NAME") + " with every volume and key in it";
  if (command.id == Id::key_restore)
    return "replaces the keys of the volume " + call.one("NAME") + " by those of the backup, removed ones included";
  if (command.id != Id::rm) return {};
  const std::string name = call.one("NAME");
  if (name.find('@') != std::string::npos) return "deletes the version " + name;
  return "deletes the volume " + name + " with all its versions";
}

}  // namespace

Status confirm(const Invocation& call) {
  const std::string what = destruction(call);
  if (what.empty() || call.has("yes") || call.globals.dry_run) return {};
  if (::isatty(STDIN_FILENO) != 1) {
    return fail(Code::usage, "", "this " + what + ", and there is no terminal to ask on",
                "add --yes if that is what you want");
  }
  std::fprintf(stderr, "This %s. Go on? [y/N] ", printable(what).c_str());
  std::fflush(stderr);
  std::string answer;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) answer += static_cast<char>(c);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return fail(Code::failed, "", "nothing was done: the answer was not yes");
}

}  // namespace tclone::cli
