// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/host/pool_location.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "state/fields.h"
#include "state/files.h"
#include "state/records.h"

namespace tclone {
namespace {

using namespace state;

constexpr std::uint32_t kMostMiB = 0xffffffff;

template <class Io, class R>
void where_fields(Io& io, R& where) {
  io.pool_name("name", where.name);
  io.uuid("uuid", where.uuid);
  io.lines("paths", where.paths);
  io.flag("made_file", where.made_file);
  io.count("repairing", where.repairing, kMostMiB);
}

std::string file_of(const std::string& name) { return "pools/" + name + ".toml"; }

Result<Folder> open_folder(const std::string& etc) {
  UniqueFd fd(::open(etc.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, etc, "cannot open the folder");
  return Folder(std::move(fd));
}

/// These files are not in the state area: an error names them with their folder.
template <class R>
R located(const std::string& etc, R result) {
  if (!result && !result.error().object.starts_with("/")) result.error().object = etc + "/" + result.error().object;
  return result;
}

Result<std::int64_t> format_of(const Node& root) {
  for (const Node& item : root.items) {
    if (item.key == "format" && item.kind == Node::Kind::integer) return item.integer;
  }
  return fail(Code::damaged, "format", "is missing");
}

Status check_format(const Node& root, const std::string& shown) {
  const auto format = format_of(root);
  if (!format)
    return fail(Code::damaged, shown + ":1: format", "is missing or no number", "correct or remove the file");
  if (*format > kFormat) return fail(Code::damaged, shown, "written by a newer tclone", "use that version");
  if (*format < 1) return fail(Code::damaged, shown + ":1: format", "must be 1", "correct or remove the file");
  return {};
}

}  // namespace

Result<PoolLocation> read_pool_location(const std::string& etc, const std::string& name) {
  const std::string shown = etc + "/" + file_of(name);
  const auto missing = [&] {
    return fail(Code::not_found, name, "no such pool is known here",
                "`tclone pool list` shows those that are; `tclone pool import` brings one in");
  };
  if (wrong_pool_name(name) != nullptr) return missing();
  const auto folder = open_folder(etc);
  if (!folder) return missing();
  const auto read = read_whole(*folder, file_of(name));
  if (!read && read.error().code == Code::not_found) return missing();
  const std::string text = TC_TRY(located(etc, read));
  Node root = TC_TRY(parse_toml(shown, text));
  TC_CHECK(check_format(root, shown));
  std::erase_if(root.items, [](const Node& n) { return n.key == "format"; });
  PoolLocation where;
  // Only there while it is true.
  std::erase_if(root.items, [&](const Node& n) {
    const bool flag = n.key == "destroying" && n.kind == Node::Kind::boolean;
    if (flag) where.destroying = n.boolean;
    return flag;
  });
  Reader::Source source{shown, {}};
  Reader reader(source, root);
  where_fields(reader, where);
  reader.finish();
  TC_CHECK(source.status);
  if (where.name != name) return fail(Code::damaged, shown, "holds another pool's name", "correct or remove the file");
  if (where.paths.empty()) return fail(Code::damaged, shown, "names no device", "import the pool again");
  return where;
}

Status write_pool_location(const std::string& etc, const PoolLocation& where) {
  if (::mkdir(etc.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, etc, "cannot make the folder");
  const Folder folder = TC_TRY(open_folder(etc));
  if (::mkdirat(folder.fd(), "pools", 0755) != 0 && errno != EEXIST) {
    return fail_errno(errno, etc + "/pools", "cannot make the folder");
  }
  const std::string path = file_of(where.name);
  Writer::Sink sink{
      path, "# Where tclone finds this pool; written by `tclone pool create` and `import`.\nformat = 1\n", {}};
  Writer writer(sink);
  where_fields(writer, where);
  if (where.destroying) writer.flag("destroying", true);
  TC_CHECK(sink.status);
  if (auto written = write_temp_durably(folder, path, sink.out); !written) {
    remove_temp(folder, path);
    return located(etc, written);
  }
  TC_CHECK(located(etc, publish_temp(folder, path)));
  const UniqueFd pools(::openat(folder.fd(), "pools", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!pools) return fail_errno(errno, etc + "/pools", "cannot open the folder");
  return sync_file(pools.get(), etc + "/pools");
}

Status forget_pool_location(const std::string& etc, const std::string& name) {
  const auto folder = open_folder(etc);
  if (!folder) return {};
  TC_CHECK(located(etc, remove_file(*folder, file_of(name))));
  const UniqueFd pools(::openat(folder->fd(), "pools", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return pools ? sync_file(pools.get(), etc + "/pools") : Status{};
}

Result<std::vector<std::string>> known_pools(const std::string& etc) {
  std::vector<std::string> names;
  const auto folder = open_folder(etc);
  if (!folder || ::faccessat(folder->fd(), "pools", F_OK, 0) != 0) return names;
  for (std::string& name : TC_TRY(located(etc, list_toml(*folder, "pools")))) {
    if (wrong_pool_name(name) == nullptr) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Settings> read_settings(const std::string& etc) {
  Settings settings;
  const auto folder = open_folder(etc);
  if (!folder || !is_there(*folder, "tclone.toml")) return settings;
  const std::string shown = etc + "/tclone.toml";
  const std::string text = TC_TRY(located(etc, read_whole(*folder, "tclone.toml")));
  const Node root = TC_TRY(parse_toml(shown, text));
  for (const Node& item : root.items) {
    if (item.key == "format") continue;
    if (item.key != "default_pool" || item.kind != Node::Kind::text || wrong_pool_name(item.text) != nullptr) {
      return fail(Code::damaged, shown + ":" + std::to_string(item.line) + ": " + item.key,
                  item.key == "default_pool" ? "must be a pool's name" : "is no setting of tclone", "correct the file");
    }
    settings.default_pool = item.text;
  }
  return settings;
}

}  // namespace tclone
