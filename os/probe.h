// SPDX-License-Identifier: GPL-2.0-or-later
// What is on a device or in a file, and who uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/filesystem.h"

namespace tclone::os {

/// The first known signature libblkid finds (filesystem, raid, partition table, crypto...): "ext4 filesystem
/// \"data\"". nullopt: none. An ambivalent or failed probe is an error, never "none".
[[nodiscard]] Result<std::optional<std::string>> signature(const std::string& path);
/// The filesystem on it as far as tclone knows it; FsKind::none for anything else.
[[nodiscard]] Result<FsKind> filesystem(const std::string& path);

/// The smallest piece in which its filesystem is read and written: ext4's block, XFS's sector. A device whose sectors are
/// larger cannot be mounted. 0: no filesystem that tclone knows, or libblkid does not tell.
[[nodiscard]] Result<std::uint32_t> filesystem_block(const std::string& path);

struct BlockFacts {
  bool block_device = false;  ///< else a regular file
  Bytes size;
  std::uint32_t logical_sector = 512;
  bool read_only = false;
  std::uint32_t major = 0, minor = 0;  ///< of a block device
};
/// Size and kind of a block device or regular file. not_found; usage for anything else (a folder, a char device).
[[nodiscard]] Result<BlockFacts> block_facts(const std::string& path);

/// Whether it is there and neither a device nor a folder; that of a symbolic link's target.
[[nodiscard]] bool regular_file(const std::string& path);

/// Whether both names mean one file, by device and inode; false when one is not there.
[[nodiscard]] bool same_file(const std::string& a, const std::string& b);

/// What a regular file takes on its disk, holes not counted. not_found when it is not there.
[[nodiscard]] Result<Bytes> allocated(const std::string& path);

/// How much of a regular file its filesystem could not give it any more: its holes, as far as they are larger than what
/// is free there. Zero for a device.
[[nodiscard]] Result<Bytes> missing_room(const std::string& path);

/// One reason why a device is in use.
struct Holder {
  int pid = 0;          ///< 0: the kernel (a mount, a device-mapper or md device on top)
  std::string command;  ///< comm of the process, or the kind of kernel user
  std::string where;    ///< mount point, or name of the device on top, or the open path
  std::string note;     ///< "(in another mount namespace, of process 9 (nginx))", or empty
  /// "process 812 (postgres) with /srv/db/base/1 open", "mounted at /srv/db", "device-mapper device web1"
  [[nodiscard]] std::string text() const;
};
/// Who holds a block device: mounts in any mount namespace visible under /proc, swap, devices stacked on it
/// (/sys/dev/block/M:N/holders), processes with its node open or with files open on its filesystem. Best effort and
/// only for messages and refusals: an empty list proves nothing, an O_EXCL open does.
/// Without itself; at most 32 entries, looked for during at most a second, kernel users first.
[[nodiscard]] std::vector<Holder> holders(std::uint32_t major, std::uint32_t minor);
/// "in use: mounted at /srv/db; process 812 (postgres) with /srv/db/base/1 open", for Error::why.
[[nodiscard]] std::string in_use_text(const std::vector<Holder>& found);

/// What to do about a device that others have.
inline constexpr const char* kFreeFirst = "end that use first (`umount`, `dmsetup remove`, or stop the process)";
/// Opens a block device O_RDWR|O_EXCL: busy (naming holders) when the kernel says somebody has it.
[[nodiscard]] Status claimable(const std::string& path);

}  // namespace tclone::os
