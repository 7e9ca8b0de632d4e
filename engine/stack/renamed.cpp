// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/renamed.h"

#include <map>

#include "dm/by_uuid.h"
#include "engine/core/session.h"
#include "model/device_names.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

/// What each device is called, by its uuid.
std::map<std::string, std::string> given_names(const std::string& pool, const Uuid& uuid, const Records& all) {
  std::map<std::string, std::string> out = {{device_names::uuid(uuid, "state"), device_names::state(pool)},
                                            {device_names::uuid(uuid, "meta"), device_names::metadata(pool)},
                                            {device_names::uuid(uuid, "data"), device_names::data(pool)},
                                            {device_names::uuid(uuid, "pool"), device_names::outer_pool(pool)}};
  for (const Vault& v : all.vaults) {
    out[device_names::uuid(v.uuid, "thin")] = device_names::vault_thin(pool, v.outer);
    out[device_names::uuid(v.uuid, "meta")] = device_names::vault_metadata(pool, v.outer);
    out[device_names::uuid(v.uuid, "data")] = device_names::vault_data(pool, v.outer);
    out[device_names::uuid(v.uuid, "pool")] = device_names::vault_pool(pool, v.outer);
    const std::string crypt = device_names::vault_crypt(pool, v.outer);
    if (v.encrypted) out["CRYPT-LUKS2-" + v.header.uuid.compact() + "-" + crypt] = crypt;  // libcryptsetup's way
  }
  for (const Volume& v : all.volumes) out[device_names::uuid(v.uuid, "volume")] = device_names::volume(pool, v.name);
  for (const Version& v : all.versions) {
    const std::string name = device_names::version(pool, v.volume, v.number);
    out[device_names::uuid(v.uuid, "version")] = name;
    out[device_names::uuid(v.uuid, "view")] = device_names::view(name);
  }
  return out;
}

}  // namespace

Result<std::vector<Error>> renamed_devices(Env& env, const std::string& pool, const Uuid& uuid, const Records& all) {
  std::vector<Error> out;
  const auto given = given_names(pool, uuid, all);
  for (const dm::Named& device : TC_TRY(env.dm.list(""))) {
    const auto info = TC_TRY(env.dm.info(device.name));
    const auto own = info ? given.find(info->uuid) : given.end();
    if (own == given.end() || own->second == device.name) continue;
    out.push_back(dm::renamed_by_hand(device.name, own->second).value());
  }
  return out;
}

Status refuse_renamed(Env& env, const std::string& pool) {
  const auto session = Session::look(env, pool);
  const auto records = session ? load_records(session->store) : LoadedRecords{};
  const Uuid uuid = session ? session->record.uuid : TC_TRY(read_pool_location(env.paths.etc, pool)).uuid;
  const auto renamed = TC_TRY(renamed_devices(env, pool, uuid, records ? records->records : Records{}));
  return renamed.empty() ? Status{} : tl::unexpected(renamed.front());
}

}  // namespace tclone::engine
