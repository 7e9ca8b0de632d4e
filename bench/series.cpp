// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/series.h"

#include <array>

namespace tclone::bench {
namespace {

using enum Rule;

// A row that is missed keeps its place; its remark says why. What was tried is in bench/EXPERIMENTS.md.
constexpr std::array kRows{
    // ---- the floor: time in the process
    Row{"process", "shared-key clone against the floor, in the process", ratio_at_most, 1.5, "tclone.shared.inside",
        "floor.shared", "ms",
        "finding out what is there, the journal and the records take some 5 ms; the rest is page faults of code and "
        "data that the program touches for the first time, see the row of page faults"},
    Row{"process", "publish against the floor", ratio_at_most, 1.5, "tclone.publish.inside", "floor.publish", "ms",
        "the guard process, without which a killed publish would leave writers hanging, is not in the floor"},
    Row{"process", "revert of a shared-key clone against the floor", ratio_at_most, 1.5, "tclone.revert-shared.inside",
        "floor.revert", "ms", "as a shared-key clone"},
    Row{"process", "refresh of a shared-key clone against the floor", ratio_at_most, 1.5,
        "tclone.refresh-shared.inside", "floor.refresh", "ms", "as a shared-key clone"},
    Row{"process", "revert of an own-key clone against the floor", ratio_at_most, 1.5, "tclone.own-revert.inside",
        "floor.own-revert", "ms", "as a shared-key clone; two waits for the disk are in it"},
    Row{"process", "own-key clone against the floor", ratio_at_most, 1.3, "tclone.own.inside", "floor.own", "ms",
        "the journal, the records and the key file; most of both is libcryptsetup's"},
    Row{"process", "create against the floor", ratio_at_most, 1.3, "tclone.create.inside", "floor.create", "ms",
        "the journal, the records and the key file; most of both is libcryptsetup's"},
    Row{"process", "page faults of a shared-key clone, starting included, beside the floor's", reported, 0,
        "tclone.shared.faults", "floor.shared.faults", "faults",
        "what one costs stands above, in user-mode Linux some thirty times as much as on hardware. Most of the floor's "
        "fall before its clock starts, some 280 of tclone's after the head of main"},
    Row{"stock", "own-key clone from the stock against a shared-key clone", ratio_at_most, 3, "stock.own.inside",
        "stock.shared.inside", "ms", ""},
    Row{"stock", "lvcreate -V, luksFormat, open against tclone clone from the stock, whole process", ratio_at_least, 8,
        "lvm.own", "stock.own", "ms", ""},
    // ---- durable writes: calls of the fsync family; the kernel's own commits are the same messages in both
    Row{"durable", "durable writes beyond the floor's: a shared-key clone", difference_at_most, 2,
        "durable.calls.shared", "durable.calls.floor.shared", "calls", ""},
    Row{"durable", "durable writes beyond the floor's: publish", difference_at_most, 2, "durable.calls.publish",
        "durable.calls.floor.publish", "calls", ""},
    Row{"durable", "durable writes beyond the floor's: revert of a shared-key clone", difference_at_most, 2,
        "durable.calls.revert-shared", "durable.calls.floor.revert", "calls", ""},
    Row{"durable", "durable writes beyond the floor's: refresh of a shared-key clone", difference_at_most, 2,
        "durable.calls.refresh-shared", "durable.calls.floor.refresh", "calls", ""},
    Row{"durable", "durable writes beyond the floor's: an own-key clone", difference_at_most, 2, "durable.calls.own",
        "durable.calls.floor.own", "calls",
        "the journal, the key file, its folder, and the header, which is made in memory; libcryptsetup syncs a header "
        "made "
        "on the device seven times"},
    Row{"durable", "durable writes beyond the floor's: revert of an own-key clone", difference_at_most, 2,
        "durable.calls.own-revert", "durable.calls.floor.own-revert", "calls", ""},
    Row{"durable", "durable writes beyond the floor's: create", difference_at_most, 2, "durable.calls.create",
        "durable.calls.floor.create", "calls", "as for an own-key clone"},
    Row{"durable", "flushes of the disk, beside the floor's: a shared-key clone", reported, 0, "durable.tclone.shared",
        "durable.floor.shared", "flushes",
        "an fsync on the state area is a commit of its journal, which flushes before and after"},
    Row{"durable", "flushes of the disk, beside the floor's: publish", reported, 0, "durable.tclone.publish",
        "durable.floor.publish", "flushes", ""},
    Row{"durable", "flushes of the disk, beside the floor's: revert of a shared-key clone", reported, 0,
        "durable.tclone.revert-shared", "durable.floor.revert", "flushes", ""},
    Row{"durable", "flushes of the disk, beside the floor's: refresh of a shared-key clone", reported, 0,
        "durable.tclone.refresh-shared", "durable.floor.refresh", "flushes", ""},
    Row{"durable", "flushes of the disk, beside the floor's: an own-key clone", reported, 0, "durable.tclone.own",
        "durable.floor.own", "flushes", ""},
    Row{"durable", "flushes of the disk, beside the floor's: revert of an own-key clone", reported, 0,
        "durable.tclone.own-revert", "durable.floor.own-revert", "flushes", ""},
    Row{"durable", "flushes of the disk, beside the floor's: create", reported, 0, "durable.tclone.create",
        "durable.floor.create", "flushes", ""},
    // ---- whole processes against what people use
    Row{"process", "lvcreate -s against tclone clone --shared-key, whole process", ratio_at_least, 8, "lvm.snapshot",
        "tclone.shared", "ms", "half of it is starting the program, see the row of page faults"},
    Row{"process", "lvcreate -V, luksFormat, open against tclone clone", ratio_at_least, 8, "lvm.own", "tclone.own",
        "ms",
        "nearly all of it is libcryptsetup's, which the floor needs as well; a stock of vaults made ahead avoids it"},
    Row{"process", "a shared-key clone by two commands of dmsetup, beside tclone", reported, 0, "dmsetup.snapshot",
        "tclone.shared", "ms", "no state, no journal: nothing remembers such a clone after a boot"},
    Row{"process", "qemu-img create -b, beside tclone clone", reported, 0, "qemu.create", "tclone.own", "ms",
        "a file only: a device comes with qemu-nbd or a guest"},
    Row{"process", "cp --reflink on XFS, beside tclone clone --shared-key", reported, 0, "xfs.reflink", "tclone.shared",
        "ms", "a file only, and not of one point in time while it is written to"},
    Row{"process", "cp on ext4, synced, beside tclone clone", reported, 0, "ext4.copy", "tclone.own", "ms",
        "grows with the data"},
    // ---- starting
    Row{"start", "tclone version against true, wall, on this machine itself", ratio_at_most, 3, "start.tclone",
        "start.true", "ms", ""},
    Row{"start", "tclone version against true, instructions", ratio_at_most, 3, "start.tclone.instructions",
        "start.true.instructions", "instructions", ""},
    // ---- growth: the larger against the smaller
    Row{"growth", "shared-key clone, volume of 1 GiB to 16 TiB", ratio_at_most, 1.2, "growth.size.16T.shared.inside",
        "growth.size.1G.shared.inside", "ms", ""},
    Row{"growth", "own-key clone, volume of 1 GiB to 16 TiB", ratio_at_most, 1.2, "growth.size.16T.own.inside",
        "growth.size.1G.own.inside", "ms",
        "more metadata of the inner pool: 8 MiB of bitmaps, which the one processor encrypts in software here"},
    Row{"growth", "shared-key clone, few volumes to many", ratio_at_most, 1.2, "growth.volumes.many.shared.inside",
        "growth.volumes.few.shared.inside", "ms", ""},
    Row{"growth", "own-key clone, few volumes to many", ratio_at_most, 1.2, "growth.volumes.many.own.inside",
        "growth.volumes.few.own.inside", "ms", ""},
    Row{"growth", "shared-key clone, 1 version to many", ratio_at_most, 1.2, "growth.versions.many.shared.inside",
        "growth.versions.few.shared.inside", "ms", "the volume's record names each of its versions, and is read"},
    Row{"growth", "publish, 1 version to many", ratio_at_most, 1.2, "growth.versions.many.publish.inside",
        "growth.versions.few.publish.inside", "ms", ""},
    Row{"growth", "own-key clone, depth 1 to 16", ratio_at_most, 1.2, "growth.depth.deep.own.inside",
        "growth.depth.flat.own.inside", "ms", ""},
    Row{"growth", "shared-key clone, nothing mapped to all of it", ratio_at_most, 1.2,
        "growth.mapped.full.shared.inside", "growth.mapped.empty.shared.inside", "ms", ""},
    Row{"growth", "own-key clone, nothing mapped to all of it", ratio_at_most, 1.2, "growth.mapped.full.own.inside",
        "growth.mapped.empty.own.inside", "ms", ""},
    // ---- looking
    Row{"list", "list of 10,000 volumes, on this machine itself", median_at_most, 100, "list.native", "", "ms",
        "without a device-mapper here, its answers are made up; the real listing is in the lab machine"},
    Row{"list", "tree of 10,000 volumes, on this machine itself", median_at_most, 100, "tree.native", "", "ms", ""},
    Row{"list", "list, the first one after a boot", reported, 0, "list.native.first", "", "ms",
        "reads every record and writes the index of them"},
    Row{"list", "list, right after a change", reported, 0, "list.native.changed", "", "ms",
        "asks every file for its times"},
    Row{"list", "list in the lab machine", reported, 0, "list.lab", "", "ms", ""},
    Row{"list", "tree in the lab machine", reported, 0, "tree.lab", "", "ms", ""},
    Row{"list", "list in the lab machine, the first one after a boot", reported, 0, "list.lab.first", "", "ms", ""},
    Row{"list", "list, resident at most", median_at_most, 32 * 1024, "list.native.resident", "", "KiB", ""},
    Row{"list", "tree, resident at most", median_at_most, 32 * 1024, "tree.native.resident", "", "KiB", ""},
    Row{"list", "list, the first one after a boot, resident at most", median_at_most, 32 * 1024,
        "list.native.first.resident", "", "KiB", ""},
    // ---- data
    Row{"stall", "synced writes, p99 with a publish a second above p99 without", p99_above_at_most, 5, "stall.publish",
        "stall.quiet", "ms",
        "a publish waits for the writes under way and for a commit, and the writer for both; they share one processor "
        "here. The next row is what the kernel alone takes"},
    Row{"stall", "the same with the floor's publish, on its layers", p99_above_at_most, 5, "stall.floor",
        "stall.floor.quiet", "ms", "the kernel's commits alone, and the same processor"},
    Row{"io", "own-key clone against dm-crypt on a linear device: random rewrite of 4 KiB", ratio_at_least, 0.95,
        "io.clone.rewrite", "io.plain.rewrite", "IOPS", "two look-ups in thin pools more, on the one processor"},
    Row{"io", "random read of own blocks", ratio_at_least, 0.95, "io.clone.read", "io.plain.read", "IOPS",
        "as rewrite"},
    Row{"io", "random read of basis blocks", ratio_at_least, 0.95, "io.clone.basis", "io.plain.basis", "IOPS",
        "four look-ups more: the clone's two pools find nothing, then the two of the basis find the block"},
    Row{"io", "sequential write", ratio_at_least, 0.95, "io.clone.seqwrite", "io.plain.seqwrite", "IOPS",
        "a request of 1 MiB is split at the inner pool's blocks of 64 KiB"},
    Row{"io", "sequential read", ratio_at_least, 0.95, "io.clone.seqread", "io.plain.seqread", "IOPS",
        "as sequential write"},
    Row{"touch", "first touch of basis blocks against a thin snapshot under one dm-crypt, null cipher", ratio_at_least,
        0.9, "touch.clone.null", "touch.plain.null", "IOPS", ""},
    Row{"touch", "first touch with AES", reported, 0, "touch.clone.aes", "touch.plain.aes", "IOPS",
        "a copied block of 64 KiB is decrypted once and encrypted once, where the plain snapshot copies ciphertext"},
    // ---- space and memory
    Row{"space", "an untouched own-key clone", median_at_most, 4096, "space.untouched", "", "KiB", ""},
    Row{"space", "after scattered writes of 4 KiB, beside the bytes written", reported, 0, "space.scattered",
        "space.written", "KiB",
        "the first write to a block of 64 KiB copies it: sixteen times the bytes where no two writes share a block"},
    Row{"boot", "activation of own-key clones after a boot, each", reported, 0, "boot.each", "", "ms", ""},
    Row{"boot", "kernel memory of an active own-key clone", reported, 0, "boot.memory", "", "KiB", ""},
};

}  // namespace

std::span<const Row> rows() { return kRows; }

}  // namespace tclone::bench
