// SPDX-License-Identifier: GPL-2.0-or-later
// The commands that name, size, activate and mount what there is.
#include "cli/command/commands.h"

namespace tclone::cli {
namespace {

void add_naming(std::vector<Command>& out) {
  out.push_back({
      .id = Id::tag,
      .words = "tag",
      .summary = "put a tag on a version",
      .description = "Puts the tag on the version; it leaves the version it was on. The tag latest moves by itself.",
      .positionals = {{"VERSION", Kind::version, "version, such as db@3"}, {"TAG", Kind::tag, "the tag"}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone tag db@3 stable"},
  });
  out.push_back({
      .id = Id::untag,
      .words = "untag",
      .summary = "take a tag away",
      .description = "Removes the tag; the version it was on stays.",
      .positionals = {{"NAME", Kind::volume, "the volume"}, {"TAG", Kind::tag, "the tag"}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone untag db stable"},
  });
  out.push_back({
      .id = Id::rename,
      .words = "rename",
      .summary = "give a volume another name",
      .description = "Renames the volume and with it its versions and its device. Clones of it stay clones of it.",
      .positionals = {{"NAME", Kind::volume, "the volume"}, {"NEW", Kind::fresh, "its new name"}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone rename web1 shop"},
  });
  out.push_back({
      .id = Id::rm,
      .words = "rm",
      .summary = "delete a volume with its versions, or one version",
      .description =
          "Deletes a volume with its versions, or the one version named. A vault that holds nothing else goes with "
          "it: its header is overwritten and the key that tclone made is removed, after which nothing of it can be "
          "read. A version that own-key clones stand on is refused.\n\n"
          "Asks first; where standard input is no terminal, --yes must be given.",
      .positionals = {{"NAME", Kind::target, "volume, or volume@version"}},
      .options = {{"yes", 0, Kind::flag, "", "do not ask"}},
      .shape = "outcome",
      .examples = {"tclone rm web1 --yes", "tclone rm db@2"},
  });
  out.push_back({
      .id = Id::resize,
      .words = "resize",
      .summary = "make a volume larger",
      .description =
          "Makes the volume as large as SIZE, and the filesystem in it as well, mounted or not. Volumes are not made "
          "smaller. Given again, it grows a filesystem that could not be grown the first time.",
      .positionals = {{"NAME", Kind::volume, "the volume"}, {"SIZE", Kind::size, "its new size, such as 20G"}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone resize db 20G"},
  });
}

void add_devices(std::vector<Command>& out) {
  out.push_back({
      .id = Id::activate,
      .words = "activate",
      .summary = "make the devices of volumes appear",
      .description = "Opens the vaults and makes the devices appear. A version appears read-only.",
      .positionals = {{"NAME", Kind::target, "volumes or versions", false, true}},
      .options = {{"all", 0, Kind::flag, "", "every volume of the pool"}},
      .shape = "outcome",
      .examples = {"tclone activate web1 db@3", "tclone activate --all"},
  });
  out.push_back({
      .id = Id::deactivate,
      .words = "deactivate",
      .summary = "make the devices of volumes disappear",
      .description = "Removes the devices and closes vaults that nothing uses any more. Refused as busy while a volume "
                     "is mounted or held open.",
      .positionals = {{"NAME", Kind::target, "volumes or versions", false, true}},
      .options = {{"all", 0, Kind::flag, "", "every volume of the pool"}},
      .shape = "outcome",
      .examples = {"tclone deactivate web1"},
  });
  out.push_back({
      .id = Id::mount,
      .words = "mount",
      .summary = "mount a volume or a version",
      .description = "Activates it, mounts it and prints the folder: DIR, or /run/tclone/POOL/mnt/NAME. A folder that "
                     "does not exist is made. A version is mounted read-only.",
      .positionals = {{"NAME", Kind::target, "volume, or volume@version"}, {"DIR", Kind::dir, "where", false}},
      .options = {{"read-only", 0, Kind::flag, "", "mount read-only"},
                  {"options", 'o', Kind::text, "OPTIONS", "mount options, as for mount(8)"}},
      .shape = "mounted",
      .examples = {"tclone mount web1 /srv/web1", "tclone mount db@3", "tclone mount web1 -o noatime"},
  });
  out.push_back({
      .id = Id::umount,
      .words = "umount",
      .summary = "unmount a volume",
      .description =
          "Unmounts it, by its name or by the folder, which is written with a slash in it (./mnt). The volume stays "
          "active.",
      .positionals = {{"NAME", Kind::place, "volume, version or folder"}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone umount web1", "tclone umount /srv/web1"},
  });
  out.push_back({
      .id = Id::path,
      .words = "path",
      .summary = "print the device path of a volume or version",
      .description = "Prints the path, whether the device is there at the moment or not.",
      .positionals = {{"NAME", Kind::target, "volume, or volume@version"}},
      .options = {},
      .effect = Effect::looks,
      .shape = "path",
      .examples = {"tclone path web1"},
  });
}

}  // namespace

void add_use_commands(std::vector<Command>& out) {
  add_naming(out);
  add_devices(out);
}

}  // namespace tclone::cli
