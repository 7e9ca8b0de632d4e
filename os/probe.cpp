// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/probe.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/fd.h"
#include "os/library.h"

namespace tclone::os {
namespace {

struct ProbeFree {
  void operator()(blkid_probe probe) const noexcept { blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<blkid_struct_probe, ProbeFree>;

std::string value_of(blkid_probe probe, const char* name) {
  const char* data = nullptr;
  std::size_t size = 0;
  if (blkid_probe_lookup_value(probe, name, &data, &size) != 0 || data == nullptr) return {};
  std::string out(data);
  // A label comes from the device and ends in messages: no control characters.
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

std::string describe(blkid_probe probe) {
  const std::string type = value_of(probe, "TYPE");
  if (type.empty()) {
    const std::string table = value_of(probe, "PTTYPE");
    return table.empty() ? "an unnamed signature" : table + " partition table";
  }
  const std::string usage = value_of(probe, "USAGE");
  std::string kind = "signature";
  if (usage == "filesystem") kind = "filesystem";
  if (usage == "raid") kind = "raid or volume manager member";
  if (usage == "crypto") kind = "encrypted volume";
  const std::string label = value_of(probe, "LABEL");
  return type + " " + kind + (label.empty() ? "" : " \"" + label + "\"");
}

/// A probe that has run and found something; null when there is nothing to find.
Result<Probe> probed(const std::string& path) {
  const auto facts = block_facts(path);
  if (!facts) return tl::unexpected(facts.error());
  if (facts->size.n == 0) return Probe{};
  TC_CHECK(load_libblkid());
  errno = 0;
  Probe probe(blkid_new_probe_from_filename(path.c_str()));
  if (!probe) return fail_errno(errno != 0 ? errno : EIO, path, "cannot be opened for a look at its signatures");
  blkid_probe_enable_superblocks(probe.get(), 1);
  // A damaged superblock is still somebody's data.
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_DEFAULT | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_BADCSUM);
  blkid_probe_enable_partitions(probe.get(), 1);
  blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_FORCE_GPT);
  errno = 0;
  switch (blkid_do_safeprobe(probe.get())) {
    case 0: return probe;
    case 1: return Probe{};
    case -2:
      return fail(Code::exists, path, "carries more than one signature, and they contradict each other",
                  "look with wipefs(8) at what it is");
    default: return fail_errno(errno != 0 ? errno : EIO, path, "its signatures cannot be read");
  }
}

}  // namespace

Result<std::optional<std::string>> signature(const std::string& path) {
  const Probe probe = TC_TRY(probed(path));
  if (!probe) return std::nullopt;
  return describe(probe.get());
}

Result<FsKind> filesystem(const std::string& path) {
  const Probe probe = TC_TRY(probed(path));
  if (!probe) return FsKind::none;
  const std::string type = value_of(probe.get(), "TYPE");
  if (type == "ext4") return FsKind::ext4;
  if (type == "xfs") return FsKind::xfs;
  return FsKind::none;
}

Result<std::uint32_t> filesystem_block(const std::string& path) {
  const Probe probe = TC_TRY(probed(path));
  if (!probe) return 0U;
  const std::string type = value_of(probe.get(), "TYPE");
  if (type != "ext4" && type != "xfs") return 0U;
  return static_cast<std::uint32_t>(std::strtoul(value_of(probe.get(), "BLOCK_SIZE").c_str(), nullptr, 10));
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

bool regular_file(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode);
}

Result<BlockFacts> block_facts(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return fail_errno(errno, path, "cannot be looked at");
  BlockFacts facts;
  if (S_ISREG(st.st_mode)) {
    facts.size = Bytes{static_cast<std::uint64_t>(st.st_size)};
    facts.read_only = ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0;
    return facts;
  }
  if (!S_ISBLK(st.st_mode)) return fail(Code::usage, path, "neither a block device nor a regular file");
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, path, "cannot be opened");
  if (::fstat(fd.get(), &st) != 0) return fail_errno(errno, path, "cannot be looked at");
  int sector = 0;
  int read_only = 0;
  if (::ioctl(fd.get(), BLKGETSIZE64, &facts.size.n) != 0 || ::ioctl(fd.get(), BLKSSZGET, &sector) != 0 ||
      ::ioctl(fd.get(), BLKROGET, &read_only) != 0) {
    return fail_errno(errno, path, "its size cannot be read");
  }
  facts.block_device = true;
  facts.logical_sector = static_cast<std::uint32_t>(sector);
  facts.read_only = read_only != 0;
  facts.major = major(st.st_rdev);
  facts.minor = minor(st.st_rdev);
  return facts;
}

Status claimable(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return fail_errno(errno, path, "cannot be looked at");
  if (!S_ISBLK(st.st_mode)) return fail(Code::usage, path, "not a block device");
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
  if (fd) return {};
  const int sys = errno;
  if (sys != EBUSY) return fail_errno(sys, path, "cannot be opened for writing");
  return fail(Code::busy, path, in_use_text(holders(major(st.st_rdev), minor(st.st_rdev))), kFreeFirst, sys);
}

Result<Bytes> missing_room(const std::string& path) {
  struct stat st {};
  struct statvfs room {};
  if (::stat(path.c_str(), &st) != 0 || ::statvfs(path.c_str(), &room) != 0)
    return fail_errno(errno, path, "cannot look at the file");
  if (!S_ISREG(st.st_mode)) return Bytes{};
  const std::uint64_t has =
      static_cast<std::uint64_t>(st.st_blocks) * 512 + static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
  const auto size = static_cast<std::uint64_t>(st.st_size);
  return Bytes{size > has ? size - has : 0};
}

Result<Bytes> allocated(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return fail_errno(errno, path, "cannot look at the file");
  return Bytes{static_cast<std::uint64_t>(st.st_blocks) * 512};
}

}  // namespace tclone::os
