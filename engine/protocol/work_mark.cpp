// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/protocol/work_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/fd.h"
#include "base/log.h"
#include "engine/stack/unused.h"
#include "state/files.h"

namespace tclone::engine {
namespace {

std::string mark_path(const Session& s) { return s.env.paths.run + "/" + s.pool + ".working"; }

}  // namespace

Result<WorkMark> WorkMark::set(const Session& s) {
  const std::string path = mark_path(s);
  TC_CHECK(make_mark(path, "cannot mark the pool as being worked on"));
  s.env.dm.note_waits_in(path);
  return WorkMark(path);
}

bool WorkMark::left_behind(const Session& s) { return ::access(mark_path(s).c_str(), F_OK) == 0; }

void WorkMark::note(const Session& s, const std::string& volume) {
  const UniqueFd fd(::open(mark_path(s).c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  const std::string line = volume + '\n';
  // Best effort only: what is not noted is not active again after a crash.
  if (fd && ::write(fd.get(), line.data(), line.size()) < 0) log::debug(mark_path(s) + " cannot be written");
}

std::vector<std::string> WorkMark::noted(const Session& s) {
  std::vector<std::string> out;
  const state::Folder run(UniqueFd(::open(s.env.paths.run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  const auto text = state::read_whole(run, s.pool + ".working");
  if (!text) return out;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) out.push_back(line);
  // Not of a volume, but of what the command waited with.
  const auto waits =
      std::stable_partition(out.begin(), out.end(), [](const auto& line) { return !line.starts_with(' '); });
  for (auto it = waits; it != out.end(); ++it) s.env.dm.give_back(*it);
  out.erase(waits, out.end());
  return out;
}

WorkMark::~WorkMark() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Status close_or_leave(Session& s, Work& w, WorkMark& mark) {
  Status closed = close_unused(s, w);
  if (!closed) mark.leave();
  return closed;
}

}  // namespace tclone::engine
