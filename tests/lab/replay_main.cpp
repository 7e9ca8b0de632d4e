// SPDX-License-Identifier: GPL-2.0-or-later
// replay_log list LOG [marks|barriers]
//   Every entry, or those: "INDEX BARRIERS-SO-FAR TEXT", one a line.
// replay_log apply LOG IMAGE (--to INDEX | --flush N | --mark TEXT) [--base FILE | --size BYTES]
//   IMAGE becomes what the disk held after that entry (the entry included). Going forward through a log costs one
//   pass in all: IMAGE.cursor remembers where IMAGE stands. Copy IMAGE (cp --sparse=always) before booting on it.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/lab/replay_log.h"

using tclone::Code;
using tclone::Result;
using tclone::Status;
using tclone::lab::Entry;
using tclone::lab::Log;

namespace {

Status list(const Log& log, const std::string& what) {
  std::size_t barriers = 0;
  for (std::size_t i = 0; i < log.entries().size(); ++i) {
    const Entry& entry = log.entries()[i];
    if (entry.is_barrier()) ++barriers;
    if (what == "marks" && (entry.flags & tclone::lab::kMark) == 0) continue;
    if (what == "barriers" && !entry.is_barrier()) continue;
    std::printf("%zu %zu %s\n", i, barriers, tclone::lab::describe(entry).c_str());
  }
  return {};
}

Result<std::size_t> number(const std::string& text) {
  char* end = nullptr;
  const unsigned long long n = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') return tclone::fail(Code::usage, text, "this is no number");
  return static_cast<std::size_t>(n);
}

Status apply(const Log& log, const std::vector<std::string>& args) {
  std::size_t index = log.entries().size();
  std::string base;
  std::uint64_t size = 0;
  for (std::size_t i = 3; i + 1 < args.size(); i += 2) {
    const std::string& value = args[i + 1];
    if (args[i] == "--to") index = TC_TRY(number(value));
    if (args[i] == "--flush") {
      const std::size_t nth = TC_TRY(number(value));
      index = TC_TRY(log.barrier(nth));
    }
    if (args[i] == "--mark") index = TC_TRY(log.mark(value));
    if (args[i] == "--base") base = value;
    if (args[i] == "--size") size = TC_TRY(number(value));
  }
  if (index >= log.entries().size()) return tclone::fail(Code::usage, args[1], "say --to, --flush or --mark");
  return tclone::lab::bring_to(log, args[2], index + 1, base, size);
}

Status command(const std::vector<std::string>& args) {
  if (args.size() < 2) return tclone::fail(Code::usage, "replay_log", "list LOG or apply LOG IMAGE …");
  const Log log = TC_TRY(Log::open(args[1]));
  if (args[0] == "list") return list(log, args.size() > 2 ? args[2] : "");
  if (args[0] == "apply" && args.size() > 2) return apply(log, args);
  return tclone::fail(Code::usage, args[0], "unknown command");
}

}  // namespace

int main(int argc, char** argv) {
  const Status status = command({argv + 1, argv + argc});
  if (status) return 0;
  std::fprintf(stderr, "replay_log: %s\n", status.error().text().c_str());
  return static_cast<int>(status.error().code);
}
