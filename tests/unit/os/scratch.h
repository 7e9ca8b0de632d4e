// SPDX-License-Identifier: GPL-2.0-or-later
// A folder for one test, removed with it.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "tclone-fs-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  /// A file of nothing but a hole.
  [[nodiscard]] std::string sparse(const std::string& name, std::uintmax_t size) const {
    std::ofstream(path(name)).close();
    std::filesystem::resize_file(path(name), size);
    return path(name);
  }
  [[nodiscard]] std::string with(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::string folder_;
};

inline void put(const std::string& path, std::uintmax_t at, const std::string& text) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file << text;
}

inline std::string content(const std::string& path) {
  std::string out(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary).read(out.data(), static_cast<std::streamsize>(out.size()));
  return out;
}

/// Bytes the filesystem has really set aside.
inline std::uintmax_t allocated(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) std::abort();
  return static_cast<std::uintmax_t>(st.st_blocks) * 512;
}

inline std::string noise(std::size_t size, unsigned seed = 1) {
  std::string out(size, '\0');
  for (char& c : out) {
    seed = seed * 1664525U + 1013904223U;
    c = static_cast<char>(seed >> 24U);
  }
  return out;
}
