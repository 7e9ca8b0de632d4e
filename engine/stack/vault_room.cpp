// SPDX-License-Identifier: GPL-2.0-or-later
// Room in an open vault: the capacity of its inner pool and the metadata ahead.
#include <array>

#include "base/fault.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_stack.h"
#include "engine/stack/vault_tables.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

Result<Bytes> length_of(Session& s, const std::string& name) {
  Bytes total{};
  for (const dm::Target& t : TC_TRY(s.env.dm.table(name))) total = total + to_bytes(t.length);
  return total;
}

/// What an open vault must have, and how far its metadata must have outer blocks for that.
struct Room {
  Vault vault;
  Bytes provisioned;
};

Room room_for(const Session& s, Vault v, const dm::PoolStatus& status, Bytes writable) {
  v.capacity =
      policies::grown_capacity(v.block, v.capacity, policies::needed_capacity(v.block, status.used_data, writable));
  const Bytes used = kKiB * 4 * status.used_metadata;
  if (v.provisioned >= v.metadata && policies::metadata_suffices(v.metadata, v.block, used, writable))
    return {v, v.provisioned};
  // What lies in the upper half has only that to grow in.
  const Bytes most = v.repairs % 2 == 0 ? policies::kMetadataRoom : policies::kMetadataHalf;
  const policies::MetadataSize wanted = policies::metadata_size(s.record.block, v.block, v.capacity, used, writable);
  v.metadata = std::max(v.metadata, std::min(wanted.device, most));
  return {v, std::max(v.provisioned, std::min(wanted.provisioned, v.metadata))};
}

struct Behind {
  bool data = false;
  bool metadata = false;
};

/// The kernel's devices follow the record. What is not yet provisioned is touched while the pool stands still.
Status grow_layers(Session& s, const Vault& v, Behind behind, Bytes provisioned) {
  const Payload p = TC_TRY(payload(s, v));
  const std::string pool = device_names::vault_pool(s.pool, v.outer);
  if (behind.data) {
    TC_CHECK(s.env.dm.reload(device_names::vault_data(s.pool, v.outer), data_table(p, v)));
    TC_CHECK(s.env.dm.resume(device_names::vault_data(s.pool, v.outer)));
  }
  if (behind.metadata) {
    TC_CHECK(s.env.dm.reload(device_names::vault_metadata(s.pool, v.outer), metadata_table(p, v, v.repairs)));
    TC_CHECK(s.env.dm.resume(device_names::vault_metadata(s.pool, v.outer)));
  }
  TCLONE_FAULT_POINT("room.devices");
  // The pool notices a larger data or metadata device when it is resumed (pool_preresume, dm-thin.c).
  TC_CHECK(s.env.dm.reload(pool, TC_TRY(pool_table(s, v))));
  const Bytes piece = s.piece_to_touch();
  const auto guard = TC_TRY(s.env.dm.guard(std::array{pool}, 10s));
  TC_CHECK(s.env.dm.suspend(pool, dm::Suspend::quick));
  Status touched;
#ifdef TCLONE_FAULTS
  touched = fault::point("room.suspended");
#endif
  if (touched && provisioned > v.provisioned) {
    const std::string thin = s.env.dm.path(device_names::vault_thin(s.pool, v.outer));
    touched = os::touch(thin, metadata_at(v), provisioned, s.record.block, os::Sync::now, piece);
  }
  TC_CHECK(s.env.dm.resume(pool));
  return touched;
}

}  // namespace

Status make_room(Session& s, const std::string& name, Bytes writable) {
  const Vault was = TC_TRY(s.store.vault(name));
  const auto status = TC_TRY(healthy_inner_pool(s, was));
  auto [v, provisioned] = room_for(s, was, status, writable);
  if (policies::metadata_near_end(status.used_metadata, v.metadata / (kKiB * 4))) {
    return fail(Code::no_space, "vault " + v.name, "its inner metadata are nine tenths full and cannot be made larger",
                "remove versions that live in it (`tclone rm`), or clone into another vault");
  }
  if (was.provisioned >= was.metadata && provisioned > was.provisioned) {
    // Beyond what the kernel knows of, so it may be touched as it runs, and is before the kernel hears of it.
    TC_CHECK(os::touch(s.env.dm.path(device_names::vault_thin(s.pool, v.outer)), metadata_at(v) + was.provisioned,
                       provisioned - was.provisioned, s.record.block, os::Sync::now, s.piece_to_touch()));
    v.provisioned = provisioned;
    TCLONE_FAULT_POINT("room.touched");
  }
  // The record is raised first, so a crash in between leaves the kernel's devices behind it: these are what counts.
  const Behind behind{
      v.block * status.total_data < v.capacity,
      v.metadata != was.metadata || TC_TRY(length_of(s, device_names::vault_metadata(s.pool, v.outer))) < v.metadata};
  if (v == was && !behind.data && !behind.metadata && provisioned == v.provisioned) return {};
  RecordChange change;
  change.vaults = {v};
  if (v != was) TC_CHECK(s.store.apply(change));
  TCLONE_FAULT_POINT("room.recorded");
  TC_CHECK(grow_layers(s, v, behind, provisioned));
  TC_TRY(healthy_inner_pool(s, v));
  if (provisioned == v.provisioned) return {};
  change.vaults.front().provisioned = provisioned;
  return s.store.apply(change);
}

}  // namespace tclone::engine
