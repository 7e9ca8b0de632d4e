// SPDX-License-Identifier: GPL-2.0-or-later
#include "dm/thin_tools.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "base/fd.h"
#include "os/filesystem.h"

namespace tclone::engine::thin_tools {

Status judge_version(const std::string& said) {
  const std::string next = "install 1.0.6 or newer, or 0.9.0";
  std::istringstream in(said);
  // "0.9.0", or "thin_check 1.0.12" from the newer ones.
  for (std::string word; in >> word;) {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    char dot = 0;
    std::istringstream number(word);
    if (!(number >> major >> dot >> minor >> dot >> patch)) continue;
    if (major != 1 || minor != 0 || patch > 5) return {};
    return fail(Code::kernel, "thin-provisioning-tools 1.0." + std::to_string(patch),
                "versions 1.0.0 to 1.0.5 are known to be wrong", next);
  }
  return fail(Code::kernel, "thin-provisioning-tools", "thin_check -V says no version: " + said, next);
}

Status require() { return judge_version(TC_TRY(os::run_status({"thin_check", "-V"}, 30)).text); }

Result<std::string> check(const std::string& metadata, bool live) {
  std::vector<std::string> argv{"thin_check"};
  if (live) argv.emplace_back("-m");
  argv.push_back(metadata);
  const auto out = TC_TRY(os::run_status(argv));
  if (out.status == 0) return std::string{};
  std::string last;
  std::istringstream in(out.text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) last = line;
  }
  return last.empty() ? "thin_check ended with status " + std::to_string(out.status) : last;
}

Result<std::set<std::uint32_t>> ids(const std::string& metadata, bool live) {
  std::vector<std::string> argv{"thin_ls", "--no-headers", "-o", "DEV"};
  if (live) argv.emplace_back("-m");
  argv.push_back(metadata);
  const auto out = TC_TRY(os::run_status(argv));
  if (out.status != 0) return fail(Code::damaged, metadata, "thin_ls failed: " + out.text, "run `tclone pool check`");
  std::set<std::uint32_t> found;
  std::istringstream in(out.text);
  for (std::uint32_t id = 0; in >> id;) found.insert(id);
  // os::run keeps the tail of a long output: a list that was cut must not pass for a whole one.
  if (out.text.size() >= 60000) return fail(Code::failed, metadata, "too many thin ids to be compared");
  return found;
}

Status clear_needs_check(const std::string& metadata) {
  const auto out = TC_TRY(os::run_status({"thin_check", "--clear-needs-check-flag", metadata}));
  if (out.status != 0) return fail(Code::damaged, metadata, "thin_check failed: " + out.text);
  return {};
}

Status repair(const std::string& from, const std::string& to, const std::optional<Superblock>& known) {
  std::vector<std::string> argv{"thin_repair", "-i", from, "-o", to};
  auto out = os::run_status(argv);
  // 0.9.0 may also end by a signal where it misses what the superblock says.
  if ((!out || out->status != 0) && known) {
    for (const auto& [option, value] : {std::pair{"--transaction-id", known->transaction},
                                        {"--data-block-size", known->block.n},
                                        {"--nr-data-blocks", known->data_blocks}}) {
      argv.insert(argv.end(), {option, std::to_string(value)});
    }
    out = os::run_status(argv);
  }
  if (out && out->status == 0) return {};
  return fail(Code::damaged, from, "thin_repair failed: " + (out ? out->text : out.error().why),
              "the old metadata were not touched; a newer thin_repair may do better, on a copy of the whole pool");
}

}  // namespace tclone::engine::thin_tools
