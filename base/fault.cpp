// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/fault.h"

#ifdef TCLONE_FAULTS

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "base/fd.h"

namespace tclone::fault {
namespace {

void append(const char* path, std::string_view line) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const std::string text = std::string(line) + "\n";
  if (fd && ::write(fd.get(), text.data(), text.size()) < 0) std::abort();
}

struct Wish {
  std::string name;
  unsigned nth = 1;
  std::string action;
};

Wish read_wish() {
  Wish wish;
  const char* raw = std::getenv("TCLONE_FAULT");
  if (raw == nullptr) return wish;
  std::string text(raw);
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) return wish;
  wish.action = text.substr(equals + 1);
  wish.name = text.substr(0, equals);
  if (const std::size_t hash = wish.name.rfind('#'); hash != std::string::npos) {
    wish.nth = static_cast<unsigned>(std::strtoul(wish.name.c_str() + hash + 1, nullptr, 10));
    wish.name.resize(hash);
  }
  return wish;
}

}  // namespace

Status point(std::string_view name) {
  static const char* trace = std::getenv("TCLONE_FAULT_TRACE");
  static const Wish wish = read_wish();
  static unsigned passed = 0;
  if (trace != nullptr) append(trace, name);
  if (wish.name.empty() || (wish.name != "*" && wish.name != name)) return {};
  if (++passed != wish.nth) return {};
  if (wish.action == "fail") return fail(Code::failed, std::string(name), "failed at a fail point, as asked");
  if (wish.action == "kill") ::kill(::getpid(), SIGKILL);
  if (wish.action == "stop") ::raise(SIGSTOP);
  if (wish.action == "int") ::raise(SIGINT);
  if (wish.action == "term") ::raise(SIGTERM);
  if (wish.action == "hup") ::raise(SIGHUP);
  if (wish.action == "cut") {
    if (const char* flag = std::getenv("TCLONE_FAULT_CUT")) append(flag, "cut");
    for (;;) ::pause();
  }
  return {};
}

}  // namespace tclone::fault

#endif
