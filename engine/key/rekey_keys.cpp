// SPDX-License-Identifier: GPL-2.0-or-later
// Which keys open a vault after a rekey. Each must be written into the fresh header, so each has to be read once.
#include <algorithm>

#include "engine/core/lookup.h"
#include "engine/key/rekey.h"
#include "engine/stack/vault_header.h"
#include "plan/plan.h"

namespace tclone::engine {
namespace {

bool by_hand(const KeySource& source) { return source.kind == "stdin" || source.kind == "prompt"; }

Status give(Work& w, const KeySource& source, const Secret& secret) {
  w.given.insert_or_assign({source.kind, source.reference}, TC_TRY(Secret::copy_of(secret.bytes())));
  return {};
}

/// What opens the vault now, and its secret.
Result<Secret> unlock(Session& s, Work& w, const Vault& v, const RekeyRequest& r, const std::string& device) {
  const KeySource& source = r.unlock ? *r.unlock : v.key;
  if (source.kind == kTokenKind) {
    return fail(Code::usage, "vault " + v.name, "a token gives no secret with which its volume key can be had",
                "say with --unlock what else opens it");
  }
  Secret secret = TC_TRY(secret_of(s, w, v, source, crypt::Purpose::unlock));
  w.fresh_keys.insert_or_assign(v.outer.n, TC_TRY(s.env.luks.volume_key(device, v.header, secret)));
  return secret;
}

/// What needs no secret to be seen to be wrong.
Status check_sources(const Vault& v, const RekeyRequest& r) {
  if ((r.key ? *r.key : v.key).kind == kTokenKind) {
    return fail(Code::usage, "vault " + v.name, "a token cannot be carried over to a new header",
                "say with --key what opens it from then on, and enrol the token again afterwards");
  }
  if (r.key && r.key->kind == "stdin" && (r.unlock ? *r.unlock : v.key).kind == "stdin") {
    return fail(Code::usage, "stdin", "the old and the new key cannot both come from it",
                "omit --key to keep the key, or use another source for one of them");
  }
  return {};
}

/// The source that activate asks afterwards.
Status choose_key(Session& s, Work& w, const Vault& v, const RekeyRequest& r, const Secret& had, HalfKeys& out) {
  out.key = r.key ? *r.key : v.key;
  if (out.key.generated()) return {};
  if (r.key) return give(w, *r.key, TC_TRY(secret_of(s, w, v, *r.key, crypt::Purpose::create)));
  if (!r.unlock || *r.unlock == v.key) return give(w, v.key, had);
  return give(w, v.key, TC_TRY(secret_of(s, w, v, v.key, crypt::Purpose::unlock)));
}

/// Another source whose slot is known: carried over when it can be read without asking anybody.
Result<bool> carry(Session& s, Work& w, const Vault& v, const SlotSource& known, const std::string& device) {
  if (by_hand(known.source) || known.source.kind == kTokenKind) return false;
  const auto secret = secret_of(s, w, v, known.source, crypt::Purpose::unlock);
  if (!secret && s.env.asked.wanted()) return tl::unexpected(secret.error());
  if (!secret) return false;
  const auto slot = s.env.luks.test(device, v.header, *secret);
  if (!slot || static_cast<std::uint32_t>(*slot) != known.slot) return false;
  if (!known.source.generated()) TC_CHECK(give(w, known.source, *secret));
  return true;
}

/// The secret that opens the half, where the one that opened the vault may be the same.
Status unlock_half(Session& s, Work& w, const Vault& half, const KeySource& had_source, const Secret& had,
                   const std::string& device) {
  if (had_source == half.key) {
    if (auto key = s.env.luks.volume_key(device, half.header, had)) {
      w.fresh_keys.insert_or_assign(half.outer.n, std::move(*key));
      return {};
    }
  }
  const Secret secret = TC_TRY(secret_of(s, w, half, half.key, crypt::Purpose::unlock));
  w.fresh_keys.insert_or_assign(half.outer.n, TC_TRY(s.env.luks.volume_key(device, half.header, secret)));
  return {};
}

}  // namespace

Result<HalfKeys> gather_keys(Session& s, Work& w, const Vault& v, const RekeyRequest& r, const std::string& device) {
  TC_CHECK(check_sources(v, r));
  TC_CHECK(check_header(s, v, device));
  HalfKeys out;
  const Secret had = TC_TRY(unlock(s, w, v, r, device));
  const auto known = known_slots(v);
  for (const SlotSource& k : known) {
    if (k.source == v.key || (r.key && k.source == *r.key)) continue;
    if (TC_TRY(carry(s, w, v, k, device))) {
      out.others.push_back(k.source);
    } else {
      out.lost.push_back(crypt::to_text(k.source));
    }
  }
  for (const crypt::Keyslot& k : TC_TRY(s.env.luks.keyslots(device))) {
    const auto number = static_cast<std::uint32_t>(k.number);
    if (k.unbound || std::any_of(known.begin(), known.end(), [&](const SlotSource& one) { return one.slot == number; }))
      continue;
    out.lost.push_back("key slot " + std::to_string(number) + ", which tclone has not made");
  }
  if (!out.lost.empty() && !r.lose_keys) {
    std::string names;
    for (const std::string& one : out.lost) names += (names.empty() ? "" : "; ") + one;
    return fail(Code::exists, "vault " + v.name,
                "keys that cannot be read here and now would no longer open it: " + names,
                "see to it that they can be read, or say --yes and add them again afterwards (`tclone key add`)");
  }
  TC_CHECK(choose_key(s, w, v, r, had, out));
  return out;
}

Status unlock_halves(Session& s, Work& w, const Vault& v, const RekeyRequest& r) {
  const KeySource& source = r.unlock ? *r.unlock : v.key;
  const Vault half = plan::rekey_target(v);
  Secret had;
  const auto first = [&](const std::string& device) -> Status {
    TC_CHECK(check_header(s, v, device));
    had = TC_TRY(unlock(s, w, v, r, device));
    return {};
  };
  TC_CHECK(with_header(s, w, v, first));
  return with_header(s, w, half, [&](const std::string& device) -> Status {
    TC_CHECK(check_header(s, half, device));
    return unlock_half(s, w, half, source, had, device);
  });
}

}  // namespace tclone::engine
