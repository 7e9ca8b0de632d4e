// SPDX-License-Identifier: GPL-2.0-or-later
// key list and key test. They read a header. That of an open vault is there to be read; for that of a closed one its outer
// thin is activated, and only that takes the pool's lock, for which nobody waits long just to look.
#include <algorithm>
#include <memory>

#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/vault_layers.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
constexpr std::chrono::milliseconds kPatience = 5s;

using Look = std::function<Status(Session&, Work&, const Vault&, const std::string& device)>;

/// nullopt when the vault is closed, or was closed meanwhile.
Result<std::optional<Status>> look_at_open(Env& env, const Named& r, const Look& look) {
  Work w;
  Session s = TC_TRY(Session::look(env, r.pool));
  const Vault v = TC_TRY(encrypted_vault(s, r.name));
  if (!TC_TRY(vault_is_open(s, w, v))) return std::optional<Status>{};
  Status looked = with_header(s, w, v, [&](const std::string& device) { return look(s, w, v, device); });
  if (!looked && !TC_TRY(vault_is_open(s, w, v))) return std::optional<Status>{};
  return std::optional<Status>{std::move(looked)};
}

Status look_at_header(Env& env, const Named& r, const Look& look) {
  if (const auto looked = TC_TRY(look_at_open(env, r, look))) return *looked;
  const auto wait = env.lock_deadline;
  env.lock_deadline = std::min(wait, kPatience);
  Work w;
  auto session = begin_change(env, w, r.pool);
  env.lock_deadline = wait;
  Session s = TC_TRY(std::move(session));
  const Vault v = TC_TRY(encrypted_vault(s, r.name));
  const WorkMark mark = TC_TRY(WorkMark::set(s));
  return with_header(s, w, v, [&](const std::string& device) { return look(s, w, v, device); });
}

}  // namespace

Result<KeyList> key_list(Env& env, const Named& r) {
  const auto run = [&]() -> Result<KeyList> {
    KeyList out;
    const auto read = [&](Session& s, Work& /*w*/, const Vault& v, const std::string& device) -> Status {
      out = {r.name, v.name, v.key, {}};
      TC_CHECK(check_header(s, v, device));
      for (const crypt::Keyslot& k : TC_TRY(s.env.luks.keyslots(device))) {
        KeySlotView view{static_cast<std::uint32_t>(k.number), k.kdf, k.iterations, k.memory_kib, {}};
        for (const SlotSource& known : known_slots(v)) {
          if (known.slot == view.slot) view.sources.push_back(known.source);
        }
        out.slots.push_back(std::move(view));
      }
      return {};
    };
    TC_CHECK(look_at_header(env, r, read));
    return out;
  };
  return attempted(run(), "key list " + r.name);
}

Result<KeyTested> key_test(Env& env, const Named& r, const std::optional<KeySource>& source) {
  const auto run = [&]() -> Result<KeyTested> {
    KeyTested out{r.name, {}, {}, 0};
    // Somebody may take long to type a passphrase: it is asked before anything is held.
    Secret secret;
    {
      const Session s = TC_TRY(Session::look(env, r.pool));
      const Vault v = TC_TRY(encrypted_vault(s, r.name));
      out.vault = v.name;
      out.source = source ? *source : v.key;
      if (out.source.kind != kTokenKind) secret = TC_TRY(secret_of(s, Work{}, v, out.source, crypt::Purpose::unlock));
    }
    std::function<Result<crypt::TokenKey>()> ask;  // a token, once nothing is held any more
    const auto test = [&](Session& s, Work& w, const Vault& v, const std::string& device) -> Status {
      TC_CHECK(check_header(s, v, device));
      if (out.source.kind == kTokenKind) {
        if (auto header = s.env.luks.copy_header(device, v.header)) {
          auto copy = std::make_shared<const Secret>(std::move(*header));
          ask = [&env, copy, v] {
            const std::string what = "vault " + v.name;
            return env.luks.ask_token(*copy, v.header, what, read_pins(what));
          };
          return {};
        }
      }
      const auto slot = out.source.kind == kTokenKind ? s.env.luks.test_token(device, v.header, pin_of(s, w, v))
                                                      : s.env.luks.test(device, v.header, secret);
      out.slot = static_cast<std::uint32_t>(TC_TRY(slot));
      return {};
    };
    TC_CHECK(look_at_header(env, r, test));
    if (ask) out.slot = static_cast<std::uint32_t>(TC_TRY(ask()).keyslot);
    return out;
  };
  return attempted(with_secrets(env.asked, run), "key test " + r.name);
}

}  // namespace tclone::engine
