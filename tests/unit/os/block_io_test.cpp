// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/block_io.h"

#include "os/probe.h"
#include "unit/catch.h"
#include "unit/os/scratch.h"

using namespace tclone;

TEST_CASE("zero writes real zeros into its range and nowhere else") {
  const Scratch scratch;
  const std::string before = noise(300000);
  const auto file = scratch.with("file", before);
  for (const auto& [start, length] :
       {std::pair<std::size_t, std::size_t>{4096, 8192}, {1, 5000}, {299999, 1}, {7, 0}}) {
    put(file, 0, before);
    REQUIRE(os::zero(file, Bytes{start}, Bytes{length}));
    std::string expected = before;
    expected.replace(start, length, length, '\0');
    CHECK(content(file) == expected);
  }
}

TEST_CASE("zero allocates what it zeroes") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n * 4);
  REQUIRE(os::zero(file, Bytes{0}, kMiB * 3));
  CHECK(allocated(file) >= kMiB.n * 3);
}

TEST_CASE("no range reaches beyond the end") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", 8192);
  CHECK(os::zero(file, Bytes{4096}, Bytes{8192}).error().code == Code::usage);
  CHECK(os::zero(file, Bytes{4096}, Bytes{~0ULL}).error().code == Code::usage);
  CHECK(os::discard(file, Bytes{16384}, Bytes{0}).error().code == Code::usage);
  CHECK(os::touch(file, Bytes{0}, Bytes{12288}, Bytes{4096}).error().code == Code::usage);
  CHECK(std::filesystem::file_size(file) == 8192);
}

TEST_CASE("discard gives a file's blocks back and leaves the rest") {
  const Scratch scratch;
  const std::string before = noise(kMiB.n * 2);
  const auto file = scratch.with("file", before);
  REQUIRE(os::discard(file, kMiB, kMiB));
  std::string expected = before;
  expected.replace(kMiB.n, kMiB.n, kMiB.n, '\0');
  CHECK(content(file) == expected);
  CHECK(allocated(file) < kMiB.n * 3 / 2);
}

TEST_CASE("touch allocates one block a step and changes nothing") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n * 8);
  put(file, kMiB.n, "here");
  const std::string before = content(file);
  REQUIRE(os::touch(file, Bytes{0}, kMiB * 4, kMiB));
  CHECK(content(file) == before);
  CHECK(allocated(file) == 4 * 4096);
}

TEST_CASE("touch can write the whole of each step, so that a sparse file has all of it") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n * 8);
  REQUIRE(os::touch(file, kMiB, kMiB * 3, kMiB, os::Sync::now, kMiB));
  CHECK(allocated(file) == kMiB.n * 3);
}

TEST_CASE("what a file is to hold is allocated for it, and how much could not be is told") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n * 8);
  REQUIRE(os::allocate(file, kMiB, kMiB * 2));
  CHECK(allocated(file) == kMiB.n * 2);
  CHECK(os::missing_room(file) == Bytes{0});
  const auto huge = scratch.sparse("huge", kTiB.n * 4);
  CHECK(os::allocate(huge, kMiB, kTiB * 3).error().code == Code::no_space);
  CHECK(allocated(huge) == 0);
  CHECK(*os::missing_room(huge) > kTiB);
}

TEST_CASE("touch takes multiples of 4096 only") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n);
  CHECK(os::touch(file, Bytes{512}, Bytes{4096}, Bytes{4096}).error().code == Code::usage);
  CHECK(os::touch(file, Bytes{0}, Bytes{4097}, Bytes{4096}).error().code == Code::usage);
  CHECK(os::touch(file, Bytes{0}, Bytes{4096}, Bytes{0}).error().code == Code::usage);
}

TEST_CASE("what is missing is not found") {
  CHECK(os::zero("/nonexistent/file", Bytes{0}, Bytes{1}).error().code == Code::not_found);
  CHECK(os::zero("/dev/null", Bytes{0}, Bytes{1}).error().code == Code::usage);
}
