// SPDX-License-Identifier: GPL-2.0-or-later
// With render_policy.cpp the only user of nlohmann-json.
#include <nlohmann/json.hpp>

#include "cli/output/render.h"
#include "cli/output/text_table.h"

namespace tclone::cli {

const char* name_of(Code code) {
  switch (code) {
    case Code::failed: return "failed";
    case Code::usage: return "usage";
    case Code::not_found: return "not_found";
    case Code::exists: return "exists";
    case Code::busy: return "busy";
    case Code::no_space: return "no_space";
    case Code::key: return "key";
    case Code::damaged: return "damaged";
    case Code::kernel: return "kernel";
  }
  return "failed";
}

namespace json {
namespace {

using Json = nlohmann::ordered_json;

/// Paths may hold bytes that are no UTF-8; they are replaced instead of failing the command.
std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json of(const std::optional<Bytes>& size) { return size ? Json(size->n) : Json(nullptr); }
Json of(const engine::Usage& usage) { return {{"used", usage.used.n}, {"total", usage.total.n}}; }
Json of(const std::optional<engine::Usage>& usage) { return usage ? of(*usage) : Json(nullptr); }
Json of(const VersionRef& ref) {
  return {{"name", ref.text()}, {"volume", ref.volume}, {"number", ref.number}, {"uuid", ref.uuid.text()}};
}
Json of(const std::optional<VersionRef>& ref) { return ref ? of(*ref) : Json(nullptr); }
Json of(const KeySource& key) { return {{"kind", key.kind}, {"reference", key.reference}}; }
Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json of(const engine::PoolSummary& pool) {
  return {{"name", pool.name},
          {"uuid", pool.uuid.text()},
          {"paths", pool.paths},
          {"active", pool.active},
          {"trouble", or_null(pool.trouble)}};
}

Json of(const engine::VolumeView& view) {
  const Volume& v = view.record;
  Json tags = Json::object();
  for (const auto& [tag, number] : v.tags) tags[tag] = number;
  return {{"name", v.name},
          {"uuid", v.uuid.text()},
          {"size", v.size.n},
          {"filesystem", to_text(v.fs)},
          {"created", rfc3339(v.created)},
          {"origin", of(v.origin)},
          {"keying", keying(view)},
          {"encrypted", view.encrypted},
          {"key", of(view.key)},
          {"vault", v.vault},
          {"follows", or_null(v.follows)},
          {"versions", v.versions},
          {"tags", tags},
          {"active", view.active},
          {"device", view.device},
          {"mounts", view.mounts},
          {"mapped", of(view.mapped)},
          {"exclusive", of(view.exclusive)}};
}

Json of(const engine::VersionView& view) {
  const Version& v = view.record;
  return {{"name", v.ref().text()},       {"volume", v.volume},   {"number", v.number},
          {"uuid", v.uuid.text()},        {"size", v.size.n},     {"filesystem", to_text(v.fs)},
          {"published", rfc3339(v.time)}, {"message", v.message}, {"tags", view.tags},
          {"clones", view.clones},        {"vault", v.vault},     {"active", view.active},
          {"device", view.device}};
}

Json of(const engine::VaultView& view) {
  const Vault& v = view.record;
  return {{"name", v.name},
          {"uuid", v.uuid.text()},
          {"outer_thin", v.outer.n},
          {"encrypted", v.encrypted},
          {"key", of(v.key)},
          {"open", view.open},
          {"health", view.health},
          {"volumes", v.volumes},
          {"versions", v.versions},
          {"stock", v.stock},
          {"block", v.block.n},
          {"capacity", v.capacity.n},
          {"data", of(view.data)},
          {"metadata", of(view.metadata)},
          {"allocated", of(view.allocated)}};
}

Json of(const engine::KeySlotView& slot) {
  Json sources = Json::array();
  for (const KeySource& source : slot.sources) sources.push_back(of(source));
  return {{"slot", slot.slot},
          {"kdf", slot.kdf},
          {"iterations", slot.iterations},
          {"memory", slot.memory_kib},
          {"sources", sources}};
}

Json of(const engine::TreeNode& node) {
  Json below = Json::array();
  for (const engine::TreeNode& one : node.below) below.push_back(of(one));
  return {{"name", node.text},
          {"kind", node.version ? "version" : "volume"},
          {"own_key", node.own_key},
          {"tags", node.tags},
          {"below", below}};
}

Json of(const engine::Outcome& outcome, bool dry_run) {
  Json versions = Json::array();
  for (const VersionRef& ref : outcome.versions) versions.push_back(of(ref));
  Json steps = Json::array();
  for (const engine::StepTime& step : outcome.steps) steps.push_back({{"text", step.text}, {"ms", step.ms}});
  return {{"operation", outcome.operation},
          {"dry_run", dry_run},
          {"changed", outcome.changed},
          {"name", outcome.name},
          {"device", or_null(outcome.device)},
          {"versions", versions},
          {"steps", steps},
          {"warnings", outcome.warnings}};
}

template <class T>
Json list_of(const std::vector<T>& values) {
  Json out = Json::array();
  for (const T& value : values) out.push_back(of(value));
  return out;
}

}  // namespace

std::string pools(const std::vector<engine::PoolSummary>& pools) { return dumped({{"pools", list_of(pools)}}); }

std::string pool(const engine::PoolView& view) {
  Json out = of(view.summary);
  const bool active = view.summary.active;
  out["unfinished"] = or_null(view.unfinished);
  out["under_way"] = or_null(view.under_way);
  out["health"] = active ? Json(view.health) : Json(nullptr);
  out["block"] = active ? Json(view.block.n) : Json(nullptr);
  out["data"] = active ? of(view.data) : Json(nullptr);
  out["metadata"] = active ? of(view.metadata) : Json(nullptr);
  out["free"] = active ? Json(view.free.n) : Json(nullptr);
  out["reserve"] = active ? Json(view.reserve.n) : Json(nullptr);
  out["below_reserve"] = view.below_reserve;
  out["when_full"] = !active ? Json(nullptr) : Json(view.record.when_full == WhenFull::error ? "error" : "queue");
  out["sector_size"] = active ? Json(view.record.sector_size) : Json(nullptr);
  out["stock"] = active ? Json(view.record.stock) : Json(nullptr);
  out["vaults"] = list_of(view.vaults);
  out["volumes"] = list_of(view.volumes);
  return dumped(out);
}

std::string volumes(const std::vector<engine::VolumeView>& volumes) { return dumped({{"volumes", list_of(volumes)}}); }
std::string tree(const std::vector<engine::TreeNode>& nodes) { return dumped({{"tree", list_of(nodes)}}); }
std::string versions(const std::string& volume, const std::vector<engine::VersionView>& versions) {
  return dumped({{"volume", volume}, {"versions", list_of(versions)}});
}

std::string details(const engine::Shown& shown) {
  return dumped({{"volume", shown.volume ? of(*shown.volume) : Json(nullptr)},
                 {"version", shown.version ? of(*shown.version) : Json(nullptr)},
                 {"vault", of(shown.vault)}});
}

std::string findings(const std::vector<engine::Finding>& findings) {
  Json out = Json::array();
  for (const engine::Finding& one : findings) {
    out.push_back({{"serious", one.serious},
                   {"what", one.what},
                   {"consequence", or_null(one.consequence)},
                   {"mend", or_null(one.mend)}});
  }
  return dumped({{"findings", out}});
}

std::string keys(const engine::KeyList& keys) {
  return dumped(
      {{"volume", keys.volume}, {"vault", keys.vault}, {"key", of(keys.used)}, {"slots", list_of(keys.slots)}});
}
std::string key_test(const engine::KeyTested& tested) {
  return dumped(
      {{"volume", tested.volume}, {"vault", tested.vault}, {"key", of(tested.source)}, {"slot", tested.slot}});
}

std::string path(const std::string& path) { return dumped({{"path", path}}); }
std::string outcome(const engine::Outcome& outcome, bool dry_run) { return dumped(of(outcome, dry_run)); }

std::string mounted(const engine::Mounted& mounted, bool dry_run) {
  Json out = of(mounted.outcome, dry_run);
  out["folder"] = mounted.folder;
  return dumped(out);
}

std::string version(const std::string& version, const std::vector<Library>& libraries) {
  Json list = Json::object();
  for (const Library& one : libraries) list[one.name] = one.version;
  return dumped({{"version", version}, {"libraries", list}});
}

std::string error(const Error& error) {
  return dumped({{"error",
                  {{"code", name_of(error.code)},
                   {"exit", static_cast<int>(error.code)},
                   {"attempted", or_null(error.attempted)},
                   {"object", or_null(error.object)},
                   {"why", error.why},
                   {"next", or_null(error.next)},
                   {"errno", error.sys == 0 ? Json(nullptr) : Json(error.sys)}}}});
}

}  // namespace json
}  // namespace tclone::cli
