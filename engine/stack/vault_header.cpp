// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/vault_header.h"

#include <algorithm>

#include "base/fault.h"
#include "base/log.h"
#include "engine/core/lookup.h"
#include "engine/stack/vault_layers.h"
#include "model/device_names.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

Status remove_slot(Session& s, const Vault& v, const KeyCleanup& due, const std::string& device) {
  const auto slots = TC_TRY(s.env.luks.keyslots(device));
  const int number = static_cast<int>(due.slot);
  if (std::none_of(slots.begin(), slots.end(), [&](const crypt::Keyslot& k) { return k.number == number; })) return {};
  return due.last ? s.env.luks.remove_last_key(device, v.header, number)
                  : s.env.luks.remove_key(device, v.header, number);
}

}  // namespace

Status with_header(Session& s, Work& w, const Vault& v, const std::function<Status(const std::string&)>& act) {
  const std::string thin = device_names::vault_thin(s.pool, v.outer);
  const bool open = TC_TRY(vault_is_open(s, w, v));
  if (!open && !TC_TRY(activate_outer_thin(s, w, v.outer))) {
    return fail(Code::damaged, "vault " + v.name, "its outer thin is gone", "run `tclone doctor`");
  }
  Status done = act(s.env.dm.path(thin));
  if (!open) {
    auto down = s.env.dm.remove(thin, 3000ms);
    if (!down && done) return down;
  }
  return done;
}

Status check_header(Session& s, const Vault& v, const std::string& device) {
  const HeaderFacts found = TC_TRY(s.env.luks.inspect(device));
  if (found == v.header) return {};
  return fail(Code::damaged, "vault " + v.name, "its LUKS2 header differs from the record",
              "do not write to it before you know who changed it; `tclone key restore` brings a saved one back");
}

std::vector<SlotSource> known_slots(const Vault& v) {
  return v.slots.empty() ? std::vector<SlotSource>{{0, v.key}} : v.slots;
}

Result<Vault> encrypted_vault(const Session& s, const std::string& name) {
  Vault v = TC_TRY(s.store.vault(TC_TRY(find_volume(s, name)).vault));
  if (v.encrypted) return v;
  return fail(Code::usage, "vault " + v.name, "it is not encrypted, so it has no keys");
}

Result<Secret> secret_of(const Session& s, const Work& w, const Vault& v, const KeySource& source,
                         crypt::Purpose purpose) {
  const bool made = purpose == crypt::Purpose::unlock;
  return s.env.asked.get({source, "vault " + v.name, made ? v.uuid : Uuid{}, purpose}, key_folder(s.env),
                         !w.may_begin_anew);
}

crypt::PinOf pin_of(const Session& s, const Work& w, const Vault& v, Pin pin) {
  if (pin == Pin::never) return read_pins("vault " + v.name, pin);
  return [&s, &w, &v](const std::string& type) {
    return secret_of(s, w, v, {crypt::kPinKind, type}, crypt::Purpose::unlock);
  };
}

Result<std::optional<crypt::TokenKey>> token_key(const Session& s, const Work& w, const Vault& v,
                                                 const std::string& device, Pin pin) {
  const Secrets::Token* told = s.env.asked.token(v.uuid);
  if (told == nullptr && (!w.may_begin_anew || !s.env.asked.listening())) return std::optional<crypt::TokenKey>{};
  if (told != nullptr && !told->answer) return tl::unexpected(told->answer.error());
  auto header = s.env.luks.copy_header(device, v.header);
  if (!header && header.error().code == Code::kernel) return std::optional<crypt::TokenKey>{};
  if (!header) return tl::unexpected(header.error());
  if (told == nullptr) return s.env.asked.want_token(s.env.luks, v, std::move(*header), pin);
  if (!header->same_as(*told->header)) {
    return fail(Code::busy, "vault " + v.name, "its header was changed while its token was waited for", "try again");
  }
  return crypt::TokenKey{told->answer->keyslot, TC_TRY(Secret::copy_of(told->answer->volume_key.bytes()))};
}

namespace {

/// As require_key.
Status require_token(Session& s, Work& w, const Vault& v) {
  if (const Secrets::Token* told = s.env.asked.token(v.uuid)) {
    return told->answer ? Status{} : tl::unexpected(told->answer.error());
  }
  if (!s.env.asked.listening() || TC_TRY(vault_is_open(s, w, v))) return {};
  return with_header(s, w, v, [&](const std::string& device) -> Status {
    TC_TRY(token_key(s, w, v, device));
    return {};
  });
}

}  // namespace

Status require_key(Session& s, Work& w, const Vault& v) {
  if (w.may_begin_anew && v.encrypted && v.key.kind == kTokenKind && !w.fresh_keys.contains(v.outer.n)) {
    return require_token(s, w, v);
  }
  if (!w.may_begin_anew || !Secrets::slow(v.key) || !v.encrypted || w.fresh_keys.contains(v.outer.n)) return {};
  if (!TC_TRY(vault_is_open(s, w, v))) TC_TRY(secret_of(s, w, v, v.key, crypt::Purpose::unlock));
  return {};
}

Status require_key_to_set(Session& s, Work& w, const Vault& v, const KeySource& source) {
  if (!w.may_begin_anew || !Secrets::slow(source) || w.given.contains({source.kind, source.reference})) return {};
  TC_TRY(secret_of(s, w, v, source, crypt::Purpose::create));
  return {};
}

Result<std::uint32_t> slot_of(const Session& s, const Work& w, const Vault& v, const KeySource& source,
                              const std::string& device, Pin pin) {
  if (source.kind == kTokenKind) {
    if (const auto opened = TC_TRY(token_key(s, w, v, device, pin))) return static_cast<std::uint32_t>(opened->keyslot);
    return static_cast<std::uint32_t>(TC_TRY(s.env.luks.test_token(device, v.header, pin_of(s, w, v, pin))));
  }
  const Secret secret = TC_TRY(secret_of(s, w, v, source, crypt::Purpose::unlock));
  return static_cast<std::uint32_t>(TC_TRY(s.env.luks.test(device, v.header, secret)));
}

Status remove_key(Session& s, Work& w, const KeyCleanup& due) {
  auto vault = s.store.vault(due.vault);
  if (!vault && vault.error().code == Code::not_found) return {};
  if (!vault) return tl::unexpected(vault.error());
  auto removed =
      with_header(s, w, *vault, [&](const std::string& device) { return remove_slot(s, *vault, due, device); });
  if (!removed && removed.error().code == Code::damaged) {
    // One broken header must not hold up the pool for ever; such a vault is refused at activation in any case.
    log::warn("key slot " + std::to_string(due.slot) + " of vault " + due.vault +
              " is left: " + removed.error().text());
    return {};
  }
  TC_CHECK(removed);
  TCLONE_FAULT_POINT("keyslot.removed");
  if (due.key_file) TC_CHECK(crypt::remove_key_file(key_folder(s.env), vault->uuid));
  return {};
}

}  // namespace tclone::engine
