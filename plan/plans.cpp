// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "plan/plan.h"
#include "policies/sizing.h"

namespace tclone::plan {
namespace {

std::string device(const Common& c, const std::string& what) { return "tclone-" + c.pool_name + "-" + what; }

}  // namespace

Plan plan_create(const CreateFacts& f) {
  Draft d(f.common.pool_name, "create " + f.name, f.common.pool, f.common.now);
  Vault& vault = d.add_vault({f.vault_name, f.vault, f.header, f.encrypted, f.key, f.size}, f.common.outer_block);
  Volume volume;
  volume.name = f.name;
  volume.uuid = f.volume;
  volume.vault = vault.name;
  volume.thin = d.claim_thin(vault, device(f.common, f.name));
  volume.size = f.size;
  volume.fs = f.fs;
  volume.created = f.common.now;
  ++vault.volumes;
  vault.writable = f.size;
  d.plan.before.emplace_back(CreateThin{vault.name, vault.outer, volume.thin});
  d.add_volume(volume);
  if (!f.image.empty()) {
    d.plan.before.emplace_back(CopyImage{f.name, f.image});
  } else if (f.fs != FsKind::none) {
    d.plan.before.emplace_back(MakeFilesystem{f.name, f.fs});
  }
  return d.finish();
}

Plan plan_clone(const CloneFacts& f) {
  const std::string source = f.from ? f.from->ref().text() : f.source.name;
  Draft d(f.common.pool_name, "clone " + source + " to " + f.name, f.common.pool, f.common.now);
  Version from = f.from ? *f.from : d.add_version(f.source, f.source_vault, f.version, {}, "");
  d.take_snapshots();

  Volume volume;
  volume.name = f.name;
  volume.uuid = f.volume;
  volume.size = from.size;
  volume.fs = from.fs;
  volume.created = f.common.now;
  volume.origin = from.ref();
  volume.follows = f.follows.empty() ? "latest" : f.follows;

  const bool same_vault = f.into && f.into->name == from.vault;
  Vault& vault = f.into ? d.vault(*f.into)
                 : f.stock
                     ? d.take_from_stock(*f.stock, f.vault_name)
                     : d.add_vault({f.vault_name, f.vault, f.header, true, f.key, from.size}, f.common.outer_block);
  if (!f.into && d.pool.stock > 0) d.pool.stock_for = from.size;
  volume.vault = vault.name;
  volume.own_key = !same_vault;
  volume.thin = d.claim_thin(vault, device(f.common, f.name));
  ++vault.volumes;
  vault.writable = vault.writable + volume.size;
  if (f.into || f.stock) {
    const std::string& present = f.into ? vault.name : f.stock->name;
    d.plan.prepare.emplace_back(OpenVault{present});
    d.plan.prepare.emplace_back(MakeRoom{present, vault.writable});
  }
  if (same_vault) {
    volume.basis = from.basis;
    d.snaps.push_back({vault.name, vault.outer, from.thin, volume.thin, device(f.common, from.ref().text()), f.name});
    d.take_snapshots();
  } else {
    volume.basis = from.ref();
    d.plan.before.emplace_back(CreateThin{vault.name, vault.outer, volume.thin});
  }
  d.add_volume(volume);
  return d.finish();
}

Bytes stock_volume(const PoolRecord& pool) { return pool.stock_for.n > 0 ? pool.stock_for : kGiB; }

Plan plan_stock(const StockFacts& f) {
  Draft d(f.common.pool_name, "make vault " + f.name + " ahead", f.common.pool, f.common.now);
  d.add_vault({f.name, f.vault, f.header, true, {}, stock_volume(f.common.pool)}, f.common.outer_block).stock = true;
  Plan plan = d.finish();
  plan.best_effort.clear();  // it stays open: a clone that takes it need not unlock it
  return plan;
}

Plan plan_unstock(const Common& common, const Vault& vault) {
  Draft d(common.pool_name, "remove vault " + vault.name + ", which was made ahead", common.pool, common.now);
  d.vault(vault).stock = false;
  return d.finish();
}

Plan plan_stock_size(const Common& common, std::uint32_t count) {
  Draft d(common.pool_name, "keep " + std::to_string(count) + " vaults made ahead", common.pool, common.now);
  d.pool.stock = count;
  return d.finish();
}

Plan plan_publish(const PublishFacts& f) {
  std::string names;
  for (const PublishItem& item : f.items) names += (names.empty() ? "" : " ") + item.volume.name;
  Draft d(f.common.pool_name, "publish " + names, f.common.pool, f.common.now);
  for (const PublishItem& item : f.items) {
    static_cast<void>(d.add_version(item.volume, item.vault, item.uuid, f.tags, f.message));
  }
  d.take_snapshots();
  return d.finish();
}

bool resets_vault(const Volume& volume, const Vault& vault, const Version& to) {
  return to.vault != volume.vault && vault.volumes == 1 && vault.versions == 0;
}

Plan plan_reset(const ResetFacts& f) {
  Draft d(f.common.pool_name, f.operation, f.common.pool, f.common.now);
  Vault& vault = d.vault(f.vault);
  Volume& volume = d.volume(f.volume);
  const ThinId old = volume.thin;
  const bool over = resets_vault(f.volume, f.vault, f.to);
  vault.writable = vault.writable - f.volume.size + f.to.size;
  d.plan.before.emplace_back(DeactivateVolume{volume.name});
  if (over) {
    // Key and header stay; everything behind them goes, and a fresh inner pool holds the clone's new thin.
    volume.thin = ThinId{vault.next_thin++};
    set_geometry(vault, f.to.size, f.common.outer_block);
    vault.pending = {true, {volume.thin}, {}};
    d.plan.cleanup.reset.push_back({vault.outer, vault.uuid, vault.name, vault.encrypted});
  } else {
    d.plan.prepare.emplace_back(OpenVault{vault.name});
    d.plan.prepare.emplace_back(MakeRoom{vault.name, vault.writable + f.volume.size});
    volume.thin = d.claim_thin(vault, device(f.common, volume.name));
    if (f.to.vault == volume.vault) {
      d.snaps.push_back(
          {vault.name, vault.outer, f.to.thin, volume.thin, device(f.common, f.to.ref().text()), volume.name});
      d.plan.before.emplace_back(Snapshot{d.snaps});
      d.snaps.clear();
    } else {
      d.plan.before.emplace_back(CreateThin{vault.name, vault.outer, volume.thin});
    }
    d.plan.cleanup.inner.push_back({vault.name, vault.outer, old, device(f.common, volume.name)});
  }
  volume.size = f.to.size;
  volume.fs = f.to.fs;
  if (f.to.volume != volume.name) {
    volume.origin = f.to.ref();
    volume.basis = f.to.vault == volume.vault ? f.to.basis : f.to.ref();
  } else {
    // Back to a version of its own: what that version stood on is what the volume stands on again.
    if (f.to.basis) volume.origin = f.to.basis;
    volume.basis = f.to.basis;
  }
  if (f.was_active) d.plan.best_effort.emplace_back(Reactivate{volume.name});
  return d.finish();
}

Plan plan_remove(const RemoveFacts& f) {
  std::string what = f.volume.name;
  if (f.only_versions) what = f.versions.front().ref().text();
  Draft d(f.common.pool_name, "rm " + what, f.common.pool, f.common.now);
  for (const Version& version : f.versions) {
    if (f.only_versions || version.vault != f.volume.vault)
      d.drop_version(f.volume, f.vaults.at(version.vault), version);
  }
  if (!f.only_versions) d.drop_volume(f.volume, f.vaults.at(f.volume.vault), f.versions);
  for (const Volume& clone : f.orphans) {
    Volume& orphan = d.volume(clone);
    orphan.origin.reset();
    orphan.follows.clear();
  }
  return d.finish();
}

Plan plan_rename(const RenameFacts& f) {
  Draft d(f.common.pool_name, "rename " + f.volume.name + " to " + f.to, f.common.pool, f.common.now);
  const std::string& from = f.volume.name;
  const bool with_vault = f.vault && f.vault_name_free;
  const std::string old_vault = with_vault ? f.vault->name : "";
  const auto in_ref = [&](std::optional<VersionRef>& ref) {
    if (ref && ref->volume == from) ref->volume = f.to;
  };
  const auto in_vault = [&](std::string& vault) {
    if (with_vault && vault == old_vault) vault = f.to;
  };
  const auto renamed_volume = [&](Volume v) {
    if (v.name == from) v.name = f.to;
    in_vault(v.vault);
    in_ref(v.origin);
    in_ref(v.basis);
    d.volumes[v.name] = v;
  };
  const auto renamed_version = [&](Version v) {
    if (v.volume == from) v.volume = f.to;
    in_vault(v.vault);
    in_ref(v.basis);
    d.versions[v.ref().text()] = v;
  };
  renamed_volume(f.volume);
  d.plan.change.gone_volumes.push_back(from);
  d.plan.cleanup.renames.push_back({device(f.common, from), device(f.common, f.to)});
  for (const Version& v : f.own_versions) {
    renamed_version(v);
    d.plan.change.gone_versions.emplace_back(from, v.number);
    d.plan.cleanup.renames.push_back(
        {device(f.common, v.ref().text()), device(f.common, f.to + "@" + std::to_string(v.number))});
  }
  for (const Volume& v : f.other_volumes) renamed_volume(v);
  for (const Version& v : f.other_versions) renamed_version(v);
  if (with_vault) {
    Vault v = *f.vault;
    v.name = f.to;
    d.vaults[v.name] = v;
    d.plan.change.gone_vaults.push_back(old_vault);
  }
  return d.finish();
}

Plan plan_tag(const TagFacts& f) {
  const std::string what = f.number ? "tag " + f.volume.name + "@" + std::to_string(*f.number) + " " + f.tag
                                    : "untag " + f.volume.name + "@" + f.tag;
  Draft d(f.common.pool_name, what, f.common.pool, f.common.now);
  Volume& volume = d.volume(f.volume);
  if (f.number) {
    volume.tags[f.tag] = *f.number;
  } else {
    volume.tags.erase(f.tag);
  }
  return d.finish();
}

Plan plan_resize(const ResizeFacts& f) {
  Draft d(f.common.pool_name, "resize " + f.volume.name + " to " + format_size(f.size), f.common.pool, f.common.now);
  Vault& vault = d.vault(f.vault);
  Volume& volume = d.volume(f.volume);
  vault.writable = vault.writable - volume.size + f.size;
  volume.size = f.size;
  d.plan.prepare.emplace_back(OpenVault{vault.name});
  d.plan.prepare.emplace_back(MakeRoom{vault.name, vault.writable});
  d.plan.cleanup.reload.push_back(volume.name);
  d.plan.best_effort.emplace_back(GrowFilesystem{volume.name});
  return d.finish();
}

}  // namespace tclone::plan
