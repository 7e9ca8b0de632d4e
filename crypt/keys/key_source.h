// SPDX-License-Identifier: GPL-2.0-or-later
// Where unlocking secrets come from. A secret goes from its source into a Secret and from there to Luks, nowhere
// else.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "crypt/luks/luks.h"
#include "model/key.h"

namespace tclone::crypt {

/// The folder of generated key files: /etc/tclone/keys, or $TCLONE_ETC/keys in tests.
struct KeyFolder {
  std::string path;
  /// "<folder>/<vault uuid>.key"
  [[nodiscard]] std::string file_of(const Uuid& vault) const;
};

/// Makes a random 512-bit key file (0600; its folder 0700, made if missing), fsync'd with its folder before it
/// returns. An existing file is a refusal (exists), never overwritten.
[[nodiscard]] Result<Secret> make_key_file(const KeyFolder& folder, const Uuid& vault);
/// Overwrites, fsyncs and unlinks the vault's key file, then fsyncs the folder; a missing one is success. Of a link only the
/// link goes, with a warning: what it points to was put there by somebody else.
[[nodiscard]] Status remove_key_file(const KeyFolder& folder, const Uuid& vault);

/// "file" (the generated key file), "file:PATH" (made absolute), "prompt", "stdin", "keyring:DESCRIPTION",
/// "credential:NAME", "exec:COMMAND", "token".
/// usage error otherwise.
[[nodiscard]] Result<KeySource> parse_key_source(const std::string& text);
[[nodiscard]] std::string to_text(const KeySource& source);
/// human for prompt and stdin, and for whatever is shorter than 32 bytes; machine for a file, keyring, credential
/// and exec from 32 bytes on.
[[nodiscard]] Cost cost_of(const KeySource& source, std::size_t secret_size);

enum class Purpose { unlock, create };
/// Not a source that anybody can name: the PIN of a token, whose type is the reference (read_pin).
constexpr const char* kPinKind = "pin";
/// Reads the secret. `what` names the vault in prompts and errors ("vault web1"). Purpose create asks a prompt twice.
/// Errors: key (missing file, loose permissions or owner, empty, larger than 8 MiB, command failed or timed out),
/// each saying how to mend it.
[[nodiscard]] Result<Secret> read_secret(const KeySource& source, const KeyFolder& folder, const Uuid& vault,
                                         const std::string& what, Purpose purpose);

/// The PIN of a token of that type ("systemd-tpm2"): the credential that systemd-cryptsetup(8) would take it from
/// (cryptsetup.tpm2-pin, or cryptsetup.luks2-pin), byte for byte, else asked for on the terminal. Error key as above.
[[nodiscard]] Result<Secret> read_pin(const std::string& type, const std::string& what);

}  // namespace tclone::crypt
