// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/unused.h"

#include <chrono>
#include <set>

#include "engine/stack/pins.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/volume_stack.h"
#include "model/device_names.h"
#include "model/names.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 3000ms;  // with whoever looks at a device for a moment, as udev does

/// Takes a version down that nothing uses, and marks what it stood on.
Status close_version_if_unused(Session& s, Work& w, const std::string& text) {
  const auto target = TC_TRY(names::parse_target(text));
  const auto v = s.store.version(target.volume, target.number.value_or(0));
  if (!v) return {};  // removed meanwhile: its device was taken down then
  TC_CHECK(close_view_if_unused(s, v->ref()));
  const auto info = TC_TRY(s.env.dm.info(device_of(s, v->ref())));
  if (info && (info->open_count > 0 || is_pinned(s, v->ref()))) return {};
  w.unused_vaults.insert(v->vault);
  // Only what was taken down leaves something idle below it: records whose bases run in a circle end here, too.
  if (!info) return {};
  TC_CHECK(s.env.dm.remove(device_of(s, v->ref()), kPatience));
  if (v->basis) w.unused_versions.insert(v->basis->text());
  return {};
}

}  // namespace

Status close_unused(Session& s, Work& w) {
  Status first;
  const auto keep = [&](Status done) {
    if (!done && first) first = std::move(done);
  };
  while (!w.unused_versions.empty() || !w.unused_vaults.empty()) {
    while (!w.unused_versions.empty()) {
      const std::string version = *w.unused_versions.begin();
      keep(close_version_if_unused(s, w, version));
      w.unused_versions.erase(version);
    }
    while (!w.unused_vaults.empty()) {
      const std::string name = *w.unused_vaults.begin();
      w.unused_vaults.erase(name);
      if (const auto vault = s.store.vault(name)) keep(close_vault_if_unused(s, w, *vault));
    }
  }
  return first;
}

Status mark_all_unused(Session& s, Work& w) {
  const std::string prefix = device_names::prefix(s.pool);
  std::set<std::string> layers;
  for (const dm::Named& d : TC_TRY(s.env.dm.list(prefix))) {
    std::string rest = d.name.substr(prefix.size());
    if (rest.find('@') != std::string::npos && rest.ends_with(device_names::kView))
      rest.resize(rest.rfind(device_names::kView));
    if (rest.find('@') != std::string::npos) w.unused_versions.insert(rest);
    if (rest.starts_with("_")) layers.insert(rest.substr(0, rest.find('.')));
  }
  for (const std::string& name : TC_TRY(s.store.vault_names())) {
    const Vault v = TC_TRY(s.store.vault(name));
    const bool half = v.rekey && layers.contains("_" + std::to_string(v.rekey->outer.n));
    if (half || layers.contains("_" + std::to_string(v.outer.n))) w.unused_vaults.insert(name);
  }
  return {};
}

}  // namespace tclone::engine
