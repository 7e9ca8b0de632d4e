// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/thin_check.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace tclone::lab {

Result<bool> thin_check_passes(dm::DeviceMapper& mapper, const std::string& pool, const std::string& metadata) {
  const std::string device = mapper.path(metadata);
  std::array<std::string, 3> words{"thin_check", "-m", device};
  std::array<char*, 4> args{words[0].data(), words[1].data(), words[2].data(), nullptr};
  TC_CHECK(mapper.message(pool, "reserve_metadata_snap"));
  pid_t child = 0;
  const int failed = posix_spawnp(&child, args[0], nullptr, nullptr, args.data(), environ);
  int status = -1;
  while (failed == 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  TC_CHECK(mapper.message(pool, "release_metadata_snap"));
  if (failed != 0) return fail_errno(failed, words[0], "cannot be started");
  return status == 0;
}

}  // namespace tclone::lab
