// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/model/contents.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/fd.h"
#include "dm/targets.h"
#include "model/device_names.h"
#include "os/block_io.h"
#include "tests/lab/model/machine.h"

namespace tclone::lab::model {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kAtOnce = 256;  // pages

struct Free {
  void operator()(unsigned char* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<unsigned char, Free>;
Buffer aligned(std::uint64_t pages) {
  return Buffer(static_cast<unsigned char*>(std::aligned_alloc(kPage, pages * kPage)));
}

Result<UniqueFd> open_direct(const std::string& path, int mode) {
  UniqueFd fd(::open(path.c_str(), mode | O_DIRECT | O_CLOEXEC));
  if (!fd) return fail_errno(errno, path, "cannot open it");
  return fd;
}

}  // namespace

Status ContentsCheck::read(const std::string& device, std::uint64_t first, std::uint64_t count, Pages& out) {
  const UniqueFd fd = TC_TRY(open_direct(dm_.path(device), O_RDONLY));
  const Buffer buffer = aligned(kAtOnce);
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t now = std::min(kAtOnce, count - done);
    const ssize_t got = ::pread(fd.get(), buffer.get(), now * kPage, static_cast<off_t>((first + done) * kPage));
    if (got != static_cast<ssize_t>(now * kPage)) return fail_errno(got < 0 ? errno : EIO, device, "cannot read it");
    for (std::uint64_t i = 0; i < now; ++i) out.push_back(page_hash(buffer.get() + i * kPage));
    done += now;
  }
  pages_ += count;
  return {};
}

/// The device to read it by: its own, or one made for the purpose; nullopt when its vault, or that of a version it
/// stands on, is closed.
Result<std::optional<std::string>> ContentsCheck::readable(const Item& thing, const Records& records) {
  if (TC_TRY(dm_.info(thing.device))) return std::optional(thing.device);
  const auto vault =
      std::find_if(records.vaults.begin(), records.vaults.end(), [&](const Vault& v) { return v.name == thing.vault; });
  if (vault == records.vaults.end()) return fail(Code::damaged, thing.name, "its vault has no record");
  const auto pool = TC_TRY(dm_.info(device_names::vault_pool(kPool, vault->outer)));
  if (!pool) return std::optional<std::string>{};
  std::optional<std::string> basis;
  if (thing.basis) {
    const auto below = std::find_if(records.versions.begin(), records.versions.end(),
                                    [&](const Version& v) { return v.uuid == thing.basis->uuid; });
    if (below == records.versions.end()) return fail(Code::damaged, thing.name, "what it stands on has no record");
    const Item under{below->ref().text(), device_names::version(kPool, below->volume, below->number),
                     below->vault,        below->thin,
                     below->size.n,       below->basis};
    const auto device = TC_TRY(readable(under, records));
    if (!device) return std::optional<std::string>{};
    const auto info = TC_TRY(dm_.info(*device));
    if (!info) return fail(Code::damaged, *device, "it went away");
    basis = info->dev();
  }
  const std::string look = "lab-look-" + std::to_string(looks_.size());
  TC_CHECK(dm_.create(
      {look, "", dm::thin(pool->dev(), thing.thin, to_sectors({thing.size}), basis), true, dm::Udev::hidden}));
  looks_.push_back(look);
  return std::optional(look);
}

Status ContentsCheck::close_looks() {
  while (!looks_.empty()) {
    TC_CHECK(dm_.remove(looks_.back(), 3000ms));
    looks_.pop_back();
  }
  return {};
}

Result<std::string> ContentsCheck::one(const Item& thing, const Records& records, Contents& contents, bool all,
                                       Random& random) {
  const auto device = TC_TRY(readable(thing, records));
  if (!device) return std::string{};
  const std::uint64_t pages = thing.size / kPage;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges{{0, pages}};
  if (contents && !all) {
    ranges.clear();
    for (int i = 0; i < 3; ++i)
      ranges.emplace_back(random.below(pages / kPagesPerBlock) * kPagesPerBlock, kPagesPerBlock);
  }
  Pages learned;
  for (const auto& [first, count] : ranges) {
    Pages found;
    TC_CHECK(read(*device, first, count, found));
    for (std::uint64_t i = 0; contents && i < count; ++i) {
      const std::uint64_t wanted = (*contents)[first + i];
      if (found[i] == wanted) continue;
      return "page " + std::to_string(first + i) + " of " + thing.name +
             (found[i] == 0 ? " reads as zeros" : " is another") + (wanted == 0 ? ", not the zeros it must be" : "");
    }
    if (!contents) learned = std::move(found);
  }
  if (!contents) contents = std::make_shared<const Pages>(std::move(learned));
  return std::string{};
}

Result<std::string> ContentsCheck::compare(Model& model, const Records& records, bool all, Random& random) {
  const auto check = [&](const Item& thing, Contents& contents) -> Result<std::string> {
    auto out = one(thing, records, contents, all, random);
    TC_CHECK(close_looks());
    return out;
  };
  for (const tclone::Volume& v : records.volumes) {
    const std::string wrong =
        TC_TRY(check({v.name, device_names::volume(kPool, v.name), v.vault, v.thin, v.size.n, v.basis},
                     model.volumes.at(v.name).contents));
    if (!wrong.empty()) return wrong;
  }
  for (const tclone::Version& v : records.versions) {
    if (!all && !random.chance(30)) continue;
    const std::string wrong = TC_TRY(
        check({v.ref().text(), device_names::version(kPool, v.volume, v.number), v.vault, v.thin, v.size.n, v.basis},
              model.volumes.at(v.volume).versions.at(v.number).contents));
    if (!wrong.empty()) return wrong;
  }
  return std::string{};
}

Status ContentsCheck::write(const std::string& volume, std::uint64_t page, std::uint64_t count, std::uint64_t stamp) {
  const std::string path = dm_.path(device_names::volume(kPool, volume));
  const UniqueFd fd = TC_TRY(open_direct(path, O_RDWR));
  const auto end = static_cast<std::uint64_t>(::lseek(fd.get(), 0, SEEK_END)) / kPage;
  count = page < end ? std::min(count, end - page) : 0;
  const Buffer buffer = aligned(std::max<std::uint64_t>(count, 1));
  for (std::uint64_t i = 0; i < count; ++i) make_page(stamp, page + i, buffer.get() + i * kPage);
  const ssize_t put = ::pwrite(fd.get(), buffer.get(), count * kPage, static_cast<off_t>(page * kPage));
  if (put != static_cast<ssize_t>(count * kPage) || ::fdatasync(fd.get()) != 0)
    return fail_errno(put < 0 ? errno : EIO, path, "cannot write");
  return {};
}

Status ContentsCheck::discard(const std::string& volume, std::uint64_t block, std::uint64_t count) {
  const std::string path = dm_.path(device_names::volume(kPool, volume));
  const UniqueFd fd = TC_TRY(open_direct(path, O_RDWR));
  const auto blocks = static_cast<std::uint64_t>(::lseek(fd.get(), 0, SEEK_END)) / kBlock;
  if (block >= blocks) return {};
  TC_CHECK(os::discard(path, {block * kBlock}, {std::min(count, blocks - block) * kBlock}));
  // A discard that nothing was flushed behind may be undone by a power cut.
  if (::fdatasync(fd.get()) != 0) return fail_errno(errno, path, "cannot flush a discard");
  return {};
}

}  // namespace tclone::lab::model
