// SPDX-License-Identifier: GPL-2.0-or-later
// The pool's lock, held and waited for by real processes.
#include "state/lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "unit/catch.h"
#include "unit/state/samples.h"

using namespace tclone;
using std::chrono::milliseconds;

namespace {

/// A process that holds the lock until it is killed; it is there when the constructor returns.
class Holder {
 public:
  explicit Holder(const std::string& path, const std::string& command = "tclone publish db") {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      const auto lock = PoolLock::take(path, command, milliseconds(2000));
      const char answer = lock ? 'y' : 'n';
      if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    REQUIRE(answer == 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("the lock is taken, let go and taken again") {
  const samples::TempFolder folder;
  const std::string path = folder / "run/tank.lock";
  for (int i = 0; i < 3; ++i) {
    const auto lock = PoolLock::take(path, "tclone clone", milliseconds(0));
    REQUIRE(lock);
    const auto second = PoolLock::take(path, "tclone rm", milliseconds(0));
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::busy);
  }
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  CHECK(st.st_size == 0);
}

TEST_CASE("who waits is told the holder's pid and command, at the deadline") {
  const samples::TempFolder folder;
  const std::string path = folder / "tank.lock";
  const Holder holder(path);
  const auto start = std::chrono::steady_clock::now();
  const auto lock = PoolLock::take(path, "tclone rm", milliseconds(120));
  const auto took = std::chrono::steady_clock::now() - start;
  REQUIRE_FALSE(lock);
  CHECK(lock.error().why == "held by process " + std::to_string(holder.pid()) + " (tclone publish db) for 0 s");
  CHECK(took >= milliseconds(120));
  CHECK(took < milliseconds(1000));
}

TEST_CASE("who waits gives up at a signal, long before the deadline") {
  const samples::TempFolder folder;
  const std::string path = folder / "tank.lock";
  const Holder holder(path);
  int asked = 0;
  const auto lock = PoolLock::take(path, "tclone rm", std::chrono::hours(1), [&] { return ++asked > 2; });
  REQUIRE_FALSE(lock);
  CHECK(lock.error().code == Code::failed);
  CHECK(lock.error().why.find("interrupted while it was held by process " + std::to_string(holder.pid())) == 0);
}

TEST_CASE("a holder that is killed has let go") {
  const samples::TempFolder folder;
  const std::string path = folder / "tank.lock";
  Holder holder(path);
  holder.kill();
  CHECK(std::filesystem::file_size(path) > 0);  // what it wrote is still there and means nothing
  CHECK(PoolLock::take(path, "tclone rm", milliseconds(0)));
}

TEST_CASE("who waits gets it when the holder dies meanwhile") {
  const samples::TempFolder folder;
  const std::string path = folder / "tank.lock";
  Holder holder(path);
  const pid_t killer = ::fork();
  REQUIRE(killer >= 0);
  if (killer == 0) {
    ::usleep(100000);
    ::kill(holder.pid(), SIGKILL);
    ::_exit(0);
  }
  CHECK(PoolLock::take(path, "tclone rm", milliseconds(3000)));
  ::waitpid(killer, nullptr, 0);
}

TEST_CASE("content that names nobody alive misleads nobody") {
  const samples::TempFolder folder;
  const std::string path = folder / "tank.lock";
  const Holder holder(path);
  const std::string me = std::to_string(::getpid());
  const std::string good_command = "tclone rm";
  for (const std::string& text :
       {std::string(), std::string("999999999\n5\n0\ntclone rm\n"), me + "\n1\n0\nreused pid\n",
        std::string("../self\n1\n0\nx\n"), std::string(5000, 'x'), std::string("-1\n\n\n\n")}) {
    std::ofstream(path, std::ios::trunc) << text;
    const auto lock = PoolLock::take(path, good_command, milliseconds(0));
    REQUIRE_FALSE(lock);
    CHECK(lock.error().why == "held by another process");
  }
}

TEST_CASE("a program that is started does not keep the lock") {
  const samples::TempFolder folder;
  const std::string path = folder / "tank.lock";
  pid_t child = 0;
  {
    const auto lock = PoolLock::take(path, "tclone publish", milliseconds(0));
    REQUIRE(lock);
    int started[2];
    REQUIRE(::pipe2(started, O_CLOEXEC) == 0);
    child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::execlp("sleep", "sleep", "30", nullptr);
      ::_exit(127);
    }
    ::close(started[1]);
    char none = 0;
    CHECK(::read(started[0], &none, 1) == 0);  // end of file: the exec has closed what is close-on-exec
    ::close(started[0]);
  }
  CHECK(PoolLock::take(path, "tclone rm", milliseconds(0)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a lock file that was replaced locks nobody out of the new one") {
  const samples::TempFolder folder;
  const std::string path = folder / "tank.lock";
  const Holder holder(path);
  std::filesystem::remove(path);
  CHECK(PoolLock::take(path, "tclone rm", milliseconds(500)));
}

TEST_CASE("a look is refused while somebody changes the pool, and keeps them out for as long as it lasts") {
  const samples::TempFolder folder;
  const std::string path = folder / "run/tank.lock";
  {
    const auto one = PoolLock::look(path);
    const auto other = PoolLock::look(path);
    REQUIRE(one);
    CHECK(other);
    const auto change = PoolLock::take(path, "tclone publish db", milliseconds(20));
    REQUIRE_FALSE(change);
    CHECK(change.error().code == Code::busy);
  }
  const Holder holder(path);
  const auto look = PoolLock::look(path);
  REQUIRE_FALSE(look);
  CHECK(look.error().code == Code::busy);
  CHECK(look.error().why.find("tclone publish db") != std::string::npos);
}
