// SPDX-License-Identifier: GPL-2.0-or-later
// What the engine answers, as text for people and as JSON for programs. Pure: values in, a string out.
// Every string ends with a line break, unless it is empty.
#pragma once

#include <string>
#include <vector>

#include "engine/api/api.h"

namespace tclone::cli {

namespace text {
[[nodiscard]] std::string pools(const std::vector<engine::PoolSummary>& pools);
[[nodiscard]] std::string pool(const engine::PoolView& view);
[[nodiscard]] std::string volumes(const std::vector<engine::VolumeView>& volumes);
[[nodiscard]] std::string tree(const std::vector<engine::TreeNode>& nodes);
[[nodiscard]] std::string versions(const std::vector<engine::VersionView>& versions);
[[nodiscard]] std::string details(const engine::Shown& shown);
[[nodiscard]] std::string findings(const std::vector<engine::Finding>& findings);
[[nodiscard]] std::string keys(const engine::KeyList& keys);
/// The steps of a dry run, numbered.
[[nodiscard]] std::string plan(const engine::Outcome& outcome);
/// "create db: done", or that there was nothing to do.
[[nodiscard]] std::string confirmation(const engine::Outcome& outcome);
/// "  12.3 ms  suspend db" a step, and last the whole since the program began its work.
[[nodiscard]] std::string timings(const engine::Outcome& outcome, double altogether_ms);
}  // namespace text

/// The shapes are described in commands.h (shapes()) and so in tclone(1), JSON OUTPUT. Fields are only ever added.
namespace json {
[[nodiscard]] std::string pools(const std::vector<engine::PoolSummary>& pools);
[[nodiscard]] std::string pool(const engine::PoolView& view);
[[nodiscard]] std::string volumes(const std::vector<engine::VolumeView>& volumes);
[[nodiscard]] std::string tree(const std::vector<engine::TreeNode>& nodes);
[[nodiscard]] std::string versions(const std::string& volume, const std::vector<engine::VersionView>& versions);
[[nodiscard]] std::string details(const engine::Shown& shown);
[[nodiscard]] std::string findings(const std::vector<engine::Finding>& findings);
[[nodiscard]] std::string keys(const engine::KeyList& keys);
[[nodiscard]] std::string key_test(const engine::KeyTested& tested);
[[nodiscard]] std::string path(const std::string& path);
[[nodiscard]] std::string outcome(const engine::Outcome& outcome, bool dry_run);
[[nodiscard]] std::string mounted(const engine::Mounted& mounted, bool dry_run);
struct Library {
  std::string name, version;
};
[[nodiscard]] std::string version(const std::string& version, const std::vector<Library>& libraries);
[[nodiscard]] std::string error(const Error& error);
}  // namespace json

/// "busy" and so on: the name of a Code in JSON.
[[nodiscard]] const char* name_of(Code code);
/// How a volume is keyed: "base", "own", "shared", or "none" when it is not encrypted.
[[nodiscard]] const char* keying(const engine::VolumeView& volume);

}  // namespace tclone::cli
