// SPDX-License-Identifier: GPL-2.0-or-later
// A log made by hand, as dm-log-writes would have recorded it, and the images it must give.
#include "tests/lab/replay_log.h"

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/catch.h"

using namespace tclone::lab;

namespace {

constexpr std::uint64_t kSector = 512;

struct Folder {
  std::string path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "replay.XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
};

struct LogMaker {
  std::string bytes = std::string(kSector, '\0');
  std::uint64_t count = 0;

  template <class T>
  void put(std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
  void add(std::uint64_t sector, std::uint64_t sectors, std::uint64_t flags, const std::string& data = {}) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kSector);
    put(at, sector);
    put(at + 8, sectors);
    put(at + 16, flags);
    put<std::uint64_t>(at + 24, (flags & kMark) != 0 ? data.size() : 0);
    if ((flags & kMark) != 0) {
      std::memcpy(bytes.data() + at + 32, data.data(), data.size());
    } else {
      bytes += data;
    }
    ++count;
  }
  void write(const std::string& path, std::uint64_t magic = 0x6a736677736872ULL) {
    put(0, magic);
    put<std::uint64_t>(8, 1);
    put(16, count);
    put<std::uint32_t>(24, kSector);
    std::ofstream(path, std::ios::binary) << bytes;
  }
};

std::string fill(char c, std::size_t sectors) { return std::string(sectors * kSector, c); }

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

LogMaker sample() {
  LogMaker log;
  log.add(0, 2, 0, fill('a', 2));            // 0
  log.add(0, 0, kFlush);                     // 1: first barrier
  log.add(0, 0, kMark, "created db");        // 2
  log.add(1, 1, kFua, fill('b', 1));         // 3: second barrier
  log.add(0, 1, kDiscard);                   // 4
  log.add(4, 8, kMetadata, fill('c', 8));    // 5
  log.add(0, 0, kMark | kFlush, "the end");  // 6: third barrier
  return log;
}

}  // namespace

TEST_CASE("a log is read with its barriers and the text of its marks") {
  const Folder folder;
  sample().write(folder.path + "/log");
  auto log = Log::open(folder.path + "/log");
  REQUIRE(log);
  REQUIRE(log->entries().size() == 7);
  CHECK(log->barrier(1).value() == 1);
  CHECK(log->barrier(2).value() == 3);
  CHECK(log->barrier(3).value() == 6);
  CHECK(log->barrier(4).error().code == tclone::Code::not_found);
  CHECK(log->mark("created db").value() == 2);
  CHECK(log->mark("created").error().code == tclone::Code::not_found);
  CHECK(describe(log->entries()[3]) == "WRITE|FUA 512+512");
  CHECK(describe(log->entries()[4]) == "DISCARD 0+512");
  CHECK(describe(log->entries()[5]) == "WRITE|METADATA 2048+4096");
  CHECK(describe(log->entries()[6]) == "MARK the end");
}

TEST_CASE("an image holds exactly what was written up to the entry, and a discard reads as zeros") {
  const Folder folder;
  const std::string image = folder.path + "/image";
  sample().write(folder.path + "/log");
  const Log log = std::move(*Log::open(folder.path + "/log"));

  REQUIRE(bring_to(log, image, 2, "", 16 * kSector));
  CHECK(content(image) == fill('a', 2) + fill('\0', 14));
  REQUIRE(bring_to(log, image, 4, "", 16 * kSector));
  CHECK(content(image) == fill('a', 1) + fill('b', 1) + fill('\0', 14));
  REQUIRE(bring_to(log, image, 7, "", 16 * kSector));
  CHECK(content(image) == fill('\0', 1) + fill('b', 1) + fill('\0', 2) + fill('c', 8) + fill('\0', 4));
  // Backwards: made anew.
  REQUIRE(bring_to(log, image, 1, "", 16 * kSector));
  CHECK(content(image) == fill('a', 2) + fill('\0', 14));
}

TEST_CASE("a replay goes on from where the image stands and starts over when the cursor is gone") {
  const Folder folder;
  const std::string image = folder.path + "/image";
  sample().write(folder.path + "/log");
  const Log log = std::move(*Log::open(folder.path + "/log"));
  REQUIRE(bring_to(log, image, 4, "", 4 * kSector));
  // A byte that no entry after the fourth touches shows whether the image was made anew.
  { std::fstream(image, std::ios::in | std::ios::out | std::ios::binary).seekp(3 * kSector) << 'x'; }
  REQUIRE(bring_to(log, image, 5, "", 4 * kSector));
  CHECK(content(image)[3 * kSector] == 'x');
  std::filesystem::remove(image + ".cursor");
  REQUIRE(bring_to(log, image, 5, "", 4 * kSector));
  CHECK(content(image)[3 * kSector] == '\0');
}

TEST_CASE("a replay onto a base keeps what the log does not touch") {
  const Folder folder;
  sample().write(folder.path + "/log");
  const Log log = std::move(*Log::open(folder.path + "/log"));
  { std::ofstream(folder.path + "/base", std::ios::binary) << fill('z', 3); }
  REQUIRE(bring_to(log, folder.path + "/image", 1, folder.path + "/base", 0));
  CHECK(content(folder.path + "/image") == fill('a', 2) + fill('z', 1));
}

TEST_CASE("what is no log, or only the beginning of one, is refused") {
  const Folder folder;
  sample().write(folder.path + "/other", 1);
  CHECK(Log::open(folder.path + "/other").error().code == tclone::Code::damaged);
  LogMaker cut = sample();
  cut.count += 1;
  cut.write(folder.path + "/cut");
  CHECK(Log::open(folder.path + "/cut").error().code == tclone::Code::damaged);
  CHECK(Log::open(folder.path + "/none").error().code == tclone::Code::not_found);
}
