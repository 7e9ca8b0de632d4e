// SPDX-License-Identifier: GPL-2.0-or-later
// A pool that is being closed when the command is killed.
#include <algorithm>

#include "engine/pool/close.h"
#include "unit/engine/crash.h"

using namespace tclone;
using test::crashed;
using test::Deed;
using test::End;
using test::Rig;
using test::stride;

namespace {

/// Layers of vaults, of which the rig has the pool's own besides.
std::set<std::string> vault_layers(Rig& rig) {
  std::set<std::string> out = rig.devices();
  std::erase_if(out, [](const std::string& name) { return name.find('.') == std::string::npos; });
  return out;
}

/// Vaults that have layers though none of their volumes has a device.
std::set<std::string> open_for_nobody(Rig& rig) {
  const Records all = rig.records();
  const std::set<std::string> devices = rig.devices();
  const std::set<std::string> layers = vault_layers(rig);
  std::set<std::string> out;
  for (const Vault& vault : all.vaults) {
    const bool open = std::any_of(layers.begin(), layers.end(), [&](const std::string& layer) {
      return layer.starts_with("tclone-p-_" + std::to_string(vault.outer.n) + ".");
    });
    const bool used = std::any_of(all.volumes.begin(), all.volumes.end(), [&](const Volume& v) {
      return v.vault == vault.name && devices.contains("tclone-p-" + v.name);
    });
    if (open && !used) out.insert(vault.name);
  }
  return out;
}

}  // namespace

TEST_CASE("after a kill of pool deactivate the next command, even a refused one, leaves no vault open without a user") {
  const Deed close{"pool deactivate", [](Rig& rig) { return test::error_of(engine::close_active_pool(rig.env, "p")); }};
  bool ended = false;
  int kills = 0;
  // Few points, and the same under sanitizers: there are some forty in all.
  for (std::uint64_t point = 1; !ended; point += std::min<std::uint64_t>(stride(), 10)) {
    Rig rig;
    rig.create("a");
    rig.create("b");
    rig.create("c");
    ended = !crashed(rig, close, point, End::kill);
    if (ended) break;
    ++kills;
    INFO("killed at point " << point);
    const auto refused = engine::tag(rig.env, "p", "no-such-volume@1", "x");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::not_found);
    CHECK(open_for_nobody(rig).empty());
    REQUIRE_OK(engine::deactivate(rig.env, {"p", {}, true}));
    CHECK(vault_layers(rig).empty());
    rig.check_whole();
  }
  CHECK(kills > 3);
}
