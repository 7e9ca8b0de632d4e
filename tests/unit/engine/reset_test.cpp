// SPDX-License-Identifier: GPL-2.0-or-later
// A clone that starts over keeps its dm-crypt.
#include "model/device_names.h"
#include "unit/engine/rig.h"

using namespace tclone;
using test::Rig;

namespace {

engine::Reset solo() {
  engine::Reset request;
  request.name = "solo";
  return request;
}

void lose_key_of(Rig& rig, const std::string& vault) {
  const Uuid uuid = rig.store().vault(vault)->uuid;
  REQUIRE(std::filesystem::remove(rig.file("etc/keys/" + uuid.text() + ".key")));
}

}  // namespace

TEST_CASE("an active clone that starts over needs no key, whether it is reverted or refreshed") {
  Rig rig;
  rig.populate();
  lose_key_of(rig, "solo");
  REQUIRE_OK(engine::revert(rig.env, solo()));
  CHECK(rig.mapper.device(device_names::volume("p", "solo")) != nullptr);
  REQUIRE_OK(engine::refresh(rig.env, solo()));
  CHECK(rig.mapper.device(device_names::volume("p", "solo")) != nullptr);
  CHECK(rig.mapper.violations().empty());
}

TEST_CASE("an inactive clone that starts over stays closed, and opening it takes the key") {
  Rig rig;
  rig.populate();
  rig.deactivate_all();
  lose_key_of(rig, "solo");
  REQUIRE_OK(engine::revert(rig.env, solo()));
  CHECK(rig.mapper.device(device_names::vault_crypt("p", rig.store().vault("solo")->outer)) == nullptr);
  const auto opened = engine::activate(rig.env, {"p", {"solo"}, false});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::key);
}
