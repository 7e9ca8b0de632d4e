// SPDX-License-Identifier: GPL-2.0-or-later
#include <chrono>
#include <cstdlib>

#include "os/filesystem.h"
#include "unit/catch.h"
#include "unit/os/scratch.h"

using namespace tclone;

TEST_CASE("a program's output of both kinds comes back") {
  const auto output = os::run({"sh", "-c", "echo out; echo err >&2"});
  REQUIRE(output);
  CHECK(output->status == 0);
  CHECK(output->text == "out\nerr\n");
}

TEST_CASE("a program that ends non-zero is an error with its last words") {
  const auto output = os::run({"sh", "-c", "echo the disk is made of cheese; exit 3"});
  REQUIRE_FALSE(output);
  CHECK(output.error().code == Code::failed);
  CHECK(output.error().why == "ended with status 3: the disk is made of cheese");
  CHECK(os::run_status({"sh", "-c", "exit 3"}).value().status == 3);
  CHECK_FALSE(os::run_status({"sh", "-c", "kill -9 $$"}));
}

TEST_CASE("words reach the program as they are, no shell looks at them") {
  CHECK(os::run({"printf", "%s|", "a b", "$HOME", "; false", "*"}).value().text == "a b|$HOME|; false|*|");
}

TEST_CASE("the environment holds PATH and LANG and nothing else") {
  ::setenv("TCLONE_TEST_SECRET", "x", 1);
  CHECK(os::run({"env"}).value().text == "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C\n");
  ::unsetenv("TCLONE_TEST_SECRET");
}

TEST_CASE("a program inherits no descriptor and reads nothing") {
  const Scratch scratch;
  const int leaky = ::dup(2);  // not close-on-exec, as some library may leave one
  // 0, 1, 2 and the folder that ls itself reads
  CHECK(os::run({"ls", "/proc/self/fd"}).value().text == "0\n1\n2\n3\n");
  ::close(leaky);
  CHECK(os::run({"cat"}).value().text.empty());
}

TEST_CASE("a missing program names its package") {
  const auto missing = os::run({"no-such-program-anywhere"});
  CHECK(missing.error().code == Code::kernel);
  ::setenv("TCLONE_OLD_PATH", std::getenv("PATH"), 1);
  ::setenv("PATH", "/nonexistent", 1);
  const auto thin = os::run({"thin_delta_is_not_here"});
  CHECK(thin.error().code == Code::kernel);
  CHECK(os::run({"sh", "-c", "true"}));  // the system folders are searched as well
  ::setenv("PATH", std::getenv("TCLONE_OLD_PATH"), 1);
  ::unsetenv("TCLONE_OLD_PATH");
}

TEST_CASE("a program that takes too long is killed with all it started") {
  const Scratch scratch;
  const auto before = std::chrono::steady_clock::now();
  const auto output =
      os::run({"sh", "-c", "echo waiting; (sleep 2; touch " + scratch.path("survived") + ") & sleep 60"}, 1);
  const auto took = std::chrono::steady_clock::now() - before;
  REQUIRE_FALSE(output);
  CHECK(output.error().why == "not done after 1 seconds, killed; it said: waiting");
  CHECK(took < std::chrono::seconds(4));
  ::sleep(2);
  CHECK_FALSE(std::filesystem::exists(scratch.path("survived")));
}

TEST_CASE("a grandchild that keeps the output open holds nobody up") {
  const auto before = std::chrono::steady_clock::now();
  CHECK(os::run({"sh", "-c", "echo done; sleep 3 &"}).value().text == "done\n");
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(2));
}

TEST_CASE("of much output the end is kept") {
  const auto output = os::run({"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; echo the end"});
  REQUIRE(output);
  CHECK(output->text.size() == 64 * 1024);
  CHECK(output->text.substr(output->text.size() - 9) == "xthe end\n");
}
