// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/thin_ids.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace tclone::lab {
namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kMagicAt = 32, kDetailsRootAt = 328;  // struct thin_disk_superblock
constexpr std::uint64_t kMagic = 27022010;
constexpr std::uint32_t kInternal = 1, kLeaf = 2;  // node_header.flags
constexpr std::size_t kKeysAt = 32;                // after node_header
constexpr int kDeepest = 8;

struct alignas(kBlock) Block {
  std::array<unsigned char, kBlock> bytes;
};

template <class T>
T at(const Block& block, std::size_t offset) {
  T value{};
  if (offset + sizeof value <= kBlock) std::memcpy(&value, block.bytes.data() + offset, sizeof value);
  return value;
}

Status read_block(int fd, std::uint64_t number, Block& block, const std::string& what) {
  const ssize_t got = ::pread(fd, block.bytes.data(), kBlock, static_cast<off_t>(number * kBlock));
  if (got == static_cast<ssize_t>(kBlock)) return {};
  return fail_errno(got < 0 ? errno : EIO, what, "cannot read block " + std::to_string(number));
}

Status walk(int fd, std::uint64_t number, int depth, const std::string& what, std::set<std::uint32_t>& ids) {
  if (depth > kDeepest) return fail(Code::damaged, what, "its device details tree has no end");
  Block block{};
  TC_CHECK(read_block(fd, number, block, what));
  const auto flags = at<std::uint32_t>(block, 4);
  const auto entries = at<std::uint32_t>(block, 16);
  const auto room = at<std::uint32_t>(block, 20);
  if ((flags != kInternal && flags != kLeaf) || entries > room || kKeysAt + std::size_t{room} * 8 > kBlock) {
    return fail(Code::damaged, what, "block " + std::to_string(number) + " is no node of a tree");
  }
  for (std::size_t i = 0; i < entries; ++i) {
    if (flags == kLeaf) {
      ids.insert(static_cast<std::uint32_t>(at<std::uint64_t>(block, kKeysAt + i * 8)));
    } else {
      TC_CHECK(walk(fd, at<std::uint64_t>(block, kKeysAt + (room + i) * 8), depth + 1, what, ids));
    }
  }
  return {};
}

}  // namespace

Result<std::set<std::uint32_t>> thin_ids(const std::string& metadata_device) {
  // Direct: the kernel writes metadata past the page cache of this node.
  const UniqueFd fd(::open(metadata_device.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  if (!fd) return fail_errno(errno, metadata_device, "cannot open it");
  Block super{};
  TC_CHECK(read_block(fd.get(), 0, super, metadata_device));
  if (at<std::uint64_t>(super, kMagicAt) != kMagic)
    return fail(Code::damaged, metadata_device, "no thin-pool metadata");
  std::set<std::uint32_t> ids;
  TC_CHECK(walk(fd.get(), at<std::uint64_t>(super, kDetailsRootAt), 0, metadata_device, ids));
  return ids;
}

}  // namespace tclone::lab
