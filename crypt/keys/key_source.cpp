// SPDX-License-Identifier: GPL-2.0-or-later
#include "crypt/keys/key_source.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "crypt/keys/sources.h"
#include "crypt/luks/pbkdf.h"

namespace tclone::crypt {
namespace {

enum class Reference { none, optional, required };
struct Kind {
  std::string_view name;
  Reference reference;
};
constexpr std::array<Kind, 7> kKinds{{{"file", Reference::optional},
                                      {"prompt", Reference::none},
                                      {"stdin", Reference::none},
                                      {"keyring", Reference::required},
                                      {"credential", Reference::required},
                                      {"exec", Reference::required},
                                      {"token", Reference::none}}};

tl::unexpected<Error> bad(const std::string& text, const std::string& why) {
  return fail(Code::usage, text, why,
              "a key source is file:PATH, prompt, stdin, keyring:DESCRIPTION, credential:NAME, exec:COMMAND or token");
}

/// Records outlive the working directory.
Result<std::string> absolute(const std::string& text, const std::string& path) {
  std::error_code error;
  const auto made = std::filesystem::absolute(path, error);
  if (error) return bad(text, "the path of the key file cannot be made absolute");
  return made.lexically_normal().string();
}

}  // namespace

Result<KeySource> parse_key_source(const std::string& text) {
  const auto colon = text.find(':');
  const bool has_reference = colon != std::string::npos;
  KeySource source;
  source.kind = text.substr(0, colon);
  source.reference = has_reference ? text.substr(colon + 1) : "";
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.name == source.kind; });
  // What was typed is not said again: it may be the passphrase itself.
  if (kind == kKinds.end()) return bad("key source", "unknown kind of key source");
  if (kind->reference == Reference::none && has_reference) return bad(source.kind, "takes nothing behind a colon");
  if (kind->reference != Reference::none && has_reference && source.reference.empty()) {
    return bad(source.kind, "nothing stands behind the colon");
  }
  if (kind->reference == Reference::required && !has_reference) return bad(source.kind, "needs a name after the colon");
  const bool control = std::any_of(source.reference.begin(), source.reference.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
  if (control) return bad(source.kind, "control characters are not allowed");
  if (source.kind == "file" && has_reference) source.reference = TC_TRY(absolute(text, source.reference));
  if (source.kind == "exec") TC_TRY(split_command(source.reference));
  const bool plain_name = source.reference.find('/') == std::string::npos && source.reference[0] != '.';
  if (source.kind == "credential" && !plain_name) return bad(source.kind, "a credential has a plain name");
  return source;
}

std::string to_text(const KeySource& source) {
  return source.reference.empty() ? source.kind : source.kind + ":" + source.reference;
}

Cost cost_of(const KeySource& source, std::size_t secret_size) {
  if (source.kind == "prompt" || source.kind == "stdin") return Cost::human;
  return secret_size >= kMachineSecretSize ? Cost::machine : Cost::human;
}

Result<Secret> read_secret(const KeySource& source, const KeyFolder& folder, const Uuid& vault, const std::string& what,
                           Purpose purpose) {
  const auto read = [&]() -> Result<Secret> {
    if (source.kind == "file") {
      return read_key_file(source.reference.empty() ? folder.file_of(vault) : source.reference, what);
    }
    if (source.kind == "prompt") return read_prompt(what, purpose);
    if (source.kind == "stdin") return read_stdin(what);
    if (source.kind == "keyring") return read_keyring(source.reference, what);
    if (source.kind == "credential") return read_credential(source.reference, what);
    if (source.kind == "exec") return read_exec(source.reference, what);
    if (source.kind == kPinKind) return read_pin(source.reference, what);
    if (source.kind == "token") return fail(Code::usage, what, "a token gives no secret to read");
    return fail(Code::usage, what, "there is no key source of kind '" + source.kind + "'");
  };
  Secret secret = TC_TRY(read());
  if (secret.empty()) {
    const std::string object = source.kind == "exec" ? source.kind : to_text(source);  // no arguments in messages
    return fail(Code::key, object, "the key of " + what + " is empty");
  }
  return secret;
}

}  // namespace tclone::crypt
