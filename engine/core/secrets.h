// SPDX-License-Identifier: GPL-2.0-or-later
// Secrets that may take long to come, because a person types, a key service answers or a token waits for a touch or its
// PIN, are waited for without the pool's lock. A command that finds under the lock that it needs one gives up what it began,
// which it can as long as its journal is not written, and is begun anew when the secret is there. What is needed is
// thus decided by the records that hold when it is used: an answer serves only the vault and the source that it was asked
// for, and a token's only the very header that it was asked with.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypt/keys/key_source.h"

namespace tclone::engine {

struct Question {
  KeySource source;
  std::string what;  ///< "vault web1", for prompts and errors
  Uuid vault;        ///< nil for a vault that is to be made: each attempt gives it another
  crypt::Purpose purpose = crypt::Purpose::unlock;
  bool operator==(const Question&) const = default;
};

/// Whether a token that wants a PIN is given one.
enum class Pin { ask, never };

/// For Luks, without the lock: reads PINs as they are wanted. `what` is for prompts and errors ("vault web1").
[[nodiscard]] crypt::PinOf read_pins(const std::string& what, Pin pin = Pin::ask);

/// What one command has asked and was told. Nothing outlives the command (asking).
class Secrets {
 public:
  /// prompt, stdin, exec and a PIN. The others answer at once, but for a token, which has a question of its own (below).
  [[nodiscard]] static bool slow(const KeySource& source);

  /// Reads the secret, or takes what it was told before, failures included. Where it would have to wait, and whoever
  /// runs the command can begin it anew (`may_wait` is false): an error, and wanted() from then on.
  [[nodiscard]] Result<Secret> get(const Question& question, const crypt::KeyFolder& folder, bool may_wait);

  /// What a token said, and the copy of the header it was asked with; null when it was not asked.
  struct Token {
    Uuid vault;
    std::shared_ptr<const Secret> header;  ///< null when the answer is an error
    Result<crypt::TokenKey> answer;
    bool opened = false;  ///< the vault, since the command was last begun
  };
  [[nodiscard]] const Token* token(const Uuid& vault) const;
  /// Whether whoever runs the command can begin it anew.
  [[nodiscard]] bool listening() const { return listening_; }
  /// The token is asked once the lock is released, with a copy of the header. An error, and wanted() from then on.
  [[nodiscard]] tl::unexpected<Error> want_token(crypt::Luks& luks, const Vault& vault, Secret header, Pin pin);

  /// The vault was opened with what its token said.
  void opened(const Uuid& vault);
  /// Drops what the tokens of such vaults said: these stay open even if the command is begun anew. Each copy of a
  /// header is 2 MiB of memory that cannot be swapped out.
  void drop_opened();

  [[nodiscard]] bool wanted() const { return static_cast<bool>(wanted_); }
  /// Waits for the answer to what is wanted.
  void ask();

  /// Between the two a command can be begun anew.
  void begin() { listening_ = true; }
  void end();

 private:
  bool listening_ = false;
  std::function<void()> wanted_;  ///< waits for the answer and keeps it
  std::vector<std::pair<Question, Result<Secret>>> answers_;
  std::vector<Token> tokens_;
};

/// Runs a command, and again whenever it wants a secret that has to be waited for. `run` holds no lock when it returns.
template <class Run>
[[nodiscard]] auto with_secrets(Secrets& asked, Run run) -> decltype(run()) {
  struct Scope {
    Secrets& asked;
    explicit Scope(Secrets& a) : asked(a) { asked.begin(); }
    ~Scope() { asked.end(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };
  const Scope scope(asked);
  while (true) {
    auto done = run();
    if (done || !asked.wanted()) return done;
    asked.ask();
  }
}

}  // namespace tclone::engine
