// SPDX-License-Identifier: GPL-2.0-or-later
// The kernel's floor under tclone: each operation by the calls of libdevmapper and libcryptsetup that it cannot do
// without, on layers of the same tables and sizes as tclone's. No state, no journal, no lock, no check, no guard.
//
//   floor setup DEVICE SIZE [null]   an outer pool on DEVICE (its contents are lost), a vault with a volume of SIZE bytes
//                                    and a version of it; `null`: cipher_null instead of LUKS2 with AES
//   floor OPERATION ROUND            one of: shared revert publish refresh own own-revert create drop version; says on standard
//                                    error how long the commit, loading libraries and all of it took, as `tclone --timings`
//                                    does. ROUND, from 0 upwards, chooses ids. `drop` undoes what a round left.
//   floor teardown
//
// One process an operation, timed from the head of main, as `tclone --timings` counts; both load libdevmapper and
// libcryptsetup by base/library.h, so that the time for it is in both. Whatever must be known from
// one process to the next is in a file in /run, read before the clock starts. Layers are opened in bench/floor_stack.cpp.
#include <unistd.h>

#include <array>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "bench/floor_stack.h"
#include "bench/main_of.h"

namespace tclone::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kMemory = "/run/tclone-floor";
constexpr std::uint32_t kBase = 1;         // outer thin of the vault that holds the volume and its versions
constexpr ThinId kVolume{0}, kVersion{1};  // inner thins of that vault
const char* const kVolumeDevice = "floor-db";
const char* const kVersionDevice = "floor-db@1";
const char* const kShared = "floor-shared";
const char* const kOwn = "floor-own";
const char* const kNew = "floor-new";

struct Memory {
  std::uint64_t transaction = 0, size = 0;
  bool null_cipher = false;
};

Memory remembered() {
  std::array<char, 64> text{};
  if (std::FILE* in = std::fopen(kMemory, "re")) {
    static_cast<void>(std::fread(text.data(), 1, text.size() - 1, in));
    std::fclose(in);
  }
  Memory m;
  char* at = text.data();
  m.transaction = std::strtoull(at, &at, 10);
  m.size = std::strtoull(at, &at, 10);
  m.null_cipher = std::strtoul(at, nullptr, 10) != 0;
  return m;
}

void remember(const Memory& m) {
  if (std::FILE* out = std::fopen(kMemory, "we")) {
    std::fprintf(out, "%" PRIu64 " %" PRIu64 " %d\n", m.transaction, m.size, m.null_cipher ? 1 : 0);
    std::fclose(out);
  }
}

/// One round's ids: nothing is ever given out twice.
struct Round {
  std::uint32_t n;
  [[nodiscard]] ThinId inner(std::uint32_t which) const { return {10 + 8 * n + which}; }
  [[nodiscard]] std::uint32_t outer(std::uint32_t which) const { return 10 + 2 * n + which; }
};
enum Inner : std::uint32_t { kCloned, kReverted, kPublished, kRefreshed };
enum Outer : std::uint32_t { kOwnVault, kNewVault };

class Floor {
 public:
  Floor(Memory memory, Round round) : memory_(memory), round_(round) {}

  Status setup(const std::string& device) {
    TC_CHECK(make_outer_pool(device));
    TC_CHECK(make_vault(kBase, kVolume));
    TC_CHECK(thin_device(kVolumeDevice, kBase, kVolume));
    TC_CHECK(message(pool_of(kBase), dm::create_snap(kVersion, kVolume)));
    return commit();
  }

  /// The version anew, of what the volume holds now; nothing may stand on the old one.
  Status version() {
    TC_CHECK(message(pool_of(kBase), dm::delete_thin(kVersion)));
    TC_CHECK(suspend(kVolumeDevice));
    TC_CHECK(message(pool_of(kBase), dm::create_snap(kVersion, kVolume)));
    return resume(kVolumeDevice);
  }
  Status shared() {
    TC_CHECK(message(pool_of(kBase), dm::create_snap(round_.inner(kCloned), kVersion)));
    TC_CHECK(thin_device(kShared, kBase, round_.inner(kCloned)));
    return commit();
  }
  /// Of the shared-key clone, to the version it came from.
  Status revert() { return restart_shared(round_.inner(kReverted), kVersion, round_.inner(kCloned)); }
  Status publish() {
    TC_CHECK(suspend(kVolumeDevice));
    TC_CHECK(message(pool_of(kBase), dm::create_snap(round_.inner(kPublished), kVolume)));
    TC_CHECK(resume(kVolumeDevice));
    return commit();
  }
  /// Of the shared-key clone, to the version just published.
  Status refresh() {
    return restart_shared(round_.inner(kRefreshed), round_.inner(kPublished), round_.inner(kReverted));
  }
  Status own() {
    TC_CHECK(make_vault(round_.outer(kOwnVault), kVolume));
    TC_CHECK(thin_device(kVersionDevice, kBase, kVersion, {}, true));
    TC_CHECK(thin_device(kOwn, round_.outer(kOwnVault), kVolume, kVersionDevice));
    return commit();
  }
  /// A fresh inner pool behind the same key: the space goes back to the outer pool, as with tclone.
  Status own_revert() {
    const std::uint32_t vault = round_.outer(kOwnVault);
    TC_CHECK(remove(kOwn));
    TC_CHECK(remove(pool_of(vault)));
    TC_CHECK(commit());
    TC_CHECK(empty_vault(vault));
    TC_CHECK(start_inner_pool(vault, Bytes{memory_.size}, kVolume));
    return thin_device(kOwn, vault, kVolume, kVersionDevice);
  }
  Status create() {
    TC_CHECK(make_vault(round_.outer(kNewVault), kVolume));
    TC_CHECK(thin_device(kNew, round_.outer(kNewVault), kVolume));
    return commit();
  }

  /// What a round left, whichever of its operations there were.
  Status drop() {
    for (const char* device : {kShared, kOwn, kNew, kVersionDevice}) TC_CHECK(remove_if_there(device));
    for (const Inner which : {kCloned, kReverted, kPublished, kRefreshed}) {
      static_cast<void>(message(pool_of(kBase), dm::delete_thin(round_.inner(which))));  // most are gone: ENODATA
    }
    for (const Outer which : {kOwnVault, kNewVault}) {
      TC_CHECK(close_vault(round_.outer(which)));
      static_cast<void>(message(kOuterPool, dm::delete_thin({round_.outer(which)})));
    }
    return {};
  }

  Status teardown() {
    for (const char* device : {kShared, kOwn, kNew, kVersionDevice, kVolumeDevice}) TC_CHECK(remove_if_there(device));
    TC_CHECK(close_vault(kBase));
    return remove_outer_pool();
  }

  [[nodiscard]] const Memory& memory() const { return memory_; }
  [[nodiscard]] double commit_ms() const { return commit_ms_; }

 private:
  Status make_vault(std::uint32_t outer, ThinId first) {
    TC_CHECK(message(kOuterPool, dm::create_thin({outer})));
    TC_CHECK(open_fresh_layers(outer, Bytes{memory_.size}, memory_.null_cipher));
    return start_inner_pool(outer, Bytes{memory_.size}, first);
  }

  Status thin_device(const char* name, std::uint32_t vault, ThinId thin, const std::string& origin = {},
                     bool read_only = false) {
    std::optional<std::string> basis;
    if (!origin.empty()) basis = node(origin);
    return make_device(name, dm::thin(node(pool_of(vault)), thin, to_sectors(Bytes{memory_.size}), basis), read_only);
  }

  Status restart_shared(ThinId fresh, ThinId from, ThinId old) {
    TC_CHECK(remove(kShared));
    TC_CHECK(message(pool_of(kBase), dm::create_snap(fresh, from)));
    TC_CHECK(commit());
    TC_CHECK(message(pool_of(kBase), dm::delete_thin(old)));
    return thin_device(kShared, kBase, fresh);
  }

  /// The kernel's own way to make something true; tclone's commit point.
  Status commit() {
    const auto start = Clock::now();
    TC_CHECK(message(kOuterPool, dm::set_transaction_id(memory_.transaction, memory_.transaction + 1)));
    ++memory_.transaction;
    commit_ms_ += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    return {};
  }

  Memory memory_;
  Round round_;
  double commit_ms_ = 0;
};

using Operation = Status (Floor::*)();
const std::map<std::string, Operation>& operations() {
  static const std::map<std::string, Operation> all{{"shared", &Floor::shared},   {"revert", &Floor::revert},
                                                    {"publish", &Floor::publish}, {"refresh", &Floor::refresh},
                                                    {"own", &Floor::own},         {"own-revert", &Floor::own_revert},
                                                    {"create", &Floor::create},   {"version", &Floor::version},
                                                    {"drop", &Floor::drop},       {"teardown", &Floor::teardown}};
  return all;
}

Status run(const std::vector<std::string>& args) {
  if (args.size() >= 3 && args[0] == "setup") {
    TC_CHECK(load_devmapper());
    Floor floor({0, std::stoull(args[2]), args.size() > 3 && args[3] == "null"}, {0});
    TC_CHECK(floor.setup(args[1]));
    remember(floor.memory());
    return {};
  }
  const auto found = args.empty() ? operations().end() : operations().find(args[0]);
  if (found == operations().end())
    return fail(Code::usage, "floor", "see the head of bench/floor.cpp for its arguments");
  Floor floor(remembered(), {static_cast<std::uint32_t>(args.size() > 1 ? std::stoul(args[1]) : 0)});
  const auto start = Clock::now();
  TC_CHECK(load_devmapper());
  TC_CHECK((floor.*found->second)());
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  remember(floor.memory());
  std::fprintf(stderr, "%8.3f ms  commit\n%8.3f ms  libraries\n%8.3f ms  altogether\n", floor.commit_ms(), library_ms(),
               took.count());
  return {};
}

}  // namespace
}  // namespace tclone::bench

int main(int argc, char** argv) {
  const int status = tclone::bench::main_of("floor", argc, argv, tclone::bench::run);
  ::_exit(status);  // as tclone: without the exit handlers of its libraries
}
