// SPDX-License-Identifier: GPL-2.0-or-later
// pool repair: the outer metadata, into the spare area.
#include <array>

#include "base/fault.h"
#include "base/log.h"
#include "dm/targets.h"
#include "dm/thin_tools.h"
#include "engine/api/api.h"
#include "engine/core/lookup.h"
#include "engine/core/session.h"
#include "engine/stack/pool_stack.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "state/host/pool_location.h"

namespace tclone::engine {
namespace {

using namespace std::chrono_literals;

/// One area of the pool as a device for as long as this lives.
class AreaLayer {
 public:
  static Result<AreaLayer> make(Env& env, const std::string& name, const char* layer, const Pool& pool,
                                const Extent& area, bool read_only) {
    const dm::Piece piece{pool.backings[area.device].dev, to_sectors(area.start), to_sectors(area.length)};
    TC_CHECK(env.dm.create({name, device_names::uuid(pool.label.pool, layer), dm::linear(std::array{piece}), read_only,
                            dm::Udev::hidden}));
    return AreaLayer(env, name);
  }
  AreaLayer(AreaLayer&& o) noexcept : env_(std::exchange(o.env_, nullptr)), name_(std::move(o.name_)) {}
  AreaLayer& operator=(AreaLayer&&) = delete;
  AreaLayer(const AreaLayer&) = delete;
  AreaLayer& operator=(const AreaLayer&) = delete;
  ~AreaLayer() {
    if (env_ == nullptr) return;
    if (auto removed = env_->dm.remove(name_, 5000ms); !removed) log::warn(removed.error().text());
  }
  [[nodiscard]] std::string path() const { return env_->dm.path(name_); }

 private:
  AreaLayer(Env& env, std::string name) : env_(&env), name_(std::move(name)) {}
  Env* env_;
  std::string name_;
};

/// What PoolLocation::repairing says while the present spare area is being written to.
std::uint32_t spare_mark(const Pool& pool) { return static_cast<std::uint32_t>(pool.label.spare.start.n / kMiB.n); }

Status clear_flag(Env& env, const std::string& name, const Pool& pool) {
  const auto layer =
      TC_TRY(AreaLayer::make(env, device_names::metadata(name), "meta", pool, pool.label.metadata, false));
  return thin_tools::clear_needs_check(layer.path());
}

/// What the lost superblock would say. The metadata are as old as the records, or, with a journal, as what it began from or
/// one operation younger, which recovery then finishes again. Nothing when they cannot be read: then the superblock has to be sound.
Result<std::optional<thin_tools::Superblock>> known_superblock(Env& env, const std::string& name, const Pool& pool) {
  thin_tools::Superblock known;
  const auto read = [&]() -> Status {
    TC_CHECK(bring_up_state(env, name, pool, false));
    const Store store = TC_TRY(Store::open(state_folder(env, name)));
    const auto journal = TC_TRY(store.journal());
    known.transaction = journal ? journal->from : TC_TRY(store.pool()).transaction;
    return {};
  }();
  TC_CHECK(bring_down(env, name));
  if (!read) {
    log::warn("the pool's records cannot be read: " + read.error().text());
    return std::optional<thin_tools::Superblock>();
  }
  Bytes total{};
  for (const Extent& e : pool.label.data) total = total + e.length;
  known.block = to_sectors(pool.label.block);
  known.data_blocks = total / pool.label.block;
  return std::optional(known);
}

Status write_spare(Env& env, const std::string& name, const Pool& pool) {
  const auto known = TC_TRY(known_superblock(env, name, pool));
  TC_CHECK(os::zero(pool.backings[pool.label.spare.device].device, pool.label.spare.start, kKiB * 4));
  TCLONE_FAULT_POINT("repair.outer.zeroed");
  const auto damaged =
      TC_TRY(AreaLayer::make(env, device_names::metadata(name), "meta", pool, pool.label.metadata, true));
  const auto spare = TC_TRY(AreaLayer::make(env, device_names::spare(name), "spare", pool, pool.label.spare, false));
  TCLONE_FAULT_POINT("repair.outer.layers");
  TC_CHECK(thin_tools::repair(damaged.path(), spare.path(), known));
  TCLONE_FAULT_POINT("repair.outer.written");
  TC_CHECK(os::flush(spare.path()));
  const std::string trouble = TC_TRY(thin_tools::check(spare.path(), false));
  if (trouble.empty()) return {};
  return fail(Code::damaged, "the spare metadata area of pool " + name,
              "what thin_repair wrote to it is not sound either: " + trouble,
              "the old metadata was not touched; ask for help before anything else is tried");
}

/// The commit point is the label, which then names the repaired area; what was damaged stays as the spare. That the spare
/// area is being written to is remembered on the host before, so that a repair that was cut off can be begun anew.
Status repair_to_spare(Env& env, PoolLocation where, Pool& pool) {
  where.repairing = spare_mark(pool);
  TC_CHECK(write_pool_location(env.paths.etc, where));
  TCLONE_FAULT_POINT("repair.outer.begun");
  TC_CHECK(write_spare(env, where.name, pool));
  TCLONE_FAULT_POINT("repair.outer.sound");
  std::swap(pool.label.metadata, pool.label.spare);
  TC_CHECK(write_labels(pool));
  TCLONE_FAULT_POINT("repair.outer.labelled");
  where.repairing = 0;
  return write_pool_location(env.paths.etc, where);
}

Result<bool> spare_is_used(const Pool& pool) {
  return !TC_TRY(os::reads_as_zeros(pool.backings[pool.label.spare.device].device, pool.label.spare.start, kKiB * 4));
}

}  // namespace

Result<std::string> check_outer_offline(Env& env, const std::string& name, const Pool& pool) {
  const auto layer =
      TC_TRY(AreaLayer::make(env, device_names::metadata(name), "check", pool, pool.label.metadata, true));
  return thin_tools::check(layer.path(), false);
}

Result<Outcome> pool_repair(Env& env, const std::string& asked, bool force) {
  const auto run = [&]() -> Result<Outcome> {
    TC_CHECK(thin_tools::require());
    const std::string name = TC_TRY(resolve_pool(env, asked));
    Outcome out;
    out.operation = "pool repair " + name;
    out.name = name;
    const PoolLock lock = TC_TRY(lock_pool(env, name));
    if (TC_TRY(is_active(env, name))) {
      return fail(Code::busy, "pool " + name, "it is active", "run `tclone pool deactivate " + name + "` first");
    }
    const PoolLocation where = TC_TRY(read_pool_location(env.paths.etc, name));
    Pool pool = TC_TRY(remembered_pool(env, name));
    TC_CHECK(bring_down(env, name));
    TC_CHECK(refuse_claimed(pool));
    if (TC_TRY(check_outer_offline(env, name, pool)).empty()) {
      // Sound, but the kernel may have set its flag after an I/O error: only then is there something to do.
      out.changed = false;
      if (!env.dry_run) TC_CHECK(clear_flag(env, name, pool));
      return out;
    }
    if (!force && where.repairing != spare_mark(pool) && TC_TRY(spare_is_used(pool))) {
      return fail(Code::exists, "pool " + name,
                  "the spare area holds the metadata of an earlier repair, and would be overwritten",
                  "copy the pool if that may still be needed, then use --force");
    }
    out.steps.push_back({"repair the outer metadata into the spare area", 0});
    out.steps.push_back({"make the spare area the metadata area", 0});
    if (!env.dry_run) TC_CHECK(repair_to_spare(env, where, pool));
    return out;
  };
  return attempted(run(), "pool repair " + asked);
}

}  // namespace tclone::engine
