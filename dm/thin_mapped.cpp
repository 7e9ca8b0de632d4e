// SPDX-License-Identifier: GPL-2.0-or-later
// What a thin maps, as thin_dump tells it: one line an element.
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <optional>

#include "dm/thin_tools.h"
#include "os/filesystem.h"

namespace tclone::engine::thin_tools {
namespace {

/// The value of an attribute that is a number.
std::optional<std::uint64_t> attribute(const std::string& line, const std::string& name) {
  const std::string start = " " + name + "=\"";
  const std::size_t at = line.find(start);
  if (at == std::string::npos) return std::nullopt;
  const char* const begin = line.data() + at + start.size();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(begin, line.data() + line.size(), value);
  if (error != std::errc{} || *end != '"') return std::nullopt;
  return value;
}

bool is(const std::string& line, const std::string& element) { return line.find("<" + element) != std::string::npos; }

tl::unexpected<Error> odd(const std::string& line) {
  return fail(Code::damaged, "thin_dump", "it says what is not understood: " + line.substr(0, 200),
              "run `tclone pool check`");
}

}  // namespace

Result<std::vector<Run>> parse_mapped(std::istream& dump, ThinId thin) {
  std::vector<Run> runs;
  std::optional<std::uint64_t> promised;
  std::uint64_t total = 0;
  bool inside = false;
  bool whole = false;
  for (std::string line; std::getline(dump, line);) {
    if (is(line, "device ")) {
      inside = attribute(line, "dev_id") == std::optional<std::uint64_t>{thin.n};
      if (inside) promised = attribute(line, "mapped_blocks");
    } else if (is(line, "/device>")) {
      inside = false;
    } else if (is(line, "/superblock>")) {
      whole = true;
    } else if (is(line, "single_mapping ") || is(line, "range_mapping ")) {
      if (!inside) continue;
      const bool single = is(line, "single_mapping ");
      const auto first = attribute(line, single ? "origin_block" : "origin_begin");
      const auto count = single ? std::optional<std::uint64_t>{1} : attribute(line, "length");
      if (!first || !count || (!runs.empty() && *first < runs.back().first + runs.back().count)) return odd(line);
      total += *count;
      if (!runs.empty() && runs.back().first + runs.back().count == *first) {
        runs.back().count += *count;
      } else {
        runs.push_back({*first, *count});
      }
    } else if (is(line, "ref ") || is(line, "def ")) {
      return odd(line);  // mappings that several thins share: an outer thin is never snapshotted
    }
  }
  if (!whole) return fail(Code::damaged, "thin_dump", "its output is cut short", "try again");
  if (!promised) return fail(Code::not_found, "thin " + std::to_string(thin.n), "the metadata does not know it");
  if (*promised != total) {
    return fail(Code::damaged, "thin " + std::to_string(thin.n),
                "thin_dump promises " + std::to_string(*promised) + " mapped blocks and names " + std::to_string(total),
                "run `tclone pool check`");
  }
  return runs;
}

Result<std::vector<Run>> mapped(const std::string& metadata, ThinId thin, const std::string& scratch) {
  ::unlink(scratch.c_str());
  auto out = os::run_status({"thin_dump", "-m", "--dev-id", std::to_string(thin.n), "-o", scratch, metadata});
  auto answer = [&]() -> Result<std::vector<Run>> {
    if (!out) return tl::unexpected(out.error());
    if (out->status != 0)
      return fail(Code::damaged, metadata, "thin_dump failed: " + out->text, "run `tclone pool check`");
    std::ifstream in(scratch);
    return parse_mapped(in, thin);
  }();
  ::unlink(scratch.c_str());
  return answer;
}

}  // namespace tclone::engine::thin_tools
