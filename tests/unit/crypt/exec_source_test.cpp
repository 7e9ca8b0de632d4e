// SPDX-License-Identifier: GPL-2.0-or-later
// What becomes of a key command and of everything it starts when it has to be ended.
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/fd.h"
#include "crypt/keys/sources.h"
#include "tests/unit/crypt/support.h"

using namespace tclone;
using namespace tclone::crypt;
using namespace tclone::crypt::test;
using namespace std::chrono_literals;

namespace {

Result<Secret> exec(const std::string& command, std::chrono::milliseconds timeout) {
  return read_exec(command, "vault web1", timeout);
}

/// A command that hangs, with four processes below it: in its group, in a session of its own, orphaned, and a child of an
/// orphan. Each writes its pid into the file.
std::string family(const Folder& folder) {
  const std::string script = folder / "family";
  write_file(script, "me='echo $$ >>" + folder / "pids" + R"(; exec sleep 300'
sh -c "$me" &
setsid sh -c "$me" &
(setsid sh -c "$me" &)
(setsid sh -c "sh -c '$me' & wait" &)
sh -c "$me"
)");
  return "sh " + script;
}
constexpr std::size_t kFamily = 5;

std::vector<pid_t> pids(const Folder& folder, const std::string& file = "pids") {
  std::vector<pid_t> out;
  std::ifstream in(folder / file);
  for (pid_t pid = 0; in >> pid;) out.push_back(pid);
  return out;
}

void wait_for_family(const Folder& folder) {
  while (pids(folder).size() < kFamily) std::this_thread::sleep_for(10ms);
}

bool runs(pid_t pid) { return kill(pid, 0) == 0; }

/// As ps(1) says it; 'Z' when it has ended and was not reaped.
char state_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(in, stat);
  const auto at = stat.rfind(") ");
  return at == std::string::npos ? 'Z' : stat.at(at + 2);
}

/// In a process of its own that ignores nothing and has none of Catch's handlers.
template <class Do>
pid_t in_child(Do act) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child > 0) return child;
  for (const int number : {SIGINT, SIGSEGV, SIGTERM, SIGHUP}) signal(number, SIG_DFL);
  _exit(act() ? 0 : 1);
}

}  // namespace

TEST_CASE("everything that a key command has started ends with it when its time is over") {
  const Folder folder;
  const auto result = exec(family(folder), 2s);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::key);
  CHECK_THAT(result.error().text(), tclone::test::ContainsSubstring("not done in time"));
  REQUIRE(pids(folder).size() == kFamily);
  for (const pid_t pid : pids(folder)) CHECK_FALSE(runs(pid));
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // nothing is left to reap
}

TEST_CASE("everything that a key command has started ends with it when tclone is told to end") {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const Folder folder;
    const std::string command = family(folder);
    const pid_t child = in_child([&] { return static_cast<bool>(exec(command, 60s)); });
    wait_for_family(folder);
    kill(child, number);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    // Its handler has the signal only after the command is gone.
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == number));
    for (const pid_t pid : pids(folder)) CHECK_FALSE(runs(pid));
  }
}

TEST_CASE("a signal that the program ignores does not end a key command") {
  const pid_t child = in_child([] {
    signal(SIGHUP, SIG_IGN);
    const auto key = exec("sh -c 'kill -HUP $PPID; printf key'", 60s);
    return key && text_of(*key) == "key";
  });
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("what a key command leaves running when it has succeeded goes on") {
  const Folder folder;
  const auto result = exec("sh -c 'sleep 300 & echo $! >" + folder / "pids" + "; printf key'", 60s);
  REQUIRE(result);
  REQUIRE(pids(folder).size() == 1);
  const pid_t left = pids(folder).front();
  CHECK(runs(left));
  kill(left, SIGKILL);
  waitpid(left, nullptr, 0);  // it is ours if it became an orphan before the end was seen
}

TEST_CASE("children from before the key command are left alone when it is ended") {
  const pid_t other = in_child([] { return pause() == 0; });
  CHECK_FALSE(exec("sleep 300", 100ms));
  CHECK(waitpid(other, nullptr, WNOHANG) == 0);
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
}

TEST_CASE("what a child from before starts is left alone as well, and what hangs below the key command is ended") {
  const Folder folder;
  // The child starts another, which becomes an orphan, while the key command runs.
  const std::string child = folder / "child";
  write_file(child,
             "while [ ! -e " + folder / "go" + " ]; do sleep 0.05; done; sleep 300 & echo $! >" + folder / "left");
  const std::string command = folder / "command";
  write_file(command, "me='echo $$ >>" + folder / "pids" + R"(; exec sleep 300'
sh -c "$me" &
sh -c "setsid sh -c '$me' & wait" &
: >)" + folder / "go" + "\nsh -c \"$me\"\n");
  const pid_t other = in_child([&] { return execlp("sh", "sh", child.c_str(), nullptr) == 0; });
  CHECK_FALSE(exec("sh " + command, 2s));
  int status = 0;
  REQUIRE(waitpid(other, &status, 0) == other);
  CHECK(status == 0);
  REQUIRE(pids(folder, "left").size() == 1);
  const pid_t left = pids(folder, "left").front();
  CHECK(runs(left));
  kill(left, SIGKILL);
  REQUIRE(pids(folder).size() == 3);
  // Those below the command are for init to reap.
  for (const pid_t pid : pids(folder)) {
    while (runs(pid) && state_of(pid) != 'Z') std::this_thread::sleep_for(10ms);
  }
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("a key command may ask on the terminal, and leaves it with its echo when it is killed there") {
  int master_fd = -1;
  const pid_t child = forkpty(&master_fd, nullptr, nullptr, nullptr);
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int number : {SIGINT, SIGSEGV, SIGTERM}) signal(number, SIG_DFL);
    const auto key = exec("sh -c 'read -r line </dev/tty; printf %s \"$line\"'", 60s);
    if (!key || text_of(*key) != "typed") _exit(1);
    if (exec("sh -c 'stty -echo </dev/tty; echo off >/dev/tty; sleep 300'", 2s)) _exit(2);
    termios state{};
    const UniqueFd tty(open("/dev/tty", O_RDWR | O_CLOEXEC));
    _exit(tcgetattr(tty.get(), &state) == 0 && (state.c_lflag & ECHO) != 0 ? 0 : 3);
  }
  const UniqueFd master(master_fd);
  REQUIRE(write(master.get(), "typed\n", 6) == 6);
  std::string seen;
  char some[256];
  for (ssize_t got = 0; (got = read(master.get(), some, sizeof some)) > 0;)
    seen.append(some, static_cast<std::size_t>(got));
  CHECK_THAT(seen, tclone::test::ContainsSubstring("off"));  // it had switched the echo off
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
