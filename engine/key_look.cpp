// SPDX-License-Identifier: GPL-2.0-or-later
// key list and key test. They read a header, which of a closed vault takes its outer thin: so they take the lock.
#include "engine/lookup.h"
#include "engine/recovery.h"
#include "engine/vault_header.h"

namespace tclone::engine {

Result<KeyList> key_list(Env& env, const Named& r) {
  const auto run = [&]() -> Result<KeyList> {
    Session s = TC_TRY(Session::change(env, r.pool));
    const Vault v = TC_TRY(encrypted_vault(s, r.name));
    KeyList out{r.name, v.name, v.key, {}};
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    const auto act = [&](const std::string& device) -> Status {
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
    TC_CHECK(with_header(s, v, act));
    return out;
  };
  return attempted(run(), "key list " + r.name);
}

Result<KeyTested> key_test(Env& env, const Named& r, const std::optional<KeySource>& source) {
  const auto run = [&]() -> Result<KeyTested> {
    Session s = TC_TRY(Session::change(env, r.pool));
    const Vault v = TC_TRY(encrypted_vault(s, r.name));
    KeyTested out{r.name, v.name, source ? *source : v.key, 0};
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    const auto act = [&](const std::string& device) -> Status {
      TC_CHECK(check_header(s, v, device));
      out.slot = TC_TRY(slot_of(s, v, out.source, device));
      return {};
    };
    TC_CHECK(with_header(s, v, act));
    return out;
  };
  return attempted(run(), "key test " + r.name);
}

}  // namespace tclone::engine
