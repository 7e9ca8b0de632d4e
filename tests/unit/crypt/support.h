// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of crypt/ share: a folder that goes away, secrets from text, headers on plain files.
#pragma once

#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "base/secret.h"
#include "crypt/luks/luks.h"
#include "unit/catch.h"

namespace tclone::crypt::test {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "tclone-crypt-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Secret secret_of(std::string_view text) {
  auto made = Secret::copy_of(std::as_bytes(std::span(text.data(), text.size())));
  REQUIRE(made);
  return std::move(*made);
}

inline std::string text_of(const Secret& secret) { return {secret.chars(), secret.size()}; }

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

constexpr std::size_t kHeader = 2ULL * 1024 * 1024;

/// A sparse file of 4 MiB with a header for a machine key.
struct Vaultlike {
  Folder folder;
  std::string path = folder / "disk";
  std::unique_ptr<Luks> luks;
  Secret key;
  Formatted made;

  explicit Vaultlike(std::uint32_t sector_size = 4096) {
    std::ofstream(path).close();
    std::filesystem::resize_file(path, 2 * kHeader);
    luks = open_luks();
    key = Secret::random(64).value();
    FormatRequest request;
    request.device = path;
    request.label = "tclone:web1";
    request.uuid = Uuid::random();
    request.sector_size = sector_size;
    auto formatted = luks->format(request, key);
    if (!formatted) FAIL(formatted.error().text());
    made = std::move(*formatted);
  }
};

/// Lets `edit` change the JSON of both header copies and makes their checksums right again: what somebody who can
/// write to the disk does. (LUKS2 on-disk format: 4 KiB binary header, SHA-256 at byte 448, JSON behind it.)
inline void tamper(const std::string& path, const std::function<void(std::string& json)>& edit) {
  constexpr std::size_t kCopy = 16ULL * 1024;
  constexpr std::size_t kBinary = 4096;
  constexpr std::size_t kSum = 448;
  std::string disk = read_file(path);
  for (const std::size_t start : {std::size_t{0}, kCopy}) {
    std::string json = disk.substr(start + kBinary, kCopy - kBinary).c_str();
    const std::string before = json;
    edit(json);
    REQUIRE(json != before);
    json.resize(kCopy - kBinary, '\0');
    disk.replace(start + kBinary, json.size(), json);
    disk.replace(start + kSum, 64, std::string(64, '\0'));
    const std::string copy = path + ".copy";
    write_file(copy, disk.substr(start, kCopy));
    FILE* program = popen(("sha256sum " + copy).c_str(), "r");
    REQUIRE(program != nullptr);
    char digits[65] = {};
    REQUIRE(std::fread(digits, 1, 64, program) == 64);
    pclose(program);
    for (std::size_t i = 0; i < 32; ++i) {
      disk[start + kSum + i] = static_cast<char>(std::stoi(std::string(digits + 2 * i, 2), nullptr, 16));
    }
  }
  write_file(path, disk);
}

inline void replace_text(std::string& text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace tclone::crypt::test
