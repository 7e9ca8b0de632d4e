// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/core/lookup.h"
#include "engine/pool/stock.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/operation.h"
#include "engine/protocol/write_out.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "os/loop.h"
#include "os/probe.h"
#include "policies/sizing.h"
#include "state/rules.h"

namespace tclone::engine {
namespace {

struct Image {
  Bytes size;
  Bytes allocated;
  FsKind fs = FsKind::none;
  std::uint32_t fs_block = 0;
};

/// The pool's own file grows by whatever is copied out of it.
Status refuse_own_file(const Session& s, const std::string& path) {
  for (const std::string& own : s.files()) {
    if (!os::same_file(own, path)) continue;
    return fail(Code::busy, path, "it is the file of pool " + s.pool + " itself",
                "copy it elsewhere while the pool is not active");
  }
  return {};
}

Result<Image> look_at_image(Session& s, const std::string& path) {
  // The journal tells where what is copied comes from.
  if (const state::Wrong why = state::wrong_line(path)) {
    return fail(Code::usage, "--from", std::string("the image's path ") + why, "give it another name, or a link to it");
  }
  const os::BlockFacts facts = TC_TRY(os::block_facts(path));
  if (facts.size.n == 0) return fail(Code::usage, path, "the image is empty");
  if (!facts.block_device) TC_CHECK(refuse_own_file(s, path));
  TC_CHECK(facts.block_device ? os::claimable(path) : os::claimable_file(path));
  Image image{facts.size, facts.size, TC_TRY(os::filesystem(path)), TC_TRY(os::filesystem_block(path))};
  if (!facts.block_device) image.allocated = TC_TRY(os::allocated(path));
  // A filesystem made for 512-byte sectors may not be readable behind 4096-byte ones.
  if (facts.size.n % s.record.sector_size != 0 && image.fs != FsKind::none) {
    return fail(Code::usage, path,
                "its size is no multiple of the pool's sector size of " + std::to_string(s.record.sector_size),
                "use a pool made with --sector-size 512");
  }
  return image;
}

/// A token gives no secret to make a header with: it is enrolled in one that is there.
Status refuse_token(const std::optional<KeySource>& key) {
  if (!key || key->kind != kTokenKind) return {};
  return fail(
      Code::usage, "--key token", "a token can only be enrolled in a header that is there",
      "make it with another key, enrol the token (systemd-cryptenroll), then `tclone key add NAME --key token`");
}

Outcome with_device(Session& s, Outcome out, const std::string& name) {
  out.name = name;
  out.device = s.env.dm.path(device_names::volume(s.pool, name));
  return out;
}

Result<Outcome> create_in(Session& s, Work& w, const Create& r) {
  TC_CHECK(refuse_existing(s, r.name));
  plan::CreateFacts facts;
  facts.common = common_facts(s);
  facts.name = r.name;
  facts.vault_name = free_vault_name(s, r.name);
  facts.volume = Uuid::random();
  facts.vault = Uuid::random();
  facts.header = Uuid::random();
  facts.fs = r.fs;
  facts.encrypted = !r.plain;
  if (r.key) facts.key = *r.key;
  Bytes data{};
  std::string warning;
  if (!r.from.empty()) {
    const Image image = TC_TRY(look_at_image(s, r.from));
    if (r.size && *r.size < image.size) {
      return fail(Code::usage, r.from, "the image has " + format_size(image.size) + ", more than the size asked for",
                  "leave --size away or choose a larger one");
    }
    facts.size = TC_TRY(policies::volume_size(r.size ? *r.size : std::max(image.size, policies::kMinVolume)));
    facts.fs = image.fs;
    facts.image = r.from;
    data = image.allocated;
    if (facts.encrypted && image.fs_block != 0 && image.fs_block < s.record.sector_size) {
      warning =
          "the filesystem in " + r.from + " has blocks of " + format_size(Bytes{image.fs_block}) +
          ", smaller than the sectors of this pool, and cannot be mounted here; a pool made with --sector-size 512 "
          "takes it";
    }
  } else {
    if (!r.size) return fail(Code::usage, r.name, "no size was given", "say --size SIZE or --from IMAGE");
    facts.size = TC_TRY(policies::volume_size(*r.size));
  }
  TC_CHECK(s.check_space(new_vault_cost(s, facts.size) + data, "create " + r.name));
  Outcome out = with_device(s, TC_TRY(run_plan(s, w, plan::plan_create(facts))), r.name);
  if (!warning.empty()) out.warnings.push_back(warning);
  return out;
}

/// The vault a clone goes to, when not to a new one.
Result<std::optional<Vault>> vault_for_clone(Session& s, const Clone& r, const Vault& source) {
  if (!r.vault.empty()) {
    TC_CHECK(names::check_volume_name(r.vault));
    auto vault = s.store.vault(r.vault);
    if (!vault && vault.error().code == Code::not_found) {
      return fail(Code::not_found, r.vault, "there is no vault of that name", "`tclone status` shows them");
    }
    if (vault && vault->stock) return fail(Code::usage, r.vault, "that vault was made ahead", "leave --vault away");
    return std::optional<Vault>{TC_TRY(std::move(vault))};
  }
  if (r.shared_key) return std::optional<Vault>{source};
  return std::optional<Vault>{};
}

Result<Outcome> clone_in(Session& s, Work& w, const Clone& r) {
  const names::Target target = TC_TRY(names::parse_target(r.source));
  TC_CHECK(refuse_existing(s, r.name));
  if (!r.follows.empty() && r.follows != "latest") TC_CHECK(names::check_tag(r.follows));
  plan::CloneFacts facts;
  facts.source = TC_TRY(find_volume(s, target.volume));
  facts.source_vault = TC_TRY(s.store.vault(facts.source.vault));
  if (target.has_version()) facts.from = TC_TRY(find_version(s, target));
  facts.common = common_facts(s);
  facts.name = r.name;
  facts.vault_name = free_vault_name(s, r.name);
  facts.volume = Uuid::random();
  facts.vault = Uuid::random();
  facts.header = Uuid::random();
  facts.version = Uuid::random();
  facts.follows = r.follows;
  if (r.key) facts.key = *r.key;
  facts.into = TC_TRY(vault_for_clone(s, r, facts.source_vault));
  if (facts.into && r.key) {
    return fail(Code::usage, "--key", "a clone in an existing vault has that vault's key",
                "omit --key, or omit --shared-key and --vault");
  }
  const Bytes size = facts.from ? facts.from->size : facts.source.size;
  if (!facts.into && facts.key.generated()) facts.stock = TC_TRY(stocked_vault(s, size));
  const bool made_already = facts.into || facts.stock;
  TC_CHECK(
      s.check_space(made_already ? s.record.block : new_vault_cost(s, size), "clone " + r.source + " to " + r.name));
  plan::Plan plan = plan::plan_clone(facts);
  std::vector<VersionRef> made;
  for (const Version& v : plan.change.versions) made.push_back(v.ref());
  Outcome out = with_device(s, TC_TRY(run_plan(s, w, std::move(plan))), r.name);
  out.versions = std::move(made);
  return out;
}

}  // namespace

Result<Outcome> create(Env& env, const Create& r) {
  const std::string what = "create " + r.name;
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(r.name));
    if (r.plain && r.key) {
      return fail(Code::usage, "--plain", "a plain vault has no key", "leave one of --plain and --key away");
    }
    TC_CHECK(refuse_token(r.key));
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    return create_in(s, w, r);
  };
  return attempted(with_secrets(env.asked, run), what);
}

Result<Outcome> clone(Env& env, const Clone& r) {
  const std::string what = "clone " + r.source + " to " + r.name;
  std::string refill;
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(names::check_volume_name(r.name));
    const names::Target target = TC_TRY(names::parse_target(r.source));
    if (r.shared_key && !r.vault.empty()) {
      return fail(Code::usage, "--vault", "--shared-key means the vault of the source", "leave one of the two away");
    }
    TC_CHECK(refuse_token(r.key));
    std::vector<StepTime> written;
    std::function<void(Session&)> first;
    if (!target.has_version()) first = [&](Session& seen) { written = write_out(seen, {target.volume}); };
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool, first));
    if (s.record.stock > 0 && r.vault.empty() && !r.shared_key) refill = s.pool;
    Outcome out = TC_TRY(clone_in(s, w, r));
    out.steps.insert(out.steps.begin(), written.begin(), written.end());
    return out;
  };
  auto done = attempted(with_secrets(env.asked, run), what);
  if (done && !refill.empty() && !env.dry_run) env.refill(refill);
  return done;
}

}  // namespace tclone::engine
