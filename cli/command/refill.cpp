// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/refill.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <string_view>
#include <vector>

#include "cli/output/output.h"

namespace tclone::cli {

void refill_stock(const std::string& pool) {
  // A fail point is meant for the command it was given to.
  std::vector<char*> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("TCLONE_FAULT")) variables.push_back(*entry);
  }
  variables.push_back(nullptr);
  std::string name = pool;
  std::string words[] = {"tclone", "pool", "stock"};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), name.data(), nullptr};
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t files;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  pid_t child = 0;
  if (posix_spawn(&child, "/proc/self/exe", &files, &attributes, arguments, variables.data()) != 0) {
    Output::say("the stock of vaults was not filled up again; `tclone pool stock " + pool + "` does it");
  }
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
}

}  // namespace tclone::cli
