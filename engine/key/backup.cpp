// SPDX-License-Identifier: GPL-2.0-or-later
// key backup and restore: the header with its slots, off the pool.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "engine/core/lookup.h"
#include "engine/protocol/begin.h"
#include "engine/protocol/work_mark.h"
#include "engine/stack/vault_header.h"
#include "engine/stack/vault_layers.h"
#include "engine/stack/vault_stack.h"

namespace tclone::engine {
namespace {

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// The device-mapper name of tclone's that a block device is, or stands on; "" for none. Devices below others are
/// followed (LVM, md and so on), filesystems of their own numbering (btrfs) are not seen through.
std::string tclone_below(const std::string& dev, int depth) {
  const std::filesystem::path place = "/sys/dev/block/" + dev;
  std::string name = first_line(place / "dm/name");
  if (name.starts_with("tclone-")) return name;
  if (depth == 0) return {};
  std::error_code ignored;
  for (std::filesystem::directory_iterator it(place / "slaves", ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    std::string found = tclone_below(first_line(it->path() / "dev"), depth - 1);
    if (!found.empty()) return found;
  }
  return {};
}

/// A backup that dies with what it is a backup of is none.
Status refuse_on_pool(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  struct stat st {};
  if (::stat(folder.c_str(), &st) != 0) return fail_errno(errno, folder.string(), "cannot look at the folder");
  const std::string dev = std::to_string(major(st.st_dev)) + ":" + std::to_string(minor(st.st_dev));
  const std::string name = tclone_below(dev, 4);
  if (name.empty()) return {};
  return fail(Code::usage, file, "it would lie on " + name + ", in a pool", "keep it away from what it is a copy of");
}

/// What Luks::backup refuses by itself, for a dry run.
Status refuse_existing(const std::string& file) {
  struct stat st {};
  if (::lstat(file.c_str(), &st) != 0) return {};
  return fail(Code::exists, file, "exists already, and is not overwritten");
}

Result<std::string> absolute(const std::string& file) {
  std::error_code error;
  const auto made = std::filesystem::absolute(file, error);
  if (error) return fail(Code::usage, file, "the path cannot be made absolute");
  return made.lexically_normal().string();
}

Outcome told(const std::string& operation, const std::string& name, const std::string& step) {
  Outcome out;
  out.operation = operation;
  out.name = name;
  out.steps.push_back({step, 0});
  return out;
}

}  // namespace

Result<Outcome> key_backup(Env& env, const Named& r, const std::string& asked) {
  const std::string what = "key backup " + r.name;
  const auto run = [&]() -> Result<Outcome> {
    const std::string file = TC_TRY(absolute(asked));
    TC_CHECK(refuse_on_pool(file));
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    const Vault v = TC_TRY(encrypted_vault(s, r.name));
    Outcome out = told(what, r.name, "save the LUKS2 header of vault " + v.name + " in " + file);
    if (env.dry_run) {
      TC_CHECK(refuse_existing(file));
      return out;
    }
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    const auto act = [&](const std::string& device) -> Status {
      TC_CHECK(check_header(s, v, device));
      return s.env.luks.backup(device, file);
    };
    TC_CHECK(with_header(s, w, v, act));
    return out;
  };
  return attempted(run(), what);
}

Result<Outcome> key_restore(Env& env, const Named& r, const std::string& asked) {
  const std::string what = "key restore " + r.name;
  const auto run = [&]() -> Result<Outcome> {
    const std::string file = TC_TRY(absolute(asked));
    struct stat st {};
    if (::stat(file.c_str(), &st) != 0) return fail_errno(errno, file, "cannot look at the backup");
    if (!S_ISREG(st.st_mode)) return fail(Code::usage, file, "not a regular file");
    Work w;
    Session s = TC_TRY(begin_change(env, w, r.pool));
    const Vault v = TC_TRY(encrypted_vault(s, r.name));
    TC_CHECK(refuse_while_copied(v));
    Outcome out = told(what, r.name, "write the LUKS2 header of vault " + v.name + " from " + file);
    if (TC_TRY(vault_is_open(s, w, v))) {
      return fail(Code::busy, "vault " + v.name, "it is open", "deactivate what lives in it, and what stands on that");
    }
    if (env.dry_run) {
      TC_CHECK(s.env.luks.check_backup(file, v.header));
      return out;
    }
    const WorkMark mark = TC_TRY(WorkMark::set(s));
    TC_CHECK(
        with_header(s, w, v, [&](const std::string& device) { return s.env.luks.restore(device, file, v.header); }));
    out.warnings.push_back("the keys are those of the backup again: `tclone key test " + r.name +
                           "` says whether the recorded source opens it");
    return out;
  };
  return attempted(run(), what);
}

}  // namespace tclone::engine
