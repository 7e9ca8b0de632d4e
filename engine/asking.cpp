// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/asking.h"

#include <algorithm>

namespace tclone::engine {

bool Asked::slow(const KeySource& source) {
  return source.kind == "prompt" || source.kind == "stdin" || source.kind == "exec";
}

Result<Secret> Asked::get(const Question& question, const crypt::KeyFolder& folder, bool may_wait) {
  const auto told = std::find_if(answers_.begin(), answers_.end(), [&](const auto& a) { return a.first == question; });
  if (told != answers_.end()) {
    if (!told->second) return tl::unexpected(told->second.error());
    return Secret::copy_of(told->second->bytes());
  }
  if (may_wait || !listening_ || !slow(question.source)) {
    return crypt::read_secret(question.source, folder, question.vault, question.what, question.purpose);
  }
  wanted_ = question;
  return fail(Code::key, question.what, "its key has to be asked for first");
}

void Asked::ask() {
  const Question question = *std::exchange(wanted_, std::nullopt);
  answers_.emplace_back(question,
                        crypt::read_secret(question.source, {}, question.vault, question.what, question.purpose));
}

void Asked::end() {
  listening_ = false;
  wanted_.reset();
  answers_.clear();
}

}  // namespace tclone::engine
