// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: what a command that we start starts itself, so that ending the command ends all of it.
//
// Not a process group or a session of its own: the command may have to ask somebody on the terminal (pass, gpg,
// systemd-ask-password), and only the foreground group may read there. Making a new group the foreground one, as a shell
// does, takes Ctrl-Z, Ctrl-C and the terminal's hang-up away from whoever started us, and a killed tclone would leave the
// terminal to a group that is gone. What daemonises itself leaves a group or session, too. So the command stays in our
// group, and we are the one to whom its orphans come (PR_SET_CHILD_SUBREAPER). Only our own children are ever killed, and a
// pid of theirs cannot be anybody else's before we have reaped it; each kill brings us the next generation.
//
// Where orphans of others would come to us as well, because we had children before or are process 1, they could not be told
// from the command's. Then only what hangs below the command is killed, and what has daemonised itself is left.
#pragma once

#include <sys/types.h>

namespace tclone::crypt {

class ProcessTree {
 public:
  /// From here on; children that are there already (a shell's `job & exec tclone`), and what they start, are none of it.
  ProcessTree();
  /// What is still running then goes to init, as it would have done without us.
  ~ProcessTree();
  ProcessTree(const ProcessTree&) = delete;
  ProcessTree& operator=(const ProcessTree&) = delete;

  /// Kills and reaps everything that was started, however deep; with children from before only `command` is reaped, and only
  /// what hangs below it is killed. What does not die within two seconds (a process that waits for a dead disk) is left.
  /// Without /proc/…/children (CONFIG_PROC_CHILDREN) only `command` itself is killed.
  void kill_all(pid_t command) const;

 private:
  bool alone_;  ///< every orphan that comes to us is the command's
  bool was_reaper_ = false;
};

}  // namespace tclone::crypt
