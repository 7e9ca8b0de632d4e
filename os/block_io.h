// SPDX-License-Identifier: GPL-2.0-or-later
// Raw input and output on block devices and files.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/units.h"

namespace tclone::os {

// A range beyond the end is a usage error everywhere here: no file is ever made longer.

/// When what was written becomes durable: at once by fdatasync, or with the next flush that somebody else sends to the
/// device or to one that stands on the same blocks. What has gone through the page cache is synced at once in any case.
enum class Sync { now, later };

/// Writes real zeros to [start, start+length), direct where possible.
[[nodiscard]] Status zero(const std::string& path, Bytes start, Bytes length, Sync sync = Sync::now);
/// Reads 4 KiB at the head of every `step` of [start, start+length), past the page cache: whether the device answers.
/// Start and step are multiples of 4096.
[[nodiscard]] Status sample(const std::string& path, Bytes start, Bytes length, Bytes step);
/// Whether [start, start+length) holds nothing but zeros; for a few KiB.
[[nodiscard]] Result<bool> reads_as_zeros(const std::string& path, Bytes start, Bytes length);
/// BLKDISCARD in pieces of at most 1 GiB (a hole, in a regular file), cut to whole sectors. EOPNOTSUPP is success:
/// nothing can be given back.
[[nodiscard]] Status discard(const std::string& path, Bytes start, Bytes length);
/// Gives [start, start+length) of a regular file its blocks (fallocate), so that writes there cannot run out of space. What
/// it holds stays. Success without doing anything on a device, and where the filesystem cannot do that. no_space, and
/// nothing done, when less than twice as much is free.
[[nodiscard]] Status allocate(const std::string& path, Bytes start, Bytes length);
/// Makes every `step` of [start, start+length) have an allocated block below it without changing what it reads as:
/// reads `piece` at the head of each step and writes the same back, O_DIRECT.
/// Safe on a live metadata device only while its pool is suspended. All numbers are multiples of 4096.
[[nodiscard]] Status touch(const std::string& path, Bytes start, Bytes length, Bytes step, Sync sync = Sync::now,
                           Bytes piece = kKiB * 4);

/// Overwrites [start, start+length) with zeros, durably, and reads it back past the cache: failed when anything else is
/// read. Direct or not at all on a device.
[[nodiscard]] Status erase(const std::string& path, Bytes start, Bytes length);
/// Copies [start, start+length) from one device to the same place on another, zeros and all: what lies there is not
/// looked at. Direct or not at all on devices. Nothing is flushed: flush() does that. With `compare` what was written is
/// read back and compared (failed).
[[nodiscard]] Status copy_exact(const std::string& source, const std::string& target, Bytes start, Bytes length,
                                bool compare);
/// What was written to it is durable when it returns.
[[nodiscard]] Status flush(const std::string& path);

/// `done` and `total` in bytes; called at most ten times a second.
using Progress = std::function<void(Bytes done, Bytes total)>;
/// Copies an image (file or block device) to the head of a device nobody else has (it is claimed, O_EXCL) or of an
/// existing file; holes of the source (SEEK_DATA/SEEK_HOLE) and aligned 64 KiB of zeros are not written, so they stay
/// unallocated: the target must read as zeros. The last sector of an odd image is filled up with zeros. fdatasync'd. A
/// source that changes its size meanwhile is an error. Stops with an error when `stop` returns true (asked at least
/// every 4 MiB). Both functions may be empty.
[[nodiscard]] Status copy_image(const std::string& source, const std::string& target, const Progress& progress,
                                const std::function<bool()>& stop);

}  // namespace tclone::os
