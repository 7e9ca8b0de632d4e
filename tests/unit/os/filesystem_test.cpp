// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/filesystem.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/probe.h"
#include "unit/catch.h"
#include "unit/os/scratch.h"

using namespace tclone;

namespace {

std::string features(const std::string& file) { return os::run({"dumpe2fs", file}).value().text; }

}  // namespace

TEST_CASE("a fresh ext4 sets little space aside and checks clean") {
  const Scratch scratch;
  const auto small = scratch.sparse("small", kGiB.n);
  REQUIRE(os::make(small, FsKind::ext4, "db"));
  CHECK(allocated(small) < kMiB.n);
  CHECK(os::run({"e2fsck", "-f", "-n", small}));
  const auto large = scratch.sparse("large", kGiB.n * 100);
  REQUIRE(os::make(large, FsKind::ext4, "db"));
  CHECK(allocated(large) < kMiB.n * 8);
}

TEST_CASE("an ext4 changes its UUID cheaply and leaves nothing for the kernel to zero") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kGiB.n);
  REQUIRE(os::make(file, FsKind::ext4, "db"));
  const auto told = features(file);
  CHECK(told.find("metadata_csum_seed") != std::string::npos);
  CHECK(told.find("resize_inode") != std::string::npos);
  CHECK(told.find("has_journal") != std::string::npos);
  CHECK(told.find("sparse_super2") == std::string::npos);  // would forbid growing online
  const bool told_kernel =
      told.find("Mount options:") != std::string::npos && told.find("noinit_itable") != std::string::npos;
  CHECK((told.find("ITABLE_ZEROED") != std::string::npos || told_kernel));
}

TEST_CASE("an older mkfs.ext4 is asked for less, and the kernel told not to zero") {
  const Scratch scratch;
  const auto real = os::run({"sh", "-c", "command -v mkfs.ext4"}).value().text;
  const auto old = scratch.with("mkfs.ext4",
                                "#!/bin/sh\ncase \"$*\" in *prezeroed*) echo 'Bad option(s) specified: "
                                "assume_storage_prezeroed' >&2; exit 1;; esac\nexec " +
                                    real.substr(0, real.size() - 1) + " \"$@\"\n");
  std::filesystem::permissions(old, std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (scratch.path("") + ":" + path).c_str(), 1);
  const auto file = scratch.sparse("file", kGiB.n);
  const auto made = os::make(file, FsKind::ext4, "db");
  ::setenv("PATH", path.c_str(), 1);
  REQUIRE(made);
  CHECK(features(file).find("noinit_itable") != std::string::npos);
  CHECK(os::run({"e2fsck", "-f", "-n", file}));
}

TEST_CASE("a fresh xfs sets no more aside than its smallest log") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kTiB.n);
  REQUIRE(os::make(file, FsKind::xfs, "db"));
  CHECK(allocated(file) < kMiB.n * 72);
  CHECK(os::run({"xfs_repair", "-n", "-f", file}));
}

TEST_CASE("nothing is made over something") {
  const Scratch scratch;
  for (const auto first : {FsKind::ext4, FsKind::xfs}) {
    const auto file = scratch.sparse("file", kMiB.n * 512);
    REQUIRE(os::make(file, first, "precious"));
    for (const auto second : {FsKind::ext4, FsKind::xfs}) {
      const auto refused = os::make(file, second, "new");
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == Code::exists);
      CHECK(refused.error().why.find("precious") != std::string::npos);
    }
  }
}

TEST_CASE("a device too small for its filesystem is the caller's mistake") {
  const Scratch scratch;
  const auto xfs = os::make(scratch.sparse("xfs", kMiB.n * 8), FsKind::xfs, "");
  CHECK(xfs.error().code == Code::usage);
  CHECK(xfs.error().why == "too small for xfs");
  const auto ext4 = os::make(scratch.sparse("ext4", 8192), FsKind::ext4, "");
  CHECK(ext4.error().code == Code::usage);
  CHECK(ext4.error().why == "too small for ext4");
}

TEST_CASE("no filesystem wanted means that nothing is written") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n);
  CHECK(os::make(file, FsKind::none, "x"));
  CHECK(allocated(file) == 0);
  CHECK(os::grow(file, FsKind::none, ""));
}

TEST_CASE("labels are cut to what fits, between characters") {
  const Scratch scratch;
  const auto ext4 = scratch.sparse("ext4", kMiB.n * 64);
  REQUIRE(os::make(ext4, FsKind::ext4, "123456789012345\xc3\xa4"));
  CHECK(os::signature(ext4).value() == "ext4 filesystem \"123456789012345\"");
  const auto xfs = scratch.sparse("xfs", kMiB.n * 512);
  REQUIRE(os::make(xfs, FsKind::xfs, "a name too long"));
  CHECK(os::signature(xfs).value() == "xfs filesystem \"a_name_too_l\"");
}

TEST_CASE("an unmounted ext4 grows to its device") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n * 64);
  REQUIRE(os::make(file, FsKind::ext4, ""));
  std::filesystem::resize_file(file, kMiB.n * 256);
  REQUIRE(os::grow(file, FsKind::ext4, ""));
  CHECK(features(file).find("Block count:              65536") != std::string::npos);
  CHECK(os::grow(file, FsKind::ext4, ""));  // nothing left to do
}

TEST_CASE("a damaged ext4 is not grown") {
  const Scratch scratch;
  const auto file = scratch.sparse("file", kMiB.n * 64);
  REQUIRE(os::make(file, FsKind::ext4, ""));
  put(file, 0, noise(kMiB.n * 48));
  CHECK(os::grow(file, FsKind::ext4, "").error().code == Code::damaged);
}

TEST_CASE("mount options that ask for something else are refused") {
  const Scratch scratch;
  os::MountRequest request;
  request.device = scratch.sparse("file", 4096);
  request.folder = scratch.path("");
  for (const char* options : {"bind", "noatime,remount", "loop=/dev/loop0"}) {
    request.options = options;
    CHECK(os::mount(request).error().code == Code::usage);
  }
}

TEST_CASE("mount points are told from folders") {
  const Scratch scratch;
  CHECK(os::mounted_device("/proc").value().has_value());
  CHECK(os::mounted_device("/proc/").value().has_value());
  CHECK_FALSE(os::mounted_device(scratch.path("")).value().has_value());
  CHECK_FALSE(os::mounted_device(scratch.path("missing")).value().has_value());
  CHECK(os::unmount(scratch.path("")).error().code == Code::not_found);
}

TEST_CASE("all mounts together say of a device what is said of it alone") {
  struct stat st {};
  REQUIRE(::stat("/proc", &st) == 0);
  const auto alone = os::mount_points(major(st.st_dev), minor(st.st_dev)).value();
  REQUIRE_FALSE(alone.empty());
  const auto all = os::mounts().value();
  const auto [first, last] = all.equal_range({major(st.st_dev), minor(st.st_dev)});
  std::vector<std::string> together;
  for (auto mount = first; mount != last; ++mount) together.push_back(mount->second);
  CHECK(together == alone);
}
