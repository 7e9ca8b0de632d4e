// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/stat.h>

#include "engine/look/doctor.h"
#include "engine/stack/vault_layers.h"
#include "model/device_names.h"
#include "policies/sizing.h"

namespace tclone::engine {
namespace {

void look_at_header(Session& s, Work& w, const Vault& v, Findings& out) {
  if (!v.encrypted || !vault_is_open(s, w, v).value_or(false)) return;
  const auto facts = s.env.luks.inspect(s.env.dm.path(device_names::vault_thin(s.pool, v.outer)));
  if (facts && *facts == v.header) return;
  out.push_back({facts ? "the LUKS2 header of vault " + v.name + " is not what its record says"
                       : "the LUKS2 header of vault " + v.name + " cannot be read: " + facts.error().text(),
                 "it is open now, but cannot be opened again once it is closed",
                 "copy its volumes away while it is open; or, where a header was saved, deactivate them and bring it "
                 "back with `tclone key restore`"});
}

/// A volume by which the vault can be named on the command line.
std::string a_volume_in(Session& s, const Vault& v) {
  if (const auto same = s.store.volume(v.name); same && same->vault == v.name) return v.name;
  if (const auto names = s.store.volume_names()) {
    for (const std::string& name : *names) {
      if (const auto volume = s.store.volume(name); volume && volume->vault == v.name) return name;
    }
  }
  return "VOLUME";
}

void look_at_rekey(Session& s, const Vault& v, Findings& out) {
  if (!v.rekey) return;
  const std::string volume = a_volume_in(s, v);
  if (v.being_copied()) {
    out.push_back({"vault " + v.name + " is getting a new volume key, and that was interrupted or is still running",
                   "nothing in it can be activated",
                   "`tclone rekey " + volume + "` goes on with it, and with --cancel gives it up", false});
  } else {
    out.push_back(
        {"vault " + v.name + " has a new volume key, and not all of what was written under the old one is overwritten",
         "whoever has the old volume key may read that", "`tclone rekey " + volume + "` goes on with it", false});
  }
}

void look_at_key(const Session& s, const Vault& v, Findings& out) {
  if (!v.encrypted || !v.key.generated()) return;
  const std::string path = key_folder(s.env).file_of(v.uuid);
  const std::string next =
      "bring the file back from a backup; if its key was removed, the last one, `tclone rm` frees what it held";
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) {
    out.push_back({"the key file of vault " + v.name + " is missing: " + path,
                   "its volumes cannot be activated once they are closed", next});
  } else if (!S_ISREG(st.st_mode) || st.st_size == 0) {
    out.push_back({"the key file of vault " + v.name + (S_ISREG(st.st_mode) ? " is empty: " : " is no file: ") + path,
                   "its volumes cannot be activated once they are closed", next});
  } else if ((st.st_mode & 077U) != 0) {
    out.push_back({"others may read the key file of vault " + v.name + ": " + path, "it is refused as a key",
                   "`chmod 600 " + path + "`"});
  }
}

void look_at_inner(Session& s, DeviceIndex& device_index, const Vault& v, Findings& out) {
  const auto view = view_vault(s, device_index, v);
  if (!view || !view->open || view->health.starts_with("waiting")) return;
  if (view->health != "ok") {
    out.push_back({"the inner pool of vault " + v.name + " is not well: " + view->health,
                   "its volumes may be read-only or fail; other vaults are not concerned",
                   "deactivate its volumes, then `tclone pool repair " + s.pool + " --vault " + v.name + "`"});
  } else if (view->metadata && policies::metadata_filling(view->metadata->used.n, view->metadata->total.n)) {
    out.push_back({"the inner metadata of vault " + v.name + " are more than eight tenths full",
                   "when they are full its volumes become read-only",
                   "the next `tclone publish` in it makes them larger; removing versions (`tclone rm`) frees some",
                   false});
  }
}

}  // namespace

void look_at_vaults(Session& s, DeviceIndex& device_index, const Records& all, bool answers, Findings& out) {
  Work w;
  for (const Vault& v : all.vaults) {
    if (answers) look_at_header(s, w, v, out);
    look_at_key(s, v, out);
    look_at_rekey(s, v, out);
    if (answers) look_at_inner(s, device_index, v, out);
  }
}

}  // namespace tclone::engine
