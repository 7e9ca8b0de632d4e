// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit/engine/rig.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/fd.h"
#include "dm/targets.h"
#include "model/device_names.h"
#include "state/host/pool_location.h"

namespace tclone::test {
namespace {

constexpr Bytes kData{64ULL << 30U};

/// Replaces every uuid by "U".
std::string without_uuids(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i + 36 <= text.size() && Uuid::parse(std::string_view(text).substr(i, 36))) {
      out += "U";
      i += 35;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool may_stay_raised(const std::string& line) {
  for (const char* key : {"next_outer", "next_thin", "capacity", "metadata", "provisioned", "format", "create_thins",
                          "delete_thins", "[pending]"}) {
    if (line.rfind(key, 0) == 0) return true;
  }
  return line.empty();
}

}  // namespace

TempFolder::TempFolder() {
  // In memory where that is to be had: the tests make every write durable thousands of times.
  const std::filesystem::path base =
      std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  std::string pattern = (base / "tclone-engine-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  path = pattern;
  for (const char* below : {"dev", "etc", "run", "lib", "lib/p"}) std::filesystem::create_directory(path / below);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

Rig::Rig()
    : mapper(folder.path / "dev"),
      env{points, luks, {file("etc"), file("run"), file("lib")}, "tclone test", std::chrono::milliseconds(200), {}} {
  env.now = [] { return std::int64_t{1714564800}; };
  // The numbers of made-up devices are those of real ones on some hosts.
  env.holders = [](auto, auto) { return std::vector<os::Holder>(); };
  env.write_out = [](auto, auto, const std::string&) {};
  env.stop = [this] {
    points.pass();
    return false;
  };
  env.programs.require = [] { return Status(); };
  env.programs.check = [](const std::string&, bool) { return std::string(); };
  env.programs.mapped = [this](const std::string&, ThinId thin, const std::string&) { return mapped(thin); };
  luks.on_pass = [this] { points.pass(); };
  pool.uuid = Uuid::random();
  pool.name = "p";
  pool.block = kMiB;
  pool.created = env.now();
  REQUIRE(Store::create(file("lib/p"), pool));
  REQUIRE(write_pool_location(file("etc"), {"p", pool.uuid, {"/dev/base"}, false}));
  bring_up();
}

Result<std::vector<engine::thin_tools::Run>> Rig::mapped(ThinId thin) {
  points.pass();
  const auto& thins = mapper.pool(device_names::outer_pool("p")).thins;
  const auto content = thins.find(thin.n);
  if (content == thins.end()) return fail(Code::not_found, "thin", "the pool does not know it");
  std::set<std::uint64_t> blocks;
  const auto add = [&](const std::string& name, Bytes at) {
    const UniqueFd fd(::open(file("dev/.content-" + name).c_str(), O_RDONLY | O_CLOEXEC));
    off_t end = 0;
    for (off_t data = 0; fd && (data = ::lseek(fd.get(), end, SEEK_DATA)) >= 0;) {
      end = ::lseek(fd.get(), data, SEEK_HOLE);
      for (Bytes b{static_cast<std::uint64_t>(data)}; b.n < static_cast<std::uint64_t>(end); b = b + kKiB * 4)
        blocks.insert((b + at).n / kMiB.n);
    }
  };
  add(std::to_string(content->second), {});
  // What was written through dm-crypt lies in a file of its own; without a header nobody reads that any more.
  for (const auto& [place, header] : luks.headers()) {
    if (place.ends_with("#" + std::to_string(thin.n) + "+0")) add(device_names::vault_crypt("p", thin), kMiB * 2);
  }
  std::vector<engine::thin_tools::Run> runs;
  for (const std::uint64_t block : blocks) runs.push_back({block, 1});
  return runs;
}

void Rig::bring_up() {
  const std::string meta = device_names::metadata("p"), data = device_names::data("p");
  dm::PoolOptions options;
  options.block = to_sectors(pool.block);
  options.zero = false;
  const std::vector<dm::Piece> meta_piece{{"/dev/base", {0}, to_sectors(kMiB * 16)}};
  const std::vector<dm::Piece> data_piece{{"/dev/base", to_sectors(kGiB), to_sectors(kData)}};
  REQUIRE(mapper.create({meta, device_names::uuid(pool.uuid, "meta"), dm::linear(meta_piece)}));
  REQUIRE(mapper.create({data, device_names::uuid(pool.uuid, "data"), dm::linear(data_piece)}));
  REQUIRE(mapper.create({device_names::outer_pool("p"), device_names::uuid(pool.uuid, "pool"),
                         dm::thin_pool(mapper.path(meta), mapper.path(data), to_sectors(kData), options)}));
}

Store Rig::store() const {
  auto opened = Store::open(file("lib/p"));
  REQUIRE(opened);
  return std::move(*opened);
}

Records Rig::records() const {
  auto loaded = load_records(store());
  REQUIRE(loaded);
  REQUIRE(loaded->damaged.empty());
  return loaded->records;
}

std::set<std::string> Rig::key_files() const {
  std::set<std::string> out;
  if (!std::filesystem::exists(file("etc/keys"))) return out;
  for (const auto& entry : std::filesystem::directory_iterator(file("etc/keys"))) {
    out.insert(entry.path().stem().string());
  }
  return out;
}

std::set<std::string> Rig::devices() {
  std::set<std::string> out;
  const auto all = mapper.list("tclone-p-");
  for (const dm::Named& d : all.value()) out.insert(d.name);
  return out;
}

std::set<std::uint32_t> Rig::outer_thins() {
  std::set<std::uint32_t> out;
  for (const auto& thin : mapper.pool(device_names::outer_pool("p")).thins) out.insert(thin.first);
  return out;
}

std::map<std::string, std::string> Rig::files() const {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(file("lib/p"))) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path());
    std::ostringstream text;
    text << in.rdbuf();
    out[std::filesystem::relative(entry.path(), file("lib/p")).string()] = text.str();
  }
  return out;
}

std::map<std::string, std::string> Rig::shape() const {
  std::map<std::string, std::string> out;
  for (const auto& [name, text] : files()) {
    // Journals of operations that have ended stay in the ring until they are overwritten; one under way counts.
    if (name == "journal" || name == "journal.done") continue;
    std::istringstream lines(without_uuids(text));
    std::string& kept = out[name];
    for (std::string line; std::getline(lines, line);) {
      if (!may_stay_raised(line)) kept += line + "\n";
    }
  }
  const auto journal = store().journal();
  REQUIRE(journal);
  if (*journal) out["journal"] = (*journal)->operation;
  return out;
}

engine::Outcome Rig::create(const std::string& name, bool plain) {
  engine::Create r;
  r.name = name;
  r.size = kMiB * 8;
  r.fs = FsKind::none;
  r.plain = plain;
  auto out = engine::create(env, r);
  INFO(error_of(out));
  REQUIRE(out);
  return *out;
}

engine::Outcome Rig::clone(const std::string& source, const std::string& name, bool shared) {
  engine::Clone r;
  r.source = source;
  r.name = name;
  r.shared_key = shared;
  auto out = engine::clone(env, r);
  INFO(error_of(out));
  REQUIRE(out);
  return *out;
}

engine::Outcome Rig::publish(std::vector<std::string> what) {
  engine::Publish r;
  r.names = std::move(what);
  auto out = engine::publish(env, r);
  INFO(error_of(out));
  REQUIRE(out);
  return *out;
}

void Rig::deactivate_all() {
  engine::Activation all;
  all.all = true;
  REQUIRE_OK(engine::deactivate(env, all));
}

void Rig::populate() {
  create("db");
  publish({"db"});
  clone("db@1", "web");
  clone("db@1", "solo");
  clone("db@1", "dev", true);
  publish({"db", "web"});
  REQUIRE_OK(engine::tag(env, "p", "db@1", "stable"));
}

void Rig::populate_for(const Deed& deed) {
  populate();
  if (deed.before) deed.before(*this);
}

void Rig::stock(std::uint32_t count) { REQUIRE_OK(engine::pool_stock(env, {"p", count})); }

void Rig::check_whole() {
  Records all = records();
  for (const Finding& f : check_lineage(all)) FAIL_CHECK(f.file << ": " << f.why);
  CHECK_FALSE(*store().journal());
  CHECK(mapper.pool_status(device_names::outer_pool("p"))->transaction == all.pool->transaction);
  std::set<std::uint32_t> outer;
  std::set<std::string> keys;
  std::size_t encrypted = 0;
  for (const Vault& v : all.vaults) {
    outer.insert(v.outer.n);
    const bool made =
        std::any_of(v.slots.begin(), v.slots.end(), [](const SlotSource& k) { return k.source.generated(); });
    if (v.encrypted && (made || (v.slots.empty() && v.key.generated()))) keys.insert(v.uuid.text());
    encrypted += v.encrypted ? 1 : 0;
    CHECK_FALSE(v.rekey);
  }
  CHECK(outer_thins() == outer);
  CHECK(key_files() == keys);
  CHECK(luks.headers().size() == encrypted);
  if (std::any_of(all.vaults.begin(), all.vaults.end(), [](const Vault& v) { return v.stock; })) {
    stock(0);
    all = records();
  }
  engine::Activation wanted;
  std::map<std::string, std::set<std::uint32_t>> inner;
  for (const Volume& v : all.volumes) {
    wanted.names.push_back(v.name);
    inner[v.vault].insert(v.thin.n);
  }
  for (const Version& v : all.versions) {
    wanted.names.push_back(v.ref().text());
    inner[v.vault].insert(v.thin.n);
  }
  REQUIRE_OK(engine::activate(env, wanted));
  for (const Vault& v : all.vaults) {
    std::set<std::uint32_t> there;
    const std::string inner_pool = device_names::vault_pool("p", v.outer);
    REQUIRE(mapper.device(inner_pool) != nullptr);
    for (const auto& thin : mapper.pool(inner_pool).thins) there.insert(thin.first);
    CHECK(there == inner[v.name]);
    CHECK(store().vault(v.name)->pending.empty());
    // The record may be ahead of the devices after a crash; the capacity rule holds in the kernel all the same.
    const Bytes present = to_bytes(mapper.table(device_names::vault_data("p", v.outer))->front().length);
    CHECK(present <= v.capacity);
    CHECK(present >= v.writable);
  }
  // What stands on others goes first: clones, then versions from the youngest on.
  std::reverse(wanted.names.begin() + static_cast<std::ptrdiff_t>(all.volumes.size()), wanted.names.end());
  for (int turn = 0; turn < 2; ++turn) static_cast<void>(engine::deactivate(env, wanted));
  for (const Vault& v : all.vaults) CHECK(mapper.device(device_names::vault_thin("p", v.outer)) == nullptr);
  CHECK(devices().size() == 3);
  CHECK(mapper.violations().empty());
}

}  // namespace tclone::test
