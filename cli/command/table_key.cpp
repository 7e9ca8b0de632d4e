// SPDX-License-Identifier: GPL-2.0-or-later
// The commands about what unlocks a volume.
#include "cli/command/commands.h"

namespace tclone::cli {
namespace {

constexpr const char* kName = "the volume; its vault is meant, with all that lives in it";

}  // namespace

// A table: its length is that of what it lists. NOLINTNEXTLINE(readability-function-size)
void add_key_commands(std::vector<Command>& out) {
  out.push_back({
      .id = Id::key_add,
      .words = "key add",
      .summary = "add a key to a volume",
      .description =
          "Adds a key slot for the secret that --key names and records where it comes from. What opens the volume "
          "now is asked for first: the recorded source, or the one --unlock names. Which source activate asks does "
          "not change. A header has room for four keys.\n\n"
          "--key file makes the key file again that a volume has by default. --key token adds no slot: it records "
          "that a token which is in the header already opens the volume.",
      .positionals = {{"NAME", Kind::volume, kName}},
      .options = {{"key", 0, Kind::key, "SOURCE", "where the new key comes from, see KEY SOURCES"},
                  {"unlock", 0, Kind::key, "SOURCE", "where a key comes from that opens it now"}},
      .shape = "outcome",
      .examples = {"tclone key add web1 --key keyring:tenant", "tclone key add db --key file:/root/spare.key"},
  });
  out.push_back({
      .id = Id::key_rm,
      .words = "key rm",
      .summary = "remove a key from a volume",
      .description =
          "Destroys the key slot with the number SLOT, or the one that the source opens. With the slot of the key "
          "file that tclone made the file goes as well. If activate asked that source, it asks the one --use names "
          "from then on, or else the last one added that is left. What is open stays open.\n\n"
          "The last key is refused without --yes: once closed, the volume can never be opened again.",
      .positionals = {{"NAME", Kind::volume, kName}, {"SLOT", Kind::number, "as key list shows it", false}},
      .options = {{"key", 0, Kind::key, "SOURCE", "the source whose slot is to go"},
                  {"use", 0, Kind::key, "SOURCE", "what activate asks from then on"},
                  {"yes", 0, Kind::flag, "", "even if it is the last one"}},
      .shape = "outcome",
      .examples = {"tclone key rm web1 0", "tclone key rm web1 --key file"},
  });
  out.push_back({
      .id = Id::key_list,
      .words = "key list",
      .summary = "list the keys that open a volume",
      .description = "Prints the key slots of the header with their key derivation and the sources that are known to "
                     "open them. No key is needed.",
      .positionals = {{"NAME", Kind::volume, kName}},
      .options = {},
      .effect = Effect::looks,
      .shape = "keys",
      .examples = {"tclone key list web1"},
  });
  out.push_back({
      .id = Id::key_test,
      .words = "key test",
      .summary = "say whether a key opens a volume",
      .description = "Tries the recorded source, or the one --key names, and prints the key slot that it opens. "
                     "Opens nothing.",
      .positionals = {{"NAME", Kind::volume, kName}},
      .options = {{"key", 0, Kind::key, "SOURCE", "the source to try"}},
      .effect = Effect::looks,
      .shape = "key_test",
      .exits = "Exits 7 when the key opens no slot.",
      .examples = {"tclone key test web1", "tclone key test db --key file:/root/spare.key"},
  });
  out.push_back({
      .id = Id::key_backup,
      .words = "key backup",
      .summary = "save the header of a volume in a file",
      .description =
          "Saves the LUKS2 header with its key slots in a new file that only root can read. A header that was "
          "overwritten by accident can be brought back from it. So can keys that are removed later, and a volume "
          "that is deleted can be read by whoever has the file, a key and a copy of the disk made before: destroy "
          "the file when keys are to be gone for good. The file may not lie in a pool.",
      .positionals = {{"NAME", Kind::volume, kName}, {"FILE", Kind::file, "the file to make"}},
      .options = {},
      .shape = "outcome",
      .examples = {"tclone key backup db /root/db.header"},
  });
  out.push_back({
      .id = Id::key_restore,
      .words = "key restore",
      .summary = "bring the header of a volume back from a file",
      .description = "Writes the header from a file that key backup made. It must be one of this vault, which must be "
                     "closed. Keys removed since the backup open the volume again.\n\n"
                     "Asks first; where standard input is no terminal, --yes must be given.",
      .positionals = {{"NAME", Kind::volume, kName}, {"FILE", Kind::file, "what key backup made"}},
      .options = {{"yes", 0, Kind::flag, "", "do not ask"}},
      .shape = "outcome",
      .examples = {"tclone key restore db /root/db.header --yes"},
  });
  out.push_back({
      .id = Id::rekey,
      .words = "rekey",
      .summary = "give a volume a new volume key",
      .description =
          "Encrypts anew, under a volume key made for it, all that the vault holds: its volumes, their versions, and "
          "shared-key "
          "clones. key rm changes who may open it; this is for when the volume key itself may be known, to somebody "
          "who has "
          "saved the header or could read the kernel's memory. A default key file is replaced by a new one; other "
          "sources stay "
          "what they are, and their secrets open the new header.\n\n"
          "The vault is copied as it is, so that the pool needs as much free space again as the vault holds, and "
          "nothing in it may "
          "be active. Then the old header is destroyed, and what the old key had encrypted is overwritten, read back "
          "and given "
          "back to the pool; meanwhile the volume may be used again. The pool is not locked for longer than about a "
          "second at a "
          "time.\n\n"
          "If interrupted, run it again to resume. --cancel abandons it until the switch to the new key. "
          "Until then nothing in the vault can be activated. A volume that is removed meanwhile takes both "
          "headers with it, and "
          "what was not overwritten yet lies in free blocks, where only who has saved the old header can read it.\n\n"
          "Keys that cannot be read at that moment without with_secrets (prompt, stdin and token, or what is somebody "
          "else's) no longer "
          "open the vault: this is refused without --yes. The key that activate asks is asked for.",
      .positionals = {{"NAME", Kind::volume, kName}},
      .options = {{"key", 0, Kind::key, "SOURCE", "what activate asks from then on, see KEY SOURCES"},
                  {"unlock", 0, Kind::key, "SOURCE", "where a key comes from that opens it now"},
                  {"compare", 0, Kind::flag, "", "read what was copied back and compare it"},
                  {"cancel", 0, Kind::flag, "", "give up one that was interrupted"},
                  {"yes", 0, Kind::flag, "", "even if keys are lost by it"}},
      .shape = "outcome",
      .exits = "Exits 5 while anything in the vault is active, 6 when the pool has no room for the copy.",
      .examples = {"tclone rekey db", "tclone rekey web1 --key keyring:tenant"},
  });
}

}  // namespace tclone::cli
