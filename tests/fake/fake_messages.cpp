// SPDX-License-Identifier: GPL-2.0-or-later
// The fake's thin-pool: messages and status, with the errnos of dm-thin.c and dm-thin-metadata.c.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/fd.h"
#include "fake/fake_device_mapper.h"

namespace tclone::test {

using namespace dm;

namespace {

tl::unexpected<Error> refused(const std::string& name, int sys) {
  return fail_errno(sys, name, "the thin-pool refuses the message");
}

/// A device id as read_dev_id() of dm-thin.c takes it.
std::optional<std::uint32_t> thin_id(const std::string& word) {
  char* end = nullptr;
  const unsigned long long id = std::strtoull(word.c_str(), &end, 10);
  if (word.empty() || *end != '\0' || id > kMaxThinId) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

bool takes_messages(PoolMode mode) { return mode == PoolMode::rw || mode == PoolMode::out_of_data_space; }

}  // namespace

Status FakeDeviceMapper::message(const std::string& name, const std::string& text) {
  TC_CHECK(begin("message", name + " " + text));
  on_message(text);
  const FakeDevice* device = TC_TRY(existing(name));
  const auto words = split_words(text);
  if (words.empty() || device->live.empty() || device->live[0].type != "thin-pool") return refused(name, EINVAL);
  FakePool& target = pool(name);
  if (!takes_messages(target.mode)) return refused(name, EOPNOTSUPP);
  return apply(name, target, words);
}

Status FakeDeviceMapper::apply(const std::string& name, FakePool& pool, const std::vector<std::string>& words) {
  const std::string& verb = words[0];
  if (verb == "reserve_metadata_snap" && words.size() == 1) {
    if (pool.held_root) return refused(name, EBUSY);
    pool.held_root = pool.used_metadata++;
    return {};
  }
  if (verb == "release_metadata_snap" && words.size() == 1) {
    if (!pool.held_root) return refused(name, EINVAL);
    pool.held_root.reset();
    return {};
  }
  if (verb == "set_transaction_id" && words.size() == 3) {
    if (std::to_string(pool.transaction) != words[1]) return refused(name, EINVAL);
    pool.transaction = std::strtoull(words[2].c_str(), nullptr, 10);
    return {};
  }
  const auto id = words.size() < 2 ? std::nullopt : thin_id(words[1]);
  if (!id) return refused(name, EINVAL);
  if (verb == "create_thin" && words.size() == 2) return add_thin(name, pool, *id);
  if (verb == "create_snap" && words.size() == 3) {
    const auto origin = thin_id(words[2]);
    if (!origin) return refused(name, EINVAL);
    if (pool.thins.count(*id) > 0) return refused(name, EEXIST);
    if (pool.thins.count(*origin) == 0) return refused(name, ENODATA);
    check_origin(name, *origin);
    return add_thin(name, pool, *id);
  }
  if (verb == "delete" && words.size() == 2) {
    const auto thin = pool.thins.find(*id);
    if (thin == pool.thins.end()) return refused(name, ENODATA);
    if (!devices_of_thin(name, *id).empty()) return refused(name, EBUSY);
    std::filesystem::remove(folder_ / (".content-" + std::to_string(thin->second)));
    pool.thins.erase(thin);
    return {};
  }
  return refused(name, EINVAL);
}

Status FakeDeviceMapper::add_thin(const std::string& name, FakePool& pool, std::uint32_t id) {
  if (pool.thins.count(id) > 0) return refused(name, EEXIST);
  if (!pool.ever_used.insert(id).second) violation("thin id " + std::to_string(id) + " of " + name + " is used again");
  pool.thins[id] = next_content_++;
  return {};
}

// thin-provisioning.rst: "If the origin device that you wish to snapshot is active, you must suspend it before
// creating the snapshot to avoid corruption. This is NOT enforced at the moment". A device that only reads is exempt.
void FakeDeviceMapper::check_origin(const std::string& name, std::uint32_t origin) {
  for (const std::string& active : devices_of_thin(name, origin)) {
    const FakeDevice& device = devices_.at(active);
    if (device.read_only) continue;
    if (!device.suspended) violation("create_snap of " + active + ", which is active and not suspended");
    if (device.suspended == Suspend::quick) violation("create_snap of " + active + ", suspended without a freeze");
  }
}

Result<PoolStatus> FakeDeviceMapper::pool_status(const std::string& name, Limit limit) {
  for (auto failure = failures_.begin(); failure != failures_.end(); ++failure) {
    if (failure->op != "pool_status" || failure->skip-- > 0) continue;
    const int sys = failure->sys;
    failures_.erase(failure);
    return fail_errno(sys, name, "the test wants pool_status to fail");
  }
  if (stalled_.contains(name)) {
    if (!limit) violation("status of " + name + ", which waits for space, without a limit");
    ++given_up_;
    return fail(Code::busy, name, "has not answered in time");
  }
  const FakeDevice* device = TC_TRY(existing(name));
  if (device->live.empty() || device->live[0].type != "thin-pool")
    return fail(Code::damaged, name, "is not a thin-pool device");
  const Target& target = device->live[0];
  const auto words = split_words(target.params);
  const FakePool& source = pool(name);
  PoolStatus status;
  status.mode = source.mode;
  if (source.mode == PoolMode::fail) return status;  // the kernel prints "Fail" and nothing else
  status.transaction = source.transaction;
  status.used_data = source.used_data;
  status.used_metadata = source.used_metadata;
  status.total_data = target.length.n / std::strtoull(words.at(2).c_str(), nullptr, 10);
  const FakeDevice* metadata = this->device(name_of(words.at(0)));
  const Sectors size =
      metadata == nullptr ? Sectors{32768} : metadata->live.back().start + metadata->live.back().length;
  status.total_metadata = size.n / 8;
  status.held_root = source.held_root;
  status.needs_check = source.needs_check;
  status.error_if_full = target.params.find("error_if_no_space") != std::string::npos;
  return status;
}

Result<ThinStatus> FakeDeviceMapper::thin_status(const std::string& name, Limit) {
  const FakeDevice* device = TC_TRY(existing(name));
  std::uint32_t id = 0;
  const FakePool* source =
      device->live.empty() || device->live[0].type != "thin" ? nullptr : pool_of_thin(device->live[0], id);
  if (source == nullptr) return fail(Code::damaged, name, "is not a thin device");
  ThinStatus status;
  status.failed = source->mode == PoolMode::fail;
  // What its file has data for is what it maps.
  const UniqueFd fd(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
  for (off_t at = 0; (at = ::lseek(fd.get(), at, SEEK_DATA)) >= 0;) {
    const off_t hole = ::lseek(fd.get(), at, SEEK_HOLE);
    status.mapped = status.mapped + to_sectors({static_cast<std::uint64_t>(hole - at)});
    status.highest = to_sectors({static_cast<std::uint64_t>(hole)}) - Sectors{1};
    at = hole;
  }
  return status;
}

void FakeDeviceMapper::set_pool_used(const std::string& name, std::uint64_t data_blocks,
                                     std::uint64_t metadata_blocks) {
  FakePool& target = pool(name);
  target.used_data = data_blocks;
  target.used_metadata = metadata_blocks;
}

void FakeDeviceMapper::set_pool_mode(const std::string& name, PoolMode mode, bool needs_check) {
  FakePool& target = pool(name);
  target.mode = mode;
  target.needs_check = needs_check;
}

}  // namespace tclone::test
