// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/core/consistency.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.h"

namespace tclone::engine {
namespace {

// struct thin_disk_superblock (drivers/md/dm-thin-metadata.c), little endian; the root of the data space map begins with
// its number of blocks (struct disk_sm_root).
constexpr std::size_t kMagicAt = 32, kDataBlocksAt = 64;
constexpr std::uint64_t kMagic = 27022010;

std::uint64_t number_at(const std::array<unsigned char, 4096>& block, std::size_t at) {
  std::uint64_t out = 0;
  for (std::size_t i = 8; i-- > 0;) out = (out << 8U) | block.at(at + i);
  return out;
}

}  // namespace

Status check_consistency(const Session& s, const std::optional<Journal>& journal, std::uint64_t kernel) {
  if (journal) {
    if (kernel == journal->from || kernel == journal->to) return {};
    return fail(Code::damaged, "pool " + s.pool,
                "the journal of \"" + journal->operation + "\" is between transactions " +
                    std::to_string(journal->from) + " and " + std::to_string(journal->to) +
                    ", the kernel's metadata is at " + std::to_string(kernel) +
                    ": one of them was restored from an older copy",
                "nothing was changed; bring back the matching copy of the whole pool (state and metadata together)");
  }
  if (kernel == s.record.transaction) return {};
  return fail(Code::damaged, "pool " + s.pool,
              "the records are at transaction " + std::to_string(s.record.transaction) +
                  ", the kernel's metadata is at " + std::to_string(kernel) +
                  ", and no journal explains it: one of them was restored from an older copy",
              "nothing was changed; bring back the matching copy of the whole pool (state and metadata together)");
}

Status check_consistency(const Session& s) {
  const auto status = TC_TRY(s.env.dm.pool_status(s.outer_pool()));
  return check_consistency(s, TC_TRY(s.store.journal()), status.transaction);
}

Status fits_label(const std::string& pool, const std::string& metadata, Bytes block, Bytes data) {
  const UniqueFd fd(::open(metadata.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, metadata, "cannot open it");
  alignas(8) std::array<unsigned char, 4096> head{};
  const ssize_t got = ::pread(fd.get(), head.data(), head.size(), 0);
  if (got < 0) return fail_errno(errno, metadata, "cannot read its superblock");
  if (number_at(head, kMagicAt) != kMagic) return {};
  const std::uint64_t blocks = number_at(head, kDataBlocksAt);
  if (blocks <= data / block) return {};
  return fail(Code::damaged, "pool " + pool,
              "its label gives it " + std::to_string(data / block) + " blocks of data, its metadata knows " +
                  std::to_string(blocks) + ": the label was restored from an older copy, of before the pool was grown",
              "nothing was changed; bring back the matching copy of the whole pool (label and metadata together)");
}

}  // namespace tclone::engine
