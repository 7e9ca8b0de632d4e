// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/renamed.h"

#include <map>

#include "dm/by_uuid.h"
#include "dm/names.h"
#include "engine/session.h"
#include "state/whereabouts.h"

namespace tclone::engine {
namespace {

namespace names = dm::names;

/// What each device is called, by its uuid.
std::map<std::string, std::string> given_names(const std::string& pool, const Uuid& uuid, const Records& all) {
  std::map<std::string, std::string> out = {{names::uuid(uuid, "state"), names::state(pool)},
                                            {names::uuid(uuid, "meta"), names::metadata(pool)},
                                            {names::uuid(uuid, "data"), names::data(pool)},
                                            {names::uuid(uuid, "pool"), names::outer_pool(pool)}};
  for (const Vault& v : all.vaults) {
    out[names::uuid(v.uuid, "thin")] = names::vault_thin(pool, v.outer);
    out[names::uuid(v.uuid, "meta")] = names::vault_metadata(pool, v.outer);
    out[names::uuid(v.uuid, "data")] = names::vault_data(pool, v.outer);
    out[names::uuid(v.uuid, "pool")] = names::vault_pool(pool, v.outer);
    const std::string crypt = names::vault_crypt(pool, v.outer);
    if (v.encrypted) out["CRYPT-LUKS2-" + v.header.uuid.compact() + "-" + crypt] = crypt;  // libcryptsetup's way
  }
  for (const Volume& v : all.volumes) out[names::uuid(v.uuid, "volume")] = names::volume(pool, v.name);
  for (const Version& v : all.versions) {
    const std::string name = names::version(pool, v.volume, v.number);
    out[names::uuid(v.uuid, "version")] = name;
    out[names::uuid(v.uuid, "view")] = names::view(name);
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
  const Uuid uuid = session ? session->record.uuid : TC_TRY(read_whereabouts(env.paths.etc, pool)).uuid;
  const auto renamed = TC_TRY(renamed_devices(env, pool, uuid, records ? records->records : Records{}));
  return renamed.empty() ? Status{} : tl::unexpected(renamed.front());
}

}  // namespace tclone::engine
