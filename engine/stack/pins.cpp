// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/stack/pins.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace tclone::engine {
namespace {

std::string pin_path(const Session& s, const std::string& version) {
  return s.env.paths.run + "/" + s.pool + ".pinned/" + version;
}

}  // namespace

Status pin(Session& s, const VersionRef& version) {
  const std::string path = pin_path(s, version.text());
  const std::string folder = path.substr(0, path.rfind('/'));
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, folder, "cannot make the folder");
  return make_mark(path, "cannot make the mark that keeps the version active");
}

void unpin(Session& s, const VersionRef& version) { ::unlink(pin_path(s, version.text()).c_str()); }

bool is_pinned(const Session& s, const VersionRef& version) {
  return ::access(pin_path(s, version.text()).c_str(), F_OK) == 0;
}

Status move_pin(const Session& s, const std::string& from, const std::string& to) {
  if (::rename(pin_path(s, from).c_str(), pin_path(s, to).c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, pin_path(s, from), "cannot rename the mark that keeps the version active");
}

}  // namespace tclone::engine
