// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/secret.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <type_traits>

#include "unit/catch.h"

using tclone::Secret;

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);

namespace {

Secret of(std::string_view text) {
  auto made = Secret::copy_of(std::as_bytes(std::span(text.data(), text.size())));
  REQUIRE(made);
  return std::move(*made);
}

bool mapped(const void* at) {
  unsigned char state = 0;
  return mincore(const_cast<void*>(at), 1, &state) == 0 || errno != ENOMEM;
}

/// The VmFlags of the mapping that holds the address, as /proc/self/smaps tells them.
std::string flags_of(const void* at) {
  std::ifstream in("/proc/self/smaps");
  std::string line;
  bool inside = false;
  while (std::getline(in, line)) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) {
      const auto address = reinterpret_cast<unsigned long>(at);
      inside = from <= address && address < to;
    }
    if (inside && line.rfind("VmFlags:", 0) == 0) return line + " ";
  }
  return "";
}

}  // namespace

TEST_CASE("a secret keeps the bytes it was made of, zeros and newlines included") {
  const std::string text("a\0b\n", 4);
  const Secret secret = of(text);
  REQUIRE(secret.size() == 4);
  CHECK(std::memcmp(secret.chars(), text.data(), 4) == 0);
}

TEST_CASE("an empty secret has no pages but a pointer for C") {
  const Secret secret = of("");
  CHECK(secret.empty());
  REQUIRE(secret.chars() != nullptr);
  CHECK(*secret.chars() == '\0');
}

TEST_CASE("a moved-from secret is empty and the bytes are in one place only") {
  Secret first = of("s3cret");
  const void* at = first.chars();
  const Secret second = std::move(first);
  // NOLINTBEGIN(bugprone-use-after-move,clang-analyzer-cplusplus.Move): that is the test
  CHECK(first.empty());
  CHECK(first.bytes().data() == nullptr);
  // NOLINTEND(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
  CHECK(second.chars() == at);
}

TEST_CASE("assigning over a secret and destroying it give its pages back") {
  const void* overwritten = nullptr;
  const void* destroyed = nullptr;
  {
    Secret target = of("old");
    overwritten = target.chars();
    target = of("new");
    destroyed = target.chars();
    CHECK(std::memcmp(target.chars(), "new", 3) == 0);
    CHECK_FALSE(mapped(overwritten));
    CHECK(mapped(destroyed));
  }
  CHECK_FALSE(mapped(destroyed));
}

TEST_CASE("assigning a secret to itself keeps it") {
  Secret secret = of("kept");
  Secret& same = secret;
  secret = std::move(same);
  REQUIRE(secret.size() == 4);
  CHECK(std::memcmp(secret.chars(), "kept", 4) == 0);
}

TEST_CASE("what truncate cuts off is wiped in memory") {
  Secret secret = of("visible-hidden");
  const char* all = secret.chars();
  secret.truncate(7);
  CHECK(secret.size() == 7);
  CHECK(std::memcmp(all, "visible\0\0\0\0\0\0\0", 14) == 0);
  secret.truncate(100);
  CHECK(secret.size() == 7);
}

TEST_CASE("secrets are the same only when size and every byte agree") {
  CHECK(of("abc").same_as(of("abc")));
  CHECK_FALSE(of("abc").same_as(of("abd")));
  CHECK_FALSE(of("abc").same_as(of("ab")));
  CHECK(of("").same_as(of("")));
}

TEST_CASE("random secrets differ and are not zero") {
  const auto one = Secret::random(64);
  const auto two = Secret::random(64);
  const auto zero = Secret::make(64);
  REQUIRE((one && two && zero));
  CHECK_FALSE(one->same_as(*two));
  CHECK_FALSE(one->same_as(*zero));
}

TEST_CASE("pages of a secret are left out of core dumps and of children") {
  const Secret secret = of("s3cret");
  const std::string flags = flags_of(secret.chars());
  if (flags.empty()) return;  // a kernel without CONFIG_PROC_PAGE_MONITOR does not tell
  CHECK(flags.find(" dd ") != std::string::npos);
  CHECK(flags.find(" dc ") != std::string::npos);
}

TEST_CASE("a child that reads its parent's secret dies of it") {
  const Secret secret = of("s3cret");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    _exit(*static_cast<const volatile char*>(secret.chars()) == 's' ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}
