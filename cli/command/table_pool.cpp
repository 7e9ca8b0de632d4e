// SPDX-License-Identifier: GPL-2.0-or-later
// The commands that are about whole pools.
#include "cli/command/commands.h"

namespace tclone::cli {

// A table: its length is that of what it lists. NOLINTNEXTLINE(readability-function-size)
void add_pool_commands(std::vector<Command>& out) {
  out.push_back({
      .id = Id::pool_create,
      .words = "pool create",
      .summary = "make a pool",
      .description =
          "Makes a pool on the devices given, or in a file, and activates it. Without a device the pool is a sparse "
          "file: --file says which, else it is /var/lib/tclone/NAME.pool. A first argument with a slash in it is a "
          "device, and the pool is then called default.\n\n"
          "A device that carries a known signature is refused unless --force is given; one that is in use is refused "
          "in any case.\n\n"
          "The sector size holds for every encrypted volume of the pool and cannot be changed later. 512 is for "
          "images of disks with 512-byte sectors.",
      .positionals = {{"NAME", Kind::fresh, "name of the pool (default)", false},
                      {"DEVICE", Kind::device, "what the pool is made on", false, true}},
      .options = {{"file", 0, Kind::file, "PATH", "make the pool in this file"},
                  {"size", 0, Kind::size, "SIZE", "size of the file (80 % of the free space)"},
                  {"sector-size", 0, Kind::choice, "BYTES", "sector size of encrypted volumes (4096)", false,
                   "4096 512"},
                  {"when-full", 0, Kind::choice, "WHAT", "what a full pool does with writes: queue or error (queue)",
                   false, "queue error"},
                  {"force", 0, Kind::flag, "", "overwrite known signatures"}},
      .shape = "outcome",
      .examples = {"tclone pool create", "tclone pool create fast /dev/nvme0n1 /dev/nvme1n1",
                   "tclone pool create test --file /srv/test.pool --size 20G"},
  });
  out.push_back({
      .id = Id::pool_list,
      .words = "pool list",
      .summary = "list the pools this host knows",
      .description = "Prints every pool that this host remembers, where it is, and whether it is active.",
      .positionals = {},
      .options = {},
      .effect = Effect::looks,
      .shape = "pools",
      .examples = {"tclone pool list"},
  });
  out.push_back({
      .id = Id::pool_status,
      .words = "pool status",
      .summary = "show how full and how healthy a pool is",
      .description = "Prints how much of the pool is used, its health, what a crash left unfinished, and every vault "
                     "in it. No lock is taken.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {},
      .effect = Effect::looks,
      .shape = "pool",
      .examples = {"tclone pool status", "tclone pool status fast --json"},
  });
  out.push_back({
      .id = Id::pool_activate,
      .words = "pool activate",
      .summary = "make a pool usable after a boot",
      .description =
          "Activates the pool and mounts its state area. What a crash left unfinished is finished or undone first. "
          "With --volumes every volume is activated as well; those that cannot be are reported and the others go "
          "on.\n\n"
          "A pool that another host has active is refused. --takeover overrides this: use it only when that host is "
          "certainly down, because two hosts that write to one pool destroy it.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {{"volumes", 0, Kind::flag, "", "activate every volume as well"},
                  {"takeover", 0, Kind::flag, "", "take the pool over from another host that is down"}},
      .shape = "outcome",
      .examples = {"tclone pool activate --volumes"},
  });
  out.push_back({
      .id = Id::pool_deactivate,
      .words = "pool deactivate",
      .summary = "take a pool and everything in it down",
      .description = "Deactivates every volume, closes every vault and takes the pool down. Refused as busy while "
                     "something is mounted or held open.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone pool deactivate"},
  });
  out.push_back({
      .id = Id::pool_import,
      .words = "pool import",
      .summary = "bring in a pool from another host",
      .description =
          "Reads the label on the devices or the file, remembers where the pool is, and activates it. "
          "Everything but the keys is in the pool itself.\n\n"
          "A pool is known by one name and used at one place: another name, or a copy while the pool is where it "
          "was known, is refused until tclone pool export has given it up.",
      .positionals = {{"PATH", Kind::device, "every device of the pool, or its file", true, true}},
      .options = {{"name", 0, Kind::fresh, "NAME", "call it so on this host"},
                  {"takeover", 0, Kind::flag, "", "take the pool over from another host that is down"}},
      .shape = "outcome",
      .examples = {"tclone pool import /dev/sdb", "tclone pool import /mnt/usb/default.pool --name travel"},
  });
  out.push_back({
      .id = Id::pool_export,
      .words = "pool export",
      .summary = "give a pool up, for another host to import",
      .description =
          "Deactivates the pool and forgets where it is. Its data and its keys stay. A pool that is not active and "
          "whose device is gone is forgotten too; it can be imported should the device come back.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone pool export fast"},
  });
  out.push_back({
      .id = Id::pool_destroy,
      .words = "pool destroy",
      .summary = "destroy a pool with everything in it",
      .description =
          "Overwrites the header of every vault, removes the keys that tclone made, and wipes the label. "
          "Nothing that was encrypted can be read afterwards; names, messages and volumes made with --plain are not "
          "overwritten. Asks first; where standard input is no terminal, --yes must be given. Refused while a volume "
          "is mounted or held open.\n\n"
          "Damaged records do not prevent this: everything the pool's metadata lists is destroyed, whatever the "
          "records "
          "say. Of a vault whose own record is damaged the key file cannot be told from others and stays in "
          "/etc/tclone/keys.",
      .positionals = {{"NAME", Kind::pool, "the pool"}},
      .options = {{"yes", 0, Kind::flag, "", "do not ask"}},
      .shape = "outcome",
      .examples = {"tclone pool destroy test --yes"},
  });
  out.push_back({
      .id = Id::pool_grow,
      .words = "pool grow",
      .summary = "make a pool larger while it is in use",
      .description =
          "Adds the space by which the pool's file or devices have grown. --size makes the file of a pool that "
          "large first; --add makes a further device part of the pool, for good. Nothing stops meanwhile, and "
          "writers that wait because the pool is full go on.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {{"size", 0, Kind::size, "SIZE", "new size of the pool's file"},
                  {"add", 0, Kind::device, "DEVICE", "add this device to the pool", true},
                  {"force", 0, Kind::flag, "", "overwrite known signatures on added devices"}},
      .shape = "outcome",
      .examples = {"tclone pool grow --size 40G", "tclone pool grow fast --add /dev/nvme2n1"},
  });
  out.push_back({
      .id = Id::pool_check,
      .words = "pool check",
      .summary = "check a pool's metadata, headers and records against each other",
      .description =
          "Runs thin_check on the metadata of the pool and of every open vault, compares their thin ids with "
          "the records, and each LUKS2 header with its vault's record. Nothing is changed, and no key is asked "
          "for. A pool that is not active has its own metadata checked only.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {},
      .effect = Effect::looks,
      .shape = "findings",
      .exits = "Exits 8 when it found something serious, 0 when there is nothing or advice only.",
      .examples = {"tclone pool check"},
  });
  out.push_back({
      .id = Id::pool_repair,
      .words = "pool repair",
      .summary = "repair a damaged pool's own metadata into its spare area",
      .description =
          "For a pool that is not active. thin_repair reads the damaged metadata and writes what it can save to the "
          "spare area, which takes its place; the damaged metadata is kept as the spare. Does nothing to sound "
          "metadata but clear the mark with which the kernel asks for a check.\n\n"
          "With --vault the inner metadata of that vault is repaired instead: the pool is active then, the vault "
          "closed, and its key is asked for. What is saved takes the other half of the room for the vault's "
          "metadata, and what was damaged is kept.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {{"vault", 0, Kind::text, "VAULT", "repair this vault"},
                  {"force", 0, Kind::flag, "", "overwrite the metadata that an earlier repair kept"}},
      .shape = "outcome",
      .examples = {"tclone pool repair", "tclone pool repair --vault web1"},
  });
  out.push_back({
      .id = Id::pool_stock,
      .words = "pool stock",
      .summary = "keep vaults made ahead, for faster clones",
      .description =
          "Most of the time of an own-key clone goes into the header of its vault. With --keep that many vaults are "
          "made now, each with a random key file of its own, and are kept open; a clone with the usual key file "
          "takes one instead of making one, and another is made in the background once the clone is done. A vault "
          "and its key serve one clone only. --keep 0 removes them.\n\n"
          "Without --keep, makes what is missing. Each vault takes a few MiB of the pool.",
      .positionals = {{"NAME", Kind::pool, "the pool", false}},
      .options = {{"keep", 0, Kind::number, "COUNT", "how many, from 0 to 64"}},
      .shape = "outcome",
      .examples = {"tclone pool stock --keep 4", "tclone pool stock fast"},
  });
}

}  // namespace tclone::cli
