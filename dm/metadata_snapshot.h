// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cerrno>
#include <string>
#include <utility>

#include "base/log.h"
#include "dm/device_mapper.h"

namespace tclone::engine {

/// Holds a thin-pool's metadata snapshot, of which there is only one, and gives it back.
class MetadataSnapshot {
 public:
  static Result<MetadataSnapshot> take(dm::DeviceMapper& dm, const std::string& pool) {
    auto taken = dm.message(pool, "reserve_metadata_snap");
    if (!taken && taken.error().sys == EBUSY) {
      return fail(Code::busy, pool, "somebody holds its metadata snapshot", "`tclone doctor` says how to release it",
                  EBUSY);
    }
    if (!taken) return tl::unexpected(taken.error());
    return MetadataSnapshot(dm, pool);
  }
  MetadataSnapshot(MetadataSnapshot&& o) noexcept : dm_(std::exchange(o.dm_, nullptr)), pool_(std::move(o.pool_)) {}
  MetadataSnapshot& operator=(MetadataSnapshot&&) = delete;
  MetadataSnapshot(const MetadataSnapshot&) = delete;
  MetadataSnapshot& operator=(const MetadataSnapshot&) = delete;
  ~MetadataSnapshot() {
    if (auto released = release(); !released) log::warn(released.error().text());
  }
  /// Nothing when it is given back already. After an error the destructor tries once more.
  [[nodiscard]] Status release() {
    if (dm_ == nullptr) return {};
    TC_CHECK(dm_->message(pool_, "release_metadata_snap"));
    dm_ = nullptr;
    return {};
  }

 private:
  MetadataSnapshot(dm::DeviceMapper& dm, std::string pool) : dm_(&dm), pool_(std::move(pool)) {}
  dm::DeviceMapper* dm_;
  std::string pool_;
};

}  // namespace tclone::engine
