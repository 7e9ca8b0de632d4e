// SPDX-License-Identifier: GPL-2.0-or-later
// The commands that make volumes, versions and clones, and start them over.
#include "cli/command/commands.h"

namespace tclone::cli {

// A table: its length is that of what it lists. NOLINTNEXTLINE(readability-function-size)
void add_volume_commands(std::vector<Command>& out) {
  out.push_back({
      .id = Id::create,
      .words = "create",
      .summary = "make an empty volume, or one from an image",
      .description =
          "Makes a volume in a vault of its own, encrypted unless --plain is given, activates it and prints the path "
          "of its device. It gets a filesystem unless --fs none is given.\n\n"
          "With --from the volume begins as a copy of an image file or block device. Its size may then be left out, "
          "and the filesystem is the one found in the image.",
      .positionals = {{"NAME", Kind::fresh, "name of the volume"}},
      .options = {{"size", 0, Kind::size, "SIZE", "size, such as 10G"},
                  {"fs", 0, Kind::choice, "FS", "filesystem to make: ext4, xfs or none (ext4)", false, "ext4 xfs none"},
                  {"plain", 0, Kind::flag, "", "do not encrypt"},
                  {"key", 0, Kind::key, "SOURCE", "where the key comes from, see KEY SOURCES"},
                  {"from", 0, Kind::device, "IMAGE", "copy this file or block device into it"}},
      .shape = "outcome",
      .examples = {"tclone create db --size 10G", "tclone create disk --from /srv/disk.img --key file:/root/disk.key"},
  });
  out.push_back({
      .id = Id::clone,
      .words = "clone",
      .summary = "make a writable clone of a version",
      .description =
          "Makes a volume that begins as the version and prints the path of its device. Nothing is copied, whatever "
          "the size. SOURCE is a volume, or a volume with a version number or a tag behind an @. For a volume alone "
          "an untagged version is published first and cloned.\n\n"
          "The clone has a vault and a key of its own unless --shared-key is given: then it lives in the vault of "
          "its source, under the same key, and is a branch that shares space, not an isolated clone.\n\n"
          "--follow names the tag that refresh goes to, latest by default.",
      .positionals = {{"SOURCE", Kind::target, "volume[@version] to clone"},
                      {"NAME", Kind::fresh, "name of the clone"}},
      .options = {{"shared-key", 0, Kind::flag, "", "stay in the vault and under the key of the source"},
                  {"vault", 0, Kind::volume, "VAULT", "put it into this existing vault"},
                  {"key", 0, Kind::key, "SOURCE", "where the key comes from, see KEY SOURCES"},
                  {"follow", 0, Kind::tag, "TAG", "the tag refresh goes to (latest)"}},
      .shape = "outcome",
      .examples = {"tclone clone db@latest web1", "tclone clone db@3 web2 --follow stable",
                   "tclone clone db test --shared-key"},
  });
  out.push_back({
      .id = Id::publish,
      .words = "publish",
      .summary = "freeze volumes into new versions",
      .description = "Makes an immutable, numbered version of each volume and prints its name. A mounted filesystem is "
                     "frozen for the moment that takes; what is cached of it is written before, which may take long "
                     "without holding its writers up. Several volumes are published at one consistent point. The "
                     "tag latest moves to the new version.",
      .positionals = {{"NAME", Kind::volume, "volumes to publish", true, true}},
      .options = {{"tag", 0, Kind::tag, "TAG", "put this tag on the versions", true},
                  {"message", 'm', Kind::text, "TEXT", "a note kept with the versions"}},
      .shape = "outcome",
      .examples = {"tclone publish db -m 'nightly import'", "tclone publish db files --tag stable"},
  });
  out.push_back({
      .id = Id::revert,
      .words = "revert",
      .summary = "throw away what was written since a version",
      .description =
          "Takes a clone back to the version it came from, or any volume back to one of its own versions. Without "
          "--to a volume that is no clone goes back to its newest version. Name, key and device path stay. The "
          "volume must not be in use; while it is active, its key is not asked for.\n\n"
          "What was written since is gone. The command does not ask, because services use it.",
      .positionals = {{"NAME", Kind::volume, "the volume"}},
      .options = {{"to", 0, Kind::tag, "VERSION", "one of its own versions, by number or tag"}},
      .shape = "outcome",
      .examples = {"tclone revert web1", "tclone revert db --to 4"},
  });
  out.push_back({
      .id = Id::refresh,
      .words = "refresh",
      .summary = "restart a clone from the newest version it follows",
      .description =
          "Starts the clone over from the version that the tag it follows names now, or from the one --to names. "
          "Name, key and device path stay. The clone must not be in use; while it is active, its key is not asked "
          "for.\n\n"
          "What the clone wrote is gone. The command does not ask, because services use it. With --if-newer nothing "
          "is done when the clone stands on that version already.",
      .positionals = {{"NAME", Kind::volume, "the clone"}},
      .options = {{"to", 0, Kind::tag, "VERSION", "tag or version number of what it was cloned from"},
                  {"if-newer", 0, Kind::flag, "", "do nothing when it stands on that version already"}},
      .shape = "outcome",
      .examples = {"tclone refresh web1", "tclone refresh web1 --to stable --if-newer"},
  });
}

}  // namespace tclone::cli
