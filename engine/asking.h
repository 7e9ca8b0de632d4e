// SPDX-License-Identifier: GPL-2.0-or-later
// Secrets that may take long to come, because a person types or a key service answers, are waited for without the pool's
// lock. A command that finds under the lock that it needs one gives up what it began, which it can as long as its journal
// is not written, and is begun anew when the secret is there. What is needed is thus decided by the records that hold when
// it is used: an answer serves only the vault and the source that it was asked for.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypt/key_source.h"

namespace tclone::engine {

struct Question {
  KeySource source;
  std::string what;  ///< "vault web1", for prompts and errors
  Uuid vault;        ///< nil for a vault that is to be made: each attempt gives it another
  crypt::Purpose purpose = crypt::Purpose::unlock;
  bool operator==(const Question&) const = default;
};

/// What one command has asked and was told. Nothing outlives the command (asking).
class Asked {
 public:
  /// prompt, stdin and exec; the other sources answer at once, or, as a token, only where the header can be read.
  [[nodiscard]] static bool slow(const KeySource& source);

  /// Reads the secret, or takes what it was told before, failures included. Where it would have to wait, and whoever runs
  /// the command can begin it anew (`may_wait` is false): an error, and wanted() from then on.
  [[nodiscard]] Result<Secret> get(const Question& question, const crypt::KeyFolder& folder, bool may_wait);

  [[nodiscard]] bool wanted() const { return wanted_.has_value(); }
  /// Waits for the answer to what is wanted.
  void ask();

  /// Between the two a command can be begun anew.
  void begin() { listening_ = true; }
  void end();

 private:
  bool listening_ = false;
  std::optional<Question> wanted_;
  std::vector<std::pair<Question, Result<Secret>>> answers_;
};

/// Runs a command, and again whenever it wants a secret that has to be waited for. `run` holds no lock when it returns.
template <class Run>
[[nodiscard]] auto asking(Asked& asked, Run run) -> decltype(run()) {
  struct Scope {
    Asked& asked;
    explicit Scope(Asked& a) : asked(a) { asked.begin(); }
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
