// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/block_io.h"
#include "unit/catch.h"
#include "unit/os/scratch.h"

using namespace tclone;

TEST_CASE("an image of any size arrives whole, followed by zeros") {
  const Scratch scratch;
  for (const std::size_t size : {1UL, 511UL, 4096UL, 65537UL, 1048576UL, 3000001UL}) {
    const std::string image = noise(size);
    const auto source = scratch.with("source", image);
    const auto target = scratch.sparse("target", kMiB.n * 4);
    REQUIRE(os::copy_image(source, target, {}, {}));
    CHECK(content(target) == image + std::string(kMiB.n * 4 - size, '\0'));
  }
}

TEST_CASE("an odd image fits a file just as large") {
  const Scratch scratch;
  const std::string image = noise(70001);
  const auto target = scratch.sparse("target", image.size());
  REQUIRE(os::copy_image(scratch.with("source", image), target, {}, {}));
  CHECK(content(target) == image);
}

TEST_CASE("what follows an odd image in its last sector becomes zeros") {
  const Scratch scratch;
  const auto target = scratch.with("target", noise(8192, 7));
  REQUIRE(os::copy_image(scratch.with("source", noise(100)), target, {}, {}));
  CHECK(content(target) == noise(100) + std::string(3996, '\0') + noise(8192, 7).substr(4096));
}

TEST_CASE("an empty image writes nothing") {
  const Scratch scratch;
  const auto target = scratch.sparse("target", kMiB.n);
  REQUIRE(os::copy_image(scratch.sparse("source", 0), target, {}, {}));
  CHECK(allocated(target) == 0);
}

TEST_CASE("holes and zeros of the source stay unallocated in the target") {
  const Scratch scratch;
  const auto source = scratch.sparse("source", kGiB.n * 4);
  put(source, kMiB.n * 3 + 12345, noise(200000));
  put(source, kGiB.n * 3, noise(10));
  put(source, kGiB.n, std::string(kMiB.n * 5, '\0'));  // written, but zeros
  const auto target = scratch.sparse("target", kGiB.n * 4);
  REQUIRE(os::copy_image(source, target, {}, {}));
  CHECK(allocated(target) < 500000);
  std::ifstream in(target, std::ios::binary);
  std::string got(200000, 'x');
  in.seekg(static_cast<std::streamoff>(kMiB.n * 3 + 12345));
  in.read(got.data(), 200000);
  CHECK(got == noise(200000));
  in.seekg(static_cast<std::streamoff>(kGiB.n * 3));
  in.read(got.data(), 10);
  CHECK(got.substr(0, 10) == noise(10));
}

TEST_CASE("progress never runs backwards and ends at the total") {
  const Scratch scratch;
  const auto source = scratch.with("source", noise(kMiB.n * 8));
  const auto target = scratch.sparse("target", kMiB.n * 8);
  Bytes last{0};
  unsigned calls = 0;
  const auto progress = [&](Bytes done, Bytes total) {
    CHECK(done >= last);
    CHECK(total == kMiB * 8);
    last = done;
    ++calls;
  };
  REQUIRE(os::copy_image(source, target, progress, {}));
  CHECK(last == kMiB * 8);
  CHECK(calls >= 1);
}

TEST_CASE("a copy stops when it is asked to") {
  const Scratch scratch;
  const auto source = scratch.with("source", noise(kMiB.n * 8));
  const auto target = scratch.sparse("target", kMiB.n * 8);
  unsigned asked = 0;
  const auto stopped = os::copy_image(source, target, {}, [&] { return ++asked == 4; });
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().why.find("stopped") != std::string::npos);
  CHECK(allocated(target) <= kMiB.n * 4);
}

TEST_CASE("a source that changes its size is an error") {
  const Scratch scratch;
  for (const std::uintmax_t size : {kMiB.n * 2 + 100, kMiB.n * 9}) {
    const auto source = scratch.with("source", noise(kMiB.n * 8));
    const auto target = scratch.sparse("target", kMiB.n * 8);
    unsigned asked = 0;
    const auto result = os::copy_image(source, target, {}, [&] {
      if (++asked == 2) std::filesystem::resize_file(source, size);
      return false;
    });
    REQUIRE_FALSE(result);
    CHECK(result.error().why == "changed its size while it was copied");
  }
}

TEST_CASE("a target that is too small or the source itself is refused untouched") {
  const Scratch scratch;
  const auto source = scratch.with("source", noise(8192));
  const auto target = scratch.sparse("target", 4096);
  CHECK(os::copy_image(source, target, {}, {}).error().code == Code::usage);
  CHECK(allocated(target) == 0);
  CHECK(os::copy_image(source, source, {}, {}).error().code == Code::usage);
  CHECK(os::copy_image(scratch.path("missing"), target, {}, {}).error().code == Code::not_found);
}
