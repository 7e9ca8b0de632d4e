// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan/plan.h"
#include "policies/sizing.h"

namespace tclone::plan {

Vault rekey_target(const Vault& v) {
  Vault half = v;
  if (!v.rekey) return half;
  half.outer = v.rekey->outer;
  half.uuid = v.rekey->uuid;
  half.header = v.rekey->header;
  half.key = v.rekey->key;
  half.slots = v.rekey->slots;
  half.rekey.reset();
  return half;
}

Plan plan_rekey_begin(const RekeyFacts& f) {
  Draft d(f.common.pool_name, f.operation, f.common.pool, f.common.now);
  Vault& vault = d.vault(f.vault);
  Rekey rekey;
  rekey.outer = ThinId{d.pool.next_outer++};
  rekey.uuid = f.uuid;
  rekey.header = {f.header, "aes", "xts-plain64", 512, f.vault.header.sector_size, policies::kHeader};
  rekey.key = f.key;
  // The header is fresh: slots are given out in order, the first with it.
  if (!f.others.empty()) rekey.slots.push_back({0, f.key});
  for (const KeySource& other : f.others)
    rekey.slots.push_back({static_cast<std::uint32_t>(rekey.slots.size()), other});
  vault.rekey = rekey;
  const Vault half = rekey_target(vault);
  const OuterRef target{half.outer, half.uuid, half.name, true};
  d.plan.to_undo.outer.push_back(target);
  d.plan.before.emplace_back(CreateOuter{target});
  d.plan.before.emplace_back(MakeHeader{half});
  for (const SlotSource& slot : half.slots) {
    if (slot.slot != 0) d.plan.before.emplace_back(AddKey{half, slot});
  }
  return d.finish();
}

// After the commit the vault is the new half. The old header goes at once, with its key file; the ciphertext behind it is
// overwritten later and longer, but from here on only whoever has kept the old volume key could read it.
Plan plan_rekey_switch(const RekeyFacts& f) {
  Draft d(f.common.pool_name, f.operation, f.common.pool, f.common.now);
  Vault& vault = d.vault(f.vault);
  Rekey left;
  left.stage = Rekey::Stage::erase;
  left.outer = f.vault.outer;
  left.uuid = f.vault.uuid;
  vault = rekey_target(f.vault);
  vault.rekey = left;
  d.plan.cleanup.shred.push_back({left.outer, left.uuid, vault.name, true});
  return d.finish();
}

Plan plan_rekey_end(const RekeyFacts& f) {
  Draft d(f.common.pool_name, f.operation, f.common.pool, f.common.now);
  Vault& vault = d.vault(f.vault);
  if (vault.rekey) d.plan.cleanup.outer.push_back({vault.rekey->outer, vault.rekey->uuid, vault.name, true});
  vault.rekey.reset();
  return d.finish();
}

std::vector<std::string> rekey_texts(RekeyFacts f) {
  std::vector<std::string> out;
  const auto add = [&](const Plan& plan) {
    for (const std::string& text : plan.texts()) out.push_back(text);
    f.vault = plan.change.vaults.front();
    f.common.pool = *plan.change.pool;
  };
  const auto other = [&] { return std::to_string(f.vault.rekey->outer.n); };
  if (!f.vault.rekey) add(plan_rekey_begin(f));
  if (f.vault.being_copied()) {
    out.push_back("copy what vault " + f.vault.name + " maps to outer thin " + other());
    out.emplace_back("check the metadata that was copied");
    add(plan_rekey_switch(f));
  }
  out.push_back("overwrite what outer thin " + other() + " maps, and read it back");
  add(plan_rekey_end(f));
  return out;
}

}  // namespace tclone::plan
