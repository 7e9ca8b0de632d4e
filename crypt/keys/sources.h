// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: one function per kind of key source. `what` names the vault ("vault web1"). None strips or
// adds bytes unless it says so; none accepts an empty secret.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypt/keys/key_source.h"

namespace tclone::crypt {

/// Byte for byte, as cryptsetup --key-file does. A symbolic link is followed; the file itself must be a regular
/// one, owned by root or the caller, with no permission for group or others.
[[nodiscard]] Result<Secret> read_key_file(const std::string& path, const std::string& what);

/// A file of $CREDENTIALS_DIRECTORY, byte for byte. systemd guards that folder, with ACLs that look like group
/// permissions, so the permissions of the file are not judged.
[[nodiscard]] Result<Secret> read_credential(const std::string& name, const std::string& what);

/// Whether there is such a file.
[[nodiscard]] bool has_credential(const std::string& name);

/// A "user" key, found where request_key(2) looks or in the user keyring, byte for byte.
[[nodiscard]] Result<Secret> read_keyring(const std::string& description, const std::string& what);

/// Asks on the controlling terminal without echo, twice to create; the newline is not part of the secret.
[[nodiscard]] Result<Secret> read_prompt(const std::string& what, Purpose purpose);

/// The same for a PIN, once. `which` is the question; `credential` is what a unit would have it from.
[[nodiscard]] Result<Secret> prompt_for_pin(const std::string& which, const std::string& credential);

/// Standard input to its end, less one newline there.
[[nodiscard]] Result<Secret> read_stdin(const std::string& what);

/// The words of an exec source: separated by spaces or tabs; '...' and "..." group, a backslash outside of '...'
/// takes the next character as it is. No variables, no wildcards, no shell: exec:sh -c '...' is how to get one.
/// usage error for an unfinished quote or no word at all.
[[nodiscard]] Result<std::vector<std::string>> split_command(const std::string& command);

constexpr std::chrono::seconds kExecTimeout{60};

/// Standard output of the command, less one newline at its end; its stderr goes to ours, its stdin is /dev/null.
/// Key error when it cannot be started, exits with anything but 0, is not done in time, or when SIGINT, SIGTERM, SIGQUIT or
/// SIGHUP comes meanwhile. In the last two cases it is killed with everything it has started before this returns; what it
/// leaves running when it ends by itself goes on. It gets our environment and no descriptor besides 0 to 2.
[[nodiscard]] Result<Secret> read_exec(const std::string& command, const std::string& what,
                                       std::chrono::milliseconds timeout = kExecTimeout);

}  // namespace tclone::crypt
