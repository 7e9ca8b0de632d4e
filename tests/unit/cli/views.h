// SPDX-License-Identifier: GPL-2.0-or-later
// Answers of the engine with every field set, for the rendering tests.
#pragma once

#include "engine/api/api.h"

namespace tclone::cli::views {

inline Uuid uuid(std::uint8_t last) {
  Uuid out;
  out.bytes.back() = last;
  return out;
}
inline VersionRef db(std::uint64_t number) { return {"db", number, uuid(static_cast<std::uint8_t>(number))}; }

inline engine::VolumeView base_volume() {
  engine::VolumeView v;
  v.record = {"db",
              uuid(10),
              "db",
              {1},
              Bytes{10 * kGiB.n},
              FsKind::ext4,
              1767225600,
              {},
              {},
              false,
              "",
              4,
              {1, 3},
              {{"latest", 3}, {"stable", 1}}};
  v.active = true;
  v.device = "/dev/mapper/tclone-default-db";
  v.mounts = {"/srv/db", "/srv/with\nbreak"};
  v.mapped = Bytes{3 * kGiB.n / 2};
  return v;
}
inline engine::VolumeView clone_volume(bool own_key) {
  engine::VolumeView v;
  v.record = {own_key ? "web1" : "test",
              uuid(11),
              own_key ? "web1" : "db",
              {2},
              Bytes{10 * kGiB.n},
              FsKind::ext4,
              1767225600,
              db(3),
              {},
              own_key,
              "latest",
              1,
              {},
              {}};
  v.key = {"keyring", "tclone:web1"};
  v.device = "/dev/mapper/tclone-default-" + v.record.name;
  v.exclusive = kMiB;
  return v;
}
inline engine::VersionView version(std::uint64_t number) {
  engine::VersionView v;
  v.record = {"db",
              number,
              uuid(static_cast<std::uint8_t>(number)),
              "db",
              {5},
              Bytes{10 * kGiB.n},
              FsKind::ext4,
              {},
              1767225600 + static_cast<std::int64_t>(number) * 3661,
              number == 3 ? "nightly import" : ""};
  v.tags = number == 3 ? std::vector<std::string>{"latest"} : std::vector<std::string>{};
  v.clones = {"web1"};
  v.device = "/dev/mapper/tclone-default-db@" + std::to_string(number);
  return v;
}
inline engine::VaultView vault(bool open) {
  engine::VaultView v;
  v.record.name = "db";
  v.record.uuid = uuid(20);
  v.record.outer = {11};
  v.record.header = {uuid(21), "aes", "xts-plain64", 512, 4096, Bytes{2 * kMiB.n}};
  v.record.block = Bytes{64 * kKiB.n};
  v.record.capacity = Bytes{15 * kGiB.n};
  v.record.volumes = 1;
  v.record.versions = 2;
  v.open = open;
  v.health = open ? "ok" : "closed";
  if (open) {
    v.data = engine::Usage{kGiB, {15 * kGiB.n}};
    v.metadata = engine::Usage{kMiB, {64 * kMiB.n}};
    v.allocated = Bytes{2 * kGiB.n};
  }
  return v;
}
inline engine::PoolSummary summary(bool active) {
  return {active ? "default" : "old",
          uuid(30),
          {"/var/lib/tclone/default.pool"},
          active,
          active ? "" : "the file is not there"};
}
inline engine::PoolView pool() {
  engine::PoolView v;
  v.summary = summary(true);
  v.block = kMiB;
  v.data = {{3 * kGiB.n}, {20 * kGiB.n}};
  v.metadata = {{2 * kMiB.n}, {16 * kMiB.n}};
  v.health = "ok";
  v.reserve = kGiB;
  v.free = {17 * kGiB.n};
  v.unfinished = "clone db@3 to web1";
  v.vaults = {vault(true), vault(false)};
  v.volumes = {base_volume(), clone_volume(true)};
  return v;
}
inline engine::Outcome outcome() {
  return {"clone db@3 to web1",
          "web1",
          "/dev/mapper/tclone-default-web1",
          {db(3)},
          {{"journal the operation", 0.25}, {"create outer thin 12", 12.5}},
          {"the key file has no copy"},
          true};
}
inline std::vector<engine::TreeNode> tree() {
  engine::TreeNode web1{"web1", false, true, {}, {}};
  engine::TreeNode test{"test", false, false, {}, {}};
  engine::TreeNode one{"db@1", true, false, {"stable"}, {test}};
  engine::TreeNode three{"db@3", true, false, {"latest"}, {web1}};
  return {{"db", false, false, {}, {one, three}}, {"files", false, false, {}, {}}};
}

}  // namespace tclone::cli::views
