// SPDX-License-Identifier: GPL-2.0-or-later
// Filesystems on volumes: made, grown, mounted. Programs (mkfs.ext4, mkfs.xfs, resize2fs, xfs_growfs, e2fsck) are run
// without a shell, with a clean environment, stdin from /dev/null, their output captured for error texts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/filesystem.h"

namespace tclone::os {

/// Runs a program found in PATH or /sbin:/usr/sbin. kernel error when it is not installed (naming the Debian package
/// when known); failed with its last output lines when it ends non-zero. Killed after `timeout_seconds` (0: never).
struct Output {
  int status = 0;
  std::string text;
};
/// `text` is standard output and error together, the last 64 KiB of it. The child has its own process group.
[[nodiscard]] Result<Output> run(const std::vector<std::string>& argv, int timeout_seconds = 0);
/// The same, except that a status other than zero is an answer and no error.
[[nodiscard]] Result<Output> run_status(const std::vector<std::string>& argv, int timeout_seconds = 0);

/// Makes a filesystem on a device the caller knows to read as zeros from end to end (a fresh thin): what need not be
/// written is not. exists when a signature is found on it after all; usage when it is too small. ext4 gets
/// metadata_csum_seed (its UUID can change cheaply) and no discard pass; both get `label` cut to what they allow.
/// kind none does nothing.
[[nodiscard]] Status make(const std::string& device, FsKind kind, const std::string& label);
/// Grows the filesystem to its device; mounted at `mount_point`, or "" when it is not mounted (XFS is then mounted on
/// a private temporary folder for the purpose).
/// damaged when an unmounted ext4 does not pass its check. No filesystem (none): nothing to do.
[[nodiscard]] Status grow(const std::string& device, FsKind kind, const std::string& mount_point);

struct MountRequest {
  std::string device;
  std::string folder;          ///< must exist
  FsKind kind = FsKind::none;  ///< none: let libmount find out
  bool read_only = false;
  /// XFS refuses a second mount of the same UUID: clones and versions mount with nouuid. A read-only XFS or ext4 on a
  /// read-only device mounts with norecovery/noload.
  bool duplicate_uuid = false;
  std::string options;  ///< user's own, comma-separated
};
[[nodiscard]] Status mount(const MountRequest& request);
/// busy, naming holders, when it is in use. Not mounted: not_found.
[[nodiscard]] Status unmount(const std::string& folder);

/// Has what is cached of a block device that is in use written to it: of the filesystem on it, when it is mounted in this mount
/// namespace, else of the device itself. Again, up to three times, for what came meanwhile, as long as it takes more than
/// 50 ms. To spare others a wait, so what fails is left for whoever must succeed.
void write_out(std::uint32_t major, std::uint32_t minor, const std::string& device);

/// Mount points of a block device in this mount namespace, by device number.
[[nodiscard]] Result<std::vector<std::string>> mount_points(std::uint32_t major, std::uint32_t minor);
/// Mount points by the major and minor number of what is mounted there, of all of this mount namespace.
using Mounts = std::multimap<std::pair<std::uint32_t, std::uint32_t>, std::string>;
[[nodiscard]] Result<Mounts> mounts();
/// Major and minor number of what is mounted exactly there, the uppermost; nullopt: nothing is. Any spelling of the folder
/// will do.
using DeviceNumber = std::pair<std::uint32_t, std::uint32_t>;
[[nodiscard]] Result<std::optional<DeviceNumber>> mounted_device(const std::string& folder);

}  // namespace tclone::os
