// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/stat.h>
#include <unistd.h>

#include "crypt/keys/key_source.h"
#include "tests/unit/crypt/support.h"

using namespace tclone;
using namespace tclone::crypt;
using namespace tclone::crypt::test;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

Result<Secret> read(const std::string& path) {
  return read_secret({"file", path}, {"/nonexistent"}, Uuid{}, "vault web1", Purpose::unlock);
}

void expect_refused(const std::string& path, const std::string& word) {
  const auto result = read(path);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Code::key);
  CHECK_THAT(result.error().text(), tclone::test::ContainsSubstring(word));
  CHECK_THAT(result.error().text(), tclone::test::ContainsSubstring(path));
}

}  // namespace

TEST_CASE("a generated key file is 64 random bytes for its owner only, in a folder for its owner only") {
  const Folder folder;
  const KeyFolder keys{folder / "etc/tclone/keys"};
  const Uuid vault = Uuid::random();
  const auto made = make_key_file(keys, vault);
  REQUIRE(made);
  CHECK(made->size() == 64);
  CHECK(mode_of(keys.path) == 0700);
  CHECK(mode_of(keys.file_of(vault)) == 0600);
  CHECK(read_file(keys.file_of(vault)) == text_of(*made));
  const auto read_back = read_secret({"file", ""}, keys, vault, "vault web1", Purpose::unlock);
  REQUIRE(read_back);
  CHECK(read_back->same_as(*made));
}

TEST_CASE("a generated key file is made 0600 whatever the umask is") {
  const Folder folder;
  const mode_t before = umask(0);
  const auto made = make_key_file({folder / "keys"}, Uuid{});
  umask(before);
  REQUIRE(made);
  CHECK(mode_of(folder / "keys") == 0700);
  CHECK(mode_of(KeyFolder{folder / "keys"}.file_of(Uuid{})) == 0600);
}

TEST_CASE("an existing key file is never overwritten, nor a dangling link followed") {
  const Folder folder;
  const KeyFolder keys{folder / "keys"};
  const Uuid vault = Uuid::random();
  REQUIRE(mkdir(keys.path.c_str(), 0700) == 0);
  SECTION("file") { write_file(keys.file_of(vault), "precious"); }
  SECTION("dangling link") { std::filesystem::create_symlink(folder / "elsewhere", keys.file_of(vault)); }
  const std::string before = read_file(keys.file_of(vault));
  const auto made = make_key_file(keys, vault);
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Code::exists);
  CHECK(read_file(keys.file_of(vault)) == before);
  CHECK_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST_CASE("a folder that others may write to gets no key") {
  const Folder folder;
  const KeyFolder keys{folder / "keys"};
  REQUIRE(mkdir(keys.path.c_str(), 0700) == 0);
  REQUIRE(chmod(keys.path.c_str(), 0770) == 0);
  const auto made = make_key_file(keys, Uuid{});
  REQUIRE_FALSE(made);
  CHECK(made.error().code == Code::key);
}

TEST_CASE("removing a key file overwrites it, and one that is not there is no error") {
  const Folder folder;
  const KeyFolder keys{folder / "keys"};
  const Uuid vault = Uuid::random();
  CHECK(remove_key_file(keys, vault));
  const auto made = make_key_file(keys, vault);
  REQUIRE(made);
  const std::string second_name = folder / "link";
  std::filesystem::create_hard_link(keys.file_of(vault), second_name);
  REQUIRE(remove_key_file(keys, vault));
  CHECK_FALSE(std::filesystem::exists(keys.file_of(vault)));
  CHECK(read_file(second_name) != text_of(*made));
  CHECK(remove_key_file(keys, vault));
}

TEST_CASE("of a key file that somebody has moved away and linked to only the link is removed") {
  const Folder folder;
  const KeyFolder keys{folder / "keys"};
  const Uuid vault = Uuid::random();
  REQUIRE(make_key_file(keys, vault));
  const std::string elsewhere = folder / "elsewhere";
  std::filesystem::rename(keys.file_of(vault), elsewhere);
  std::filesystem::create_symlink(elsewhere, keys.file_of(vault));
  const std::string before = read_file(elsewhere);
  REQUIRE(remove_key_file(keys, vault));
  CHECK_FALSE(std::filesystem::is_symlink(keys.file_of(vault)));
  CHECK(read_file(elsewhere) == before);
  std::filesystem::create_symlink(folder / "nowhere", keys.file_of(vault));
  REQUIRE(remove_key_file(keys, vault));
  CHECK_FALSE(std::filesystem::is_symlink(keys.file_of(vault)));
}

TEST_CASE("a key file is used byte for byte, its last newline and zeros included") {
  const Folder folder;
  const std::string content("bin\0ary\n\n", 9);
  write_file(folder / "k", content);
  const auto secret = read(folder / "k");
  REQUIRE(secret);
  CHECK(text_of(*secret) == content);
}

TEST_CASE("a key file that group or others may use is refused, with the way to mend it") {
  const Folder folder;
  write_file(folder / "k", "secret");
  for (const mode_t loose : {0640U, 0604U, 0620U, 0601U, 0666U}) {
    REQUIRE(chmod((folder / "k").c_str(), loose) == 0);
    expect_refused(folder / "k", "chmod 600");
  }
  REQUIRE(chmod((folder / "k").c_str(), 0400) == 0);
  CHECK(read(folder / "k"));
}

TEST_CASE("a key file of another user is refused") {
  if (geteuid() != 0) return;  // only root can give files away
  const Folder folder;
  write_file(folder / "k", "secret");
  REQUIRE(chown((folder / "k").c_str(), 65534, 0) == 0);
  expect_refused(folder / "k", "65534");
}

TEST_CASE("a link to a key file is followed and what it points to is judged") {
  const Folder folder;
  write_file(folder / "k", "secret");
  std::filesystem::create_symlink(folder / "k", folder / "link");
  CHECK(read(folder / "link"));
  REQUIRE(chmod((folder / "k").c_str(), 0644) == 0);
  expect_refused(folder / "link", "others may use");
}

TEST_CASE("what is no regular file is refused without waiting for it") {
  const Folder folder;
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  expect_refused(folder / "fifo", "regular file");
  expect_refused(folder.path(), "regular file");
  expect_refused("/dev/zero", "regular file");
}

TEST_CASE("missing, empty and huge key files are refused") {
  const Folder folder;
  expect_refused(folder / "none", "cannot open");
  write_file(folder / "empty", "");
  expect_refused(folder / "empty", "empty");
  write_file(folder / "most", "");
  std::filesystem::resize_file(folder / "most", 8 * 1024 * 1024);
  const auto most = read(folder / "most");
  REQUIRE(most);
  CHECK(most->size() == 8 * 1024 * 1024);
  std::filesystem::resize_file(folder / "most", 8 * 1024 * 1024 + 1);
  expect_refused(folder / "most", "8 MiB");
}
