// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/fault.h"
#include "state/files.h"
#include "state/records.h"
#include "state/ring.h"
#include "state/rules.h"

namespace tclone {
namespace {

struct NewFile {
  std::string path;
  std::string text;
};

Status good_name(const std::string& name) {
  if (state::is_name(name)) return {};
  return fail(Code::usage, name, "is not a valid name");
}

Result<state::Folder> open_folder(const std::string& folder) {
  // Not O_PATH: syncfs(2) needs a descriptor of an open file.
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, folder, "cannot open the pool's state");
  return state::Folder(std::move(fd));
}

/// The order is that of dependence: what is referred to comes before what refers to it, the pool last.
Result<std::vector<NewFile>> encode_all(const RecordChange& change) {
  std::vector<NewFile> files;
  for (const Vault& vault : change.vaults)
    files.push_back({state::vault_file(vault.name), TC_TRY(state::encode(vault))});
  for (const Version& version : change.versions)
    files.push_back({state::version_file(version.volume, version.number), TC_TRY(state::encode(version))});
  for (const Volume& volume : change.volumes)
    files.push_back({state::volume_file(volume.name), TC_TRY(state::encode(volume))});
  if (change.pool) files.push_back({state::kPoolFile, TC_TRY(state::encode(*change.pool))});
  return files;
}

Status write_temps(const state::Folder& folder, const std::vector<NewFile>& files) {
  TCLONE_FAULT_POINT("store.temp");
  for (const NewFile& file : files) TC_CHECK(state::write_temp(folder, file.path, file.text));
  TCLONE_FAULT_POINT("store.temp.done");
  return {};
}

}  // namespace

Result<Store> Store::open(const std::string& folder) {
  state::Folder opened = TC_TRY(open_folder(folder));
  struct stat st {};
  if (::fstatat(opened.fd(), state::kPoolFile, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    // A disk that fails is not a folder that is empty.
    if (errno != ENOENT) return fail_errno(errno, state::kPoolFile, "cannot be looked at");
    return fail(Code::not_found, folder, "holds no pool.toml");
  }
  return Store(folder, std::move(opened));
}

Result<Store> Store::create(const std::string& folder, const PoolRecord& pool) {
  TC_TRY(state::encode(pool));  // refuse a bad record before the first folder is made
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, folder, "cannot be made");
  Store store(folder, TC_TRY(open_folder(folder)));
  if (state::is_there(store.files_, state::kPoolFile))
    return fail(Code::exists, folder, "holds the state of a pool already");
  for (const char* sub : {"vaults", "volumes", "versions"}) TC_CHECK(state::make_folder(store.files_, sub));
  TC_CHECK(state::Ring::make(store.files_));
  RecordChange change;
  change.pool = pool;
  TC_CHECK(store.apply(change));
  return store;
}

Result<PoolRecord> Store::pool() const {
  return state::decode_pool(TC_TRY(state::read_whole(files_, state::kPoolFile)));
}

template <class T, class Decode>
Result<T> Store::read(const std::string& file, std::map<std::string, T> Kept::*shelf, Decode decode) const {
  if (!kept_) return decode(TC_TRY(state::read_whole(files_, file)));
  auto& kept = (*kept_).*shelf;
  if (const auto found = kept.find(file); found != kept.end()) return found->second;
  T record = TC_TRY(decode(TC_TRY(state::read_whole(files_, file))));
  return kept.emplace(file, std::move(record)).first->second;
}

Result<Vault> Store::vault(const std::string& name) const {
  TC_CHECK(good_name(name));
  return read(state::vault_file(name), &Kept::vaults,
              [&](const std::string& text) { return state::decode_vault(name, text); });
}

Result<Volume> Store::volume(const std::string& name) const {
  TC_CHECK(good_name(name));
  return read(state::volume_file(name), &Kept::volumes,
              [&](const std::string& text) { return state::decode_volume(name, text); });
}

Result<Version> Store::version(const std::string& volume, std::uint64_t number) const {
  TC_CHECK(good_name(volume));
  return read(state::version_file(volume, number), &Kept::versions,
              [&](const std::string& text) { return state::decode_version(volume, number, text); });
}

bool Store::has_vault(const std::string& name) const {
  return state::is_name(name) && state::is_there(files_, state::vault_file(name));
}

bool Store::has_volume(const std::string& name) const {
  return state::is_name(name) && state::is_there(files_, state::volume_file(name));
}

Result<std::vector<std::string>> Store::vault_names() const {
  std::vector<std::string> names = TC_TRY(state::list_toml(files_, "vaults"));
  std::erase_if(names, [](const std::string& name) { return !state::is_name(name); });
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::string>> Store::volume_names() const {
  std::vector<std::string> names = TC_TRY(state::list_toml(files_, "volumes"));
  std::erase_if(names, [](const std::string& name) { return !state::is_name(name); });
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::pair<std::string, std::uint64_t>>> Store::version_names() const {
  std::vector<std::pair<std::string, std::uint64_t>> versions;
  for (const std::string& stem : TC_TRY(state::list_toml(files_, "versions")))
    if (auto parsed = state::parse_version_name(stem)) versions.push_back(std::move(*parsed));
  std::sort(versions.begin(), versions.end());
  return versions;
}

Status Store::apply(const RecordChange& change, Durable durable) {
  TC_CHECK(state::check(change));
  if (kept_) kept_.emplace();
  const std::vector<NewFile> files = TC_TRY(encode_all(change));
  if (Status written = write_temps(files_, files); !written) {
    for (const NewFile& file : files) state::remove_temp(files_, file.path);  // gives the space back
    return written;
  }
  bool noted = false;
  if (durable == Durable::now) {
    TCLONE_FAULT_POINT("store.sync");
    noted = TC_TRY(note_in_ring(change));
  }
  TCLONE_FAULT_POINT("store.rename");
  for (const NewFile& file : files) {
    TC_CHECK(state::publish_temp(files_, file.path));
    TCLONE_FAULT_POINT("store.rename.done");
  }
  for (const auto& [volume, number] : change.gone_versions)
    TC_CHECK(state::remove_file(files_, state::version_file(volume, number)));
  for (const std::string& name : change.gone_volumes) TC_CHECK(state::remove_file(files_, state::volume_file(name)));
  for (const std::string& name : change.gone_vaults) TC_CHECK(state::remove_file(files_, state::vault_file(name)));
  keep(change);
  if (durable == Durable::by_journal) return {};
  TC_CHECK(noted ? clear_journal() : state::sync_filesystem(files_.fd(), kRecords));
  TCLONE_FAULT_POINT("store.sync.done");
  return {};
}

/// What was just written need not be read again.
void Store::keep(const RecordChange& change) {
  if (!kept_) return;
  for (const Vault& v : change.vaults) kept_->vaults.insert_or_assign(state::vault_file(v.name), v);
  for (const Volume& v : change.volumes) kept_->volumes.insert_or_assign(state::volume_file(v.name), v);
  for (const Version& v : change.versions) kept_->versions.insert_or_assign(state::version_file(v.volume, v.number), v);
}

Result<Store::Room> Store::room() const {
  struct statvfs st {};
  if (::fstatvfs(files_.fd(), &st) != 0) return fail_errno(errno, folder_, "cannot ask for its free space");
  const std::uint64_t files = st.f_files == 0 ? std::numeric_limits<std::uint64_t>::max() : st.f_favail;
  return Room{Bytes{static_cast<std::uint64_t>(st.f_bavail) * st.f_frsize}, files, st.f_frsize};
}

Status Store::fits(const Journal& journal, std::size_t text) const {
  const RecordChange& after = journal.after;
  const std::size_t written = after.vaults.size() + after.versions.size() + after.volumes.size() + 2;
  const std::size_t gone = after.gone_vaults.size() + after.gone_versions.size() + after.gone_volumes.size();
  // Undoing writes a record or two. What only adds leaves something for what removes.
  const std::uint64_t spare = gone > 0 ? 16 : 256;
  const Room has = TC_TRY(room());
  // Each file twice: rounded up, and for its place in the folder.
  const Bytes needed{2 * text + (2 * written + spare) * has.block};
  if (has.bytes.n >= needed.n && has.files >= written + spare) return {};
  return fail(Code::no_space, folder_,
              "the records of this operation do not fit into the pool's state area (" + format_size(has.bytes) +
                  " and " + std::to_string(has.files) + " files are left)",
              "remove volumes or versions, and whatever else lies there");
}

Status Store::sync() const { return state::sync_filesystem(files_.fd(), kRecords); }

}  // namespace tclone
