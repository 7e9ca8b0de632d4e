// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/device_names.h"

#include <string_view>

namespace tclone::device_names {
namespace {

constexpr std::string_view kTool = "tclone-";
constexpr std::size_t kMaxName = 127;  // DM_NAME_LEN - 1, linux/dm-ioctl.h

std::string layer(const std::string& pool, std::string_view name) { return prefix(pool).append("_").append(name); }

std::string vault_layer(const std::string& pool, ThinId outer, std::string_view name) {
  return layer(pool, std::to_string(outer.n)).append(".").append(name);
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._@+:#=-").find(c) != std::string_view::npos;
}

}  // namespace

std::string prefix(const std::string& pool) { return std::string(kTool) + pool + "-"; }
std::string volume(const std::string& pool, const std::string& volume) { return prefix(pool) + volume; }
std::string version(const std::string& pool, const std::string& volume, std::uint64_t number) {
  return prefix(pool) + volume + "@" + std::to_string(number);
}

std::string view(const std::string& version) { return version + kView; }

std::string state(const std::string& pool) { return layer(pool, "state"); }
std::string metadata(const std::string& pool) { return layer(pool, "meta"); }
std::string spare(const std::string& pool) { return layer(pool, "spare"); }
std::string data(const std::string& pool) { return layer(pool, "data"); }
std::string outer_pool(const std::string& pool) { return layer(pool, "pool"); }

std::string vault_thin(const std::string& pool, ThinId outer) { return vault_layer(pool, outer, "thin"); }
std::string vault_crypt(const std::string& pool, ThinId outer) { return vault_layer(pool, outer, "crypt"); }
std::string vault_metadata(const std::string& pool, ThinId outer) { return vault_layer(pool, outer, "meta"); }
std::string vault_data(const std::string& pool, ThinId outer) { return vault_layer(pool, outer, "data"); }
std::string vault_pool(const std::string& pool, ThinId outer) { return vault_layer(pool, outer, "pool"); }
std::vector<std::string> vault_layers(const std::string& pool, ThinId outer) {
  return {vault_pool(pool, outer), vault_data(pool, outer), vault_metadata(pool, outer), vault_crypt(pool, outer),
          vault_thin(pool, outer)};
}

bool hidden(const std::string& name) {
  if (name.compare(0, kTool.size(), kTool) != 0) return false;
  const std::size_t dash = name.find('-', kTool.size());  // a pool's name has no dash
  return dash != std::string::npos && dash + 1 < name.size() && name[dash + 1] == '_';
}

bool valid(const std::string& name) {
  if (name.empty() || name.size() > kMaxName || name == "." || name == "..") return false;
  for (const char c : name) {
    if (!is_name_char(c)) return false;
  }
  return true;
}

std::string uuid(const Uuid& owner, const std::string& suffix) { return "TCLONE-" + owner.compact() + "-" + suffix; }

}  // namespace tclone::device_names
