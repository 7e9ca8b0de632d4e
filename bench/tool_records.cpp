// SPDX-License-Identifier: GPL-2.0-or-later
#include <filesystem>

#include "bench/tool.h"
#include "policies/sizing.h"
#include "state/store.h"

namespace tclone::bench {
namespace {

constexpr std::size_t kFamily = 100;              // a base volume and its clones
constexpr std::uint32_t kFirstOuter = 1'000'000;  // above whatever a real pool has given out
constexpr Bytes kSize{1ULL << 30U};
constexpr std::int64_t kTime = 1'700'000'000;

Vault vault_of(const std::string& name, std::uint32_t outer) {
  Vault v;
  v.name = name;
  v.uuid = Uuid::random();
  v.outer = {outer};
  v.header = {Uuid::random(), "aes", "xts-plain64", 512, 4096, policies::kHeader};
  v.block = policies::inner_block(kSize);
  v.capacity = policies::first_capacity(v.block, kSize);
  v.metadata = policies::inner_metadata(v.block, v.capacity);
  v.provisioned = kMiB;
  v.next_thin = 2;
  v.volumes = 1;
  v.writable = kSize;
  return v;
}

Volume volume_of(const std::string& name) {
  Volume v;
  v.name = name;
  v.uuid = Uuid::random();
  v.vault = name;
  v.size = kSize;
  v.fs = FsKind::ext4;
  v.created = kTime;
  return v;
}

/// One change of the store a family: durable as a whole, and not all records at once in memory.
RecordChange family(std::size_t number, std::size_t members) {
  RecordChange change;
  const auto outer = kFirstOuter + static_cast<std::uint32_t>(number * kFamily);
  const std::string base = "base" + std::to_string(number);
  Version version;
  version.volume = base;
  version.number = 1;
  version.uuid = Uuid::random();
  version.vault = base;
  version.thin = {1};
  version.size = kSize;
  version.fs = FsKind::ext4;
  version.time = kTime;
  for (std::size_t i = 0; i < members; ++i) {
    const std::string name = i == 0 ? base : base + "-clone" + std::to_string(i);
    Vault vault = vault_of(name, outer + static_cast<std::uint32_t>(i));
    Volume volume = volume_of(name);
    if (i == 0) {
      vault.versions = 1;
      volume.next_version = 2;
      volume.versions = {1};
      volume.tags = {{"latest", 1}};
    } else {
      volume.origin = volume.basis = version.ref();
      volume.own_key = true;
      volume.follows = "latest";
    }
    change.vaults.push_back(std::move(vault));
    change.volumes.push_back(std::move(volume));
  }
  change.versions.push_back(std::move(version));
  return change;
}

Result<Store> store_in(const std::string& folder) {
  auto there = Store::open(folder);
  if (there || there.error().code != Code::not_found) return there;
  std::filesystem::create_directories(folder);
  PoolRecord pool;
  pool.uuid = Uuid::random();
  pool.name = "bench";
  pool.block = kMiB;
  pool.created = kTime;
  return Store::create(folder, pool);
}

}  // namespace

Status make_records(const std::string& folder, std::size_t volumes) {
  Store store = TC_TRY(store_in(folder));
  for (std::size_t made = 0; made < volumes; made += kFamily) {
    TC_CHECK(store.apply(family(made / kFamily, std::min(kFamily, volumes - made))));
  }
  return {};
}

}  // namespace tclone::bench
