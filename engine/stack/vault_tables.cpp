// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/vault_tables.h"

#include <array>

#include "model/device_names.h"
#include "policies/sizing.h"

namespace tclone::engine {

Result<std::string> dev_of(Session& s, const std::string& name) {
  const auto info = TC_TRY(s.env.dm.info(name));
  if (!info) return fail(Code::damaged, name, "the device is not there", "run `tclone recover`");
  return info->dev();
}

Result<Payload> payload(Session& s, const Vault& v) {
  if (v.encrypted) return Payload{TC_TRY(dev_of(s, device_names::vault_crypt(s.pool, v.outer))), {}};
  return Payload{TC_TRY(dev_of(s, device_names::vault_thin(s.pool, v.outer))), policies::kHeader};
}

dm::Table metadata_table(const Payload& p, const Vault& v, std::uint32_t repairs) {
  return dm::linear(
      std::array{dm::Piece{p.dev, to_sectors(p.start + policies::metadata_start(repairs)), to_sectors(v.metadata)}});
}

Bytes metadata_at(const Vault& v) { return policies::kHeader + policies::metadata_start(v.repairs); }

/// The inner pool flushes its data device at every commit. An outer pool without space fails a flush that arrives where no
/// block is mapped, and with it the commit, which leaves the inner pool read-only for good (dm-thin.c,
/// __process_bio_read_only and metadata_pre_commit_callback). dm-crypt passes the sector of a flush on as it is
/// (crypt_map), so this one arrives at sector 0 of the outer thin: the header's block, which nothing discards.
dm::Table data_table(const Payload& p, const Vault& v) {
  return dm::linear_flushing_at_zero({p.dev, to_sectors(p.start + policies::kMetadataRoom), to_sectors(v.capacity)},
                                     to_sectors(v.block));
}

Result<dm::Table> pool_table(Session& s, const Vault& v) {
  dm::PoolOptions options;
  options.block = to_sectors(v.block);
  // Data space cannot run out (capacity rule); should it all the same, an error now beats a minute of waiting.
  options.error_if_full = true;
  return dm::thin_pool(TC_TRY(dev_of(s, device_names::vault_metadata(s.pool, v.outer))),
                       TC_TRY(dev_of(s, device_names::vault_data(s.pool, v.outer))), to_sectors(v.capacity), options);
}

}  // namespace tclone::engine
