// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/pool/stock.h"

#include <unistd.h>

#include "crypt/keys/key_source.h"
#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/operation.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

constexpr const char* kPrefix = "stock-";

/// By name, so that the cost does not grow with the vaults that clones live in; the record decides.
Result<std::vector<Vault>> stock_of(const Session& s) {
  std::vector<Vault> out;
  for (const std::string& name : TC_TRY(s.store.vault_names())) {
    if (!name.starts_with(kPrefix)) continue;
    const Vault v = TC_TRY(s.store.vault(name));
    if (v.stock) out.push_back(v);
  }
  return out;
}

bool key_is_here(const Session& s, const Vault& v) {
  return ::access(key_folder(s.env).file_of(v.uuid).c_str(), F_OK) == 0;
}

Result<plan::Plan> plan_one_more(Session& s) {
  plan::StockFacts facts;
  facts.common = common_facts(s);
  facts.name = free_vault_name(s, kPrefix + std::to_string(s.record.next_outer));
  facts.vault = Uuid::random();
  facts.header = Uuid::random();
  return plan::plan_stock(facts);
}

/// One step towards what is to be kept; nullopt when nothing is left to do.
Result<std::optional<plan::Plan>> next_step(Session& s, const PoolStock& r) {
  if (r.count && *r.count != s.record.stock) return plan::plan_stock_size(common_facts(s), *r.count);
  const auto stock = TC_TRY(stock_of(s));
  if (stock.size() > s.record.stock) return plan::plan_unstock(common_facts(s), stock.back());
  if (stock.size() == s.record.stock) return std::optional<plan::Plan>{};
  TC_CHECK(s.check_space(new_vault_cost(s, plan::stock_volume(s.record)), "make a vault ahead"));
  return TC_TRY(plan_one_more(s));
}

}  // namespace

Bytes new_vault_cost(const Session& s, Bytes size) {
  Vault v;
  plan::set_geometry(v, size, s.record.block);
  return policies::kHeader + v.provisioned + s.record.block * 2;
}

Result<std::optional<Vault>> stocked_vault(Session& s, Bytes size) {
  if (s.record.stock == 0) return std::optional<Vault>{};
  for (Vault& v : TC_TRY(stock_of(s))) {
    const bool fits = v.block == policies::inner_block(size) && v.header.sector_size == s.record.sector_size;
    if (fits && v.pending.empty() && key_is_here(s, v)) return std::optional<Vault>{std::move(v)};
  }
  return std::optional<Vault>{};
}

Result<Outcome> pool_stock(Env& env, const PoolStock& r) {
  Outcome out;
  const auto run = [&]() -> Result<Outcome> {
    out.name = TC_TRY(resolve_pool(env, r.pool));
    out.operation = "pool stock " + out.name;
    out.changed = false;
    PoolStock left = r;
    for (;;) {
      Work w;
      Session s = TC_TRY(begin_change(env, w, out.name));
      auto plan = TC_TRY(next_step(s, left));
      if (!plan) return out;
      left.count.reset();  // so that two at once, with different counts, come to an end
      auto ran = run_plan(s, w, std::move(*plan));
      if (!ran && out.changed && ran.error().next == kNothingChanged) ran.error().next = "run it again to go on";
      Outcome done = TC_TRY(std::move(ran));
      out.changed = true;
      out.steps.insert(out.steps.end(), done.steps.begin(), done.steps.end());
      if (env.dry_run) return out;
      if (env.stop()) return fail(Code::failed, "pool " + out.name, "interrupted", "run it again to go on");
    }
  };
  return attempted(run(), "pool stock " + r.pool);
}

}  // namespace tclone::engine
