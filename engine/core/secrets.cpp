// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/core/secrets.h"

#include <algorithm>

namespace tclone::engine {

crypt::PinOf read_pins(const std::string& what, Pin pin) {
  return [what, pin](const std::string& type) -> Result<Secret> {
    if (pin == Pin::ask) return crypt::read_pin(type, what);
    return fail(Code::key, what, "the token " + type + " wants a PIN");
  };
}

bool Secrets::slow(const KeySource& source) {
  return source.kind == "prompt" || source.kind == "stdin" || source.kind == "exec" || source.kind == crypt::kPinKind;
}

Result<Secret> Secrets::get(const Question& question, const crypt::KeyFolder& folder, bool may_wait) {
  const auto told = std::find_if(answers_.begin(), answers_.end(), [&](const auto& a) { return a.first == question; });
  if (told != answers_.end()) {
    if (!told->second) return tl::unexpected(told->second.error());
    return Secret::copy_of(told->second->bytes());
  }
  if (may_wait || !listening_ || !slow(question.source)) {
    return crypt::read_secret(question.source, folder, question.vault, question.what, question.purpose);
  }
  wanted_ = [this, question] {
    answers_.emplace_back(question,
                          crypt::read_secret(question.source, {}, question.vault, question.what, question.purpose));
  };
  return fail(Code::key, question.what, "its key has to be asked for first");
}

const Secrets::Token* Secrets::token(const Uuid& vault) const {
  const auto told = std::find_if(tokens_.begin(), tokens_.end(), [&](const Token& t) { return t.vault == vault; });
  return told == tokens_.end() ? nullptr : &*told;
}

tl::unexpected<Error> Secrets::want_token(crypt::Luks& luks, const Vault& vault, Secret header, Pin pin) {
  const std::string what = "vault " + vault.name;
  auto copy = std::make_shared<const Secret>(std::move(header));
  wanted_ = [this, &luks, id = vault.uuid, facts = vault.header, what, copy, pin] {
    auto answer = luks.ask_token(*copy, facts, what, read_pins(what, pin));
    tokens_.push_back({id, answer ? copy : nullptr, std::move(answer)});
  };
  return fail(Code::key, what, "its token has to be asked first");
}

void Secrets::opened(const Uuid& vault) {
  for (Token& t : tokens_) t.opened = t.opened || t.vault == vault;
}

void Secrets::drop_opened() {
  std::erase_if(tokens_, [](const Token& t) { return t.opened; });
}

void Secrets::ask() {
  // Whoever begins anew has closed what it had not finished.
  for (Token& t : tokens_) t.opened = false;
  std::exchange(wanted_, nullptr)();
}

void Secrets::end() {
  listening_ = false;
  wanted_ = nullptr;
  answers_.clear();
  tokens_.clear();
}

}  // namespace tclone::engine
