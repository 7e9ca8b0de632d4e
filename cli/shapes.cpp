// SPDX-License-Identifier: GPL-2.0-or-later
// What render_json.cpp writes, said in words for tclone(1). A test compares the two.
#include "cli/commands.h"

namespace tclone::cli {

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> table{
      {"outcome",
       "What a command that changes something did, or with --dry-run would do.",
       {"operation: what was asked, in words", "dry_run: whether nothing was done because of --dry-run",
        "changed: false when there was nothing to do", "name: the volume or pool it was about",
        "device: device path, when it is active afterwards, else null",
        "versions: the versions made, each a reference", "steps: in order, each with text and ms",
        "warnings: what did not go well although the command succeeded"}},
      {"mounted", "As outcome, and:", {"folder: where it is mounted"}},
      {"reference",
       "Names one version for good.",
       {"name: such as db@3", "volume: its volume", "number: its number", "uuid: decides, should names change"}},
      {"pools",
       "The pools this host knows.",
       {"pools: each with name, uuid, paths, active, and trouble, which is null or says why no more can be told"}},
      {"pool",
       "A pool's state. What only an active pool can tell is null otherwise.",
       {"name, uuid, paths, active, trouble: as in pools", "unfinished: the operation a crash left, or null",
        "health: ok, or what is wrong", "block: size of a block of the pool", "data, metadata: each with used and total",
        "free: what is left", "reserve: commands that need space are refused below this",
        "below_reserve: whether they are", "when_full: queue or error",
        "sector_size: of encrypted volumes", "vaults: each a vault", "volumes: each a volume"}},
      {"volumes", "The volumes of a pool.", {"volumes: each a volume"}},
      {"volume",
       "One volume.",
       {"name, uuid, size, filesystem, created: of the volume",
        "origin: the version it was cloned, reverted or refreshed from, a reference or null",
        "keying: base, own, shared or none, as in tclone list", "encrypted: whether its vault is",
        "key: where the key comes from, with kind and reference", "vault: the vault it lives in",
        "follows: the tag refresh goes to, or null", "versions: the numbers of its versions",
        "tags: an object from tag to version number", "active: whether its device is there",
        "device: its path, whether it is there or not", "mounts: where it is mounted",
        "mapped: what it maps, null when unknown", "exclusive: what only it holds, null when unknown"}},
      {"versions", "The versions of a volume, newest first.", {"volume: its name", "versions: each a version"}},
      {"version",
       "One version. Of the command tclone version: version and libraries, an object from name to version.",
       {"name, volume, number, uuid, size, filesystem: of the version", "published: when", "message: the note, or empty",
        "tags: a list", "clones: the volumes cloned from it", "vault: the vault it lives in",
        "active, device: as of a volume"}},
      {"vault",
       "One vault.",
       {"name, uuid: of the vault", "outer_thin: its thin id in the pool; names its layers",
        "encrypted, key: as of a volume", "open: whether it is", "health: ok, or what is wrong",
        "volumes, versions: how many live in it", "block, capacity: of its inner pool",
        "data, metadata: of its inner pool, each with used and total, null when closed",
        "allocated: what it takes from the pool, null when unknown"}},
      {"tree",
       "Where volumes came from.",
       {"tree: nodes, each with name, kind (volume or version), own_key, tags, and below, a list of nodes"}},
      {"thing",
       "What tclone show found.",
       {"volume: a volume, or null", "version: a version, or null", "vault: the vault it lives in"}},
      {"path", "A device path.", {"path: the path"}},
      {"findings",
       "What tclone doctor found.",
       {"findings: each with serious, what, consequence and mend; the last two may be null"}},
      {"error",
       "What standard output has when a command failed; the text is on standard error all the same.",
       {"error: an object with the fields that follow",
        "code: failed, usage, not_found, exists, busy, no_space, key, damaged or kernel",
        "exit: the exit code", "attempted, object, why, next: what was attempted, on what, why it failed and what to "
        "do; all but why may be null", "errno: what the kernel said, or null"}},
  };
  return table;
}

}  // namespace tclone::cli
