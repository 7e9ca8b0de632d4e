// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the seeds of the fuzzers (run with "[corpus]" after a change of format), and checks that they still parse.
#include <cstring>
#include <fstream>
#include <sstream>

#include "state/label.h"
#include "state/records.h"
#include "unit/catch.h"
#include "unit/state/index_sample.h"
#include "unit/state/samples.h"

using namespace tclone;
using namespace tclone::state;

namespace {

const std::string kCorpus = std::string(TCLONE_SOURCE_DIR) + "/tests/fuzz/corpus/";

std::string get_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

Label label() {
  Label l;
  l.pool = samples::uuid(1);
  l.name = "tank";
  l.devices = {samples::uuid(2), samples::uuid(3)};
  l.block = kMiB;
  l.state = {0, kMiB, kMiB * 64};
  l.metadata = {0, kMiB * 65, kMiB * 16};
  l.spare = {1, kMiB, kMiB * 16};
  l.data = {{0, kMiB * 81, kGiB}, {1, kMiB * 17, kGiB}};
  l.owner = "host-1";
  return l;
}

}  // namespace

TEST_CASE("the fuzzers' seeds are written", "[.corpus]") {
  const auto put = [](const std::string& name, const std::string& text) {
    std::ofstream(kCorpus + name, std::ios::binary) << text;
  };
  put("toml/pool", "p" + encode(samples::pool()).value());
  put("toml/vault", "v" + encode(samples::vault()).value());
  put("toml/volume", "o" + encode(samples::volume()).value());
  put("toml/version", "n" + encode(samples::version()).value());
  put("toml/journal", "j" + encode(samples::journal()).value());
  // Without the zeros at the end: the fuzzer adds them.
  const std::vector<std::byte> block = encode_label(label()).value();
  std::string bytes(reinterpret_cast<const char*>(block.data()), block.size());
  bytes.resize(bytes.find_last_not_of('\0') + 1);
  put("label/two-devices", bytes);
  put("index/full", encode(samples::full_index(), samples::uuid(1)).substr(kShelvesAt));
}

TEST_CASE("the fuzzers' seeds are good records of today") {
  const auto toml = [](const char* name) { return get_file(kCorpus + "toml/" + name).substr(1); };
  CHECK(decode_pool(toml("pool")));
  CHECK(decode_vault("db", toml("vault")));
  CHECK(decode_volume("db", toml("volume")));
  CHECK(decode_version("db", 7, toml("version")));
  CHECK(decode_journal(toml("journal")));
  CHECK(decode_shelves(get_file(kCorpus + "index/full")));
  const std::string bytes = get_file(kCorpus + "label/two-devices");
  std::vector<std::byte> block(4096);
  REQUIRE(bytes.size() <= block.size());
  std::memcpy(block.data(), bytes.data(), bytes.size());
  CHECK(decode_label(block));
}
