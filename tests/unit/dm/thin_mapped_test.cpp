// SPDX-License-Identifier: GPL-2.0-or-later
#include <sstream>

#include "dm/thin_tools.h"
#include "unit/catch.h"

using namespace tclone;
using engine::thin_tools::Run;

namespace {

// As thin_dump 0.9.0 and 1.0 print it.
const char* const kDump =
    R"(<superblock uuid="" time="0" transaction="9" version="2" data_block_size="2048" nr_data_blocks="900">
  <device dev_id="1" mapped_blocks="2" transaction="0" creation_time="0" snap_time="0">
    <range_mapping origin_begin="0" data_begin="7" length="2" time="0"/>
  </device>
  <device dev_id="3" mapped_blocks="6" transaction="2" creation_time="0" snap_time="0">
    <range_mapping origin_begin="0" data_begin="0" length="2" time="0"/>
    <single_mapping origin_block="2" data_block="40" time="0"/>
    <single_mapping origin_block="16" data_block="41" time="0"/>
    <range_mapping origin_begin="16386" data_begin="2" length="2" time="0"/>
  </device>
</superblock>
)";

Result<std::vector<Run>> parse(const std::string& text, std::uint32_t thin) {
  std::istringstream in(text);
  return engine::thin_tools::parse_mapped(in, ThinId{thin});
}

std::string with(std::string from, const std::string& to) {
  std::string text = kDump;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("what thin_dump says about one thin is read, neighbours as one run") {
  const auto runs = parse(kDump, 3);
  REQUIRE(runs);
  CHECK(*runs == std::vector<Run>{{0, 3}, {16, 1}, {16386, 2}});
}

TEST_CASE("a thin that the metadata does not know is not one that maps nothing") {
  const auto runs = parse(kDump, 2);
  REQUIRE_FALSE(runs);
  CHECK(runs.error().code == Code::not_found);
}

TEST_CASE("a dump that is cut short, loses a mapping or is not understood is refused") {
  const std::string whole = kDump;
  for (std::size_t cut = 0; cut < whole.size() - 2; cut += 7) CHECK_FALSE(parse(whole.substr(0, cut), 3));
  CHECK_FALSE(parse(with("    <single_mapping origin_block=\"2\" data_block=\"40\" time=\"0\"/>\n", ""), 3));
  CHECK_FALSE(parse(with("origin_block=\"16\"", "origin_block=\"x\""), 3));
  CHECK_FALSE(parse(with("origin_block=\"16\"", "origin_block=\"1\""), 3));
  CHECK_FALSE(
      parse(with("<single_mapping origin_block=\"16\" data_block=\"41\" time=\"0\"/>", "<ref name=\"4\"/>"), 3));
}
