// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/probe.h"

#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <csignal>

#include "os/filesystem.h"
#include "unit/catch.h"
#include "unit/os/scratch.h"

using namespace tclone;

TEST_CASE("zeros and an empty file carry no signature") {
  const Scratch scratch;
  CHECK(os::signature(scratch.sparse("zeros", kMiB.n * 8)).value() == std::nullopt);
  CHECK(os::signature(scratch.sparse("empty", 0)).value() == std::nullopt);
  CHECK(os::filesystem(scratch.path("zeros")).value() == FsKind::none);
}

TEST_CASE("a filesystem is found with its kind and label") {
  const Scratch scratch;
  const auto ext4 = scratch.sparse("ext4", kMiB.n * 64);
  REQUIRE(os::make(ext4, FsKind::ext4, "data"));
  CHECK(os::signature(ext4).value() == "ext4 filesystem \"data\"");
  CHECK(os::filesystem(ext4).value() == FsKind::ext4);
  const auto xfs = scratch.sparse("xfs", kMiB.n * 512);
  REQUIRE(os::make(xfs, FsKind::xfs, ""));
  CHECK(os::signature(xfs).value() == "xfs filesystem");
  CHECK(os::filesystem(xfs).value() == FsKind::xfs);
}

TEST_CASE("a filesystem with a damaged checksum is still a signature") {
  const Scratch scratch;
  const auto file = scratch.sparse("ext4", kMiB.n * 64);
  REQUIRE(os::make(file, FsKind::ext4, ""));
  put(file, 1024 + 0x3fc, "junk");  // s_checksum
  CHECK(os::signature(file).value().has_value());
}

TEST_CASE("a partition table and swap space are signatures but no filesystem") {
  const Scratch scratch;
  const auto table = scratch.sparse("table", kMiB.n * 8);
  put(table, 446 + 4, "\x83");
  put(table, 446 + 9, "\x08");
  put(table, 446 + 13, "\x20");
  put(table, 510, "\x55\xaa");
  CHECK(os::signature(table).value() == "dos partition table");
  const auto swap = scratch.sparse("swap", kMiB.n * 8);
  put(swap, 1024, std::string("\1\0\0\0\xff\7\0\0", 8));
  put(swap, 4086, "SWAPSPACE2");
  CHECK(os::signature(swap).value().has_value());
  CHECK(os::filesystem(swap).value() == FsKind::none);
}

TEST_CASE("control characters of a label do not reach a message") {
  const Scratch scratch;
  const auto file = scratch.sparse("ext4", kMiB.n * 64);
  REQUIRE(os::make(file, FsKind::ext4, "a\033[2Jb"));
  CHECK(os::signature(file).value() == "ext4 filesystem \"a?[2Jb\"");
}

TEST_CASE("block_facts of a regular file tells its size") {
  const Scratch scratch;
  const auto facts = os::block_facts(scratch.sparse("file", 12345)).value();
  CHECK_FALSE(facts.block_device);
  CHECK(facts.size == Bytes{12345});
  CHECK(facts.logical_sector == 512);
  CHECK_FALSE(facts.read_only);
}

TEST_CASE("block_facts refuses what holds no blocks") {
  const Scratch scratch;
  CHECK(os::block_facts(scratch.path("missing")).error().code == Code::not_found);
  CHECK(os::block_facts(scratch.path("")).error().code == Code::usage);
  CHECK(os::block_facts("/dev/null").error().code == Code::usage);
  CHECK(os::signature(scratch.path("missing")).error().code == Code::not_found);
  CHECK(os::claimable(scratch.sparse("file", 4096)).error().code == Code::usage);
}

TEST_CASE("a process on a filesystem is among the holders of its device") {
  const Scratch scratch;
  struct stat st {};
  REQUIRE(::stat(scratch.path("").c_str(), &st) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (::chdir(scratch.path("").c_str()) != 0) ::_exit(1);
    for (;;) ::pause();
  }
  // As many as there is room for: on a busy machine others may come first, so only the shape is sure.
  const auto found = os::holders(major(st.st_dev), minor(st.st_dev));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK_FALSE(found.empty());
  CHECK(found.size() <= 32);
  for (const auto& holder : found) CHECK(holder.pid != ::getpid());
}

TEST_CASE("a holder is told in words") {
  const os::Holder process{812, "postgres", "/srv/db/base", {}};
  CHECK(process.text() == "process 812 (postgres) with /srv/db/base open");
  CHECK(os::Holder{0, "mount", "/srv/db", {}}.text() == "mounted at /srv/db");
  CHECK(os::Holder{0, "device-mapper device", "web1", {}}.text() == "device-mapper device web1");
  CHECK(os::in_use_text({}) == "in use, but no holder was found");
  CHECK(os::in_use_text({process}) == "in use: process 812 (postgres) with /srv/db/base open");
  CHECK(os::in_use_text(std::vector<os::Holder>(6, process)).find("and 2 more") != std::string::npos);
}
