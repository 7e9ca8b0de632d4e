// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/log.h"
#include "state/files.h"
#include "state/index_codec.h"
#include "state/records.h"

namespace tclone {
namespace {

using state::Index;
using state::key_of;
using state::Shelf;
using state::Stamp;
using std::chrono::nanoseconds;

constexpr std::uint64_t kMostIndexBytes = 1ULL << 30U;  ///< five million records

std::int64_t in_nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

Stamp stamp_of(const struct stat& st) {
  return {st.st_ino, static_cast<std::uint64_t>(st.st_size), in_nanoseconds(st.st_mtim), in_nanoseconds(st.st_ctim)};
}

/// Times of files come in ticks of some milliseconds (and of two seconds on old filesystems), so what has just changed may
/// change again without another time. The same goes for times that the clock has yet to reach: it was set back.
bool cleaned_up(const Stamp& stamp, nanoseconds now) {
  const std::int64_t old = (now - std::chrono::seconds(2)).count();
  return stamp.written < old && stamp.changed < old;
}

// What the three folders differ in.
struct ByName {
  using Name = std::string;
  static std::string_view key(const Name& name) { return name; }
};
struct Vaults : ByName {
  using Record = Vault;
  static constexpr const char* kFolder = "vaults";
  static auto names(const Store& store) { return store.vault_names(); }
  static std::string file(const Name& name) { return state::vault_file(name); }
  static Result<Record> read(const Store& store, const Name& name) { return store.vault(name); }
};
struct Volumes : ByName {
  using Record = Volume;
  static constexpr const char* kFolder = "volumes";
  static auto names(const Store& store) { return store.volume_names(); }
  static std::string file(const Name& name) { return state::volume_file(name); }
  static Result<Record> read(const Store& store, const Name& name) { return store.volume(name); }
};
struct Versions {
  using Record = Version;
  using Name = std::pair<std::string, std::uint64_t>;
  static constexpr const char* kFolder = "versions";
  static auto names(const Store& store) { return store.version_names(); }
  static std::pair<std::string_view, std::uint64_t> key(const Name& name) { return name; }
  static std::string file(const Name& name) { return state::version_file(name.first, name.second); }
  static Result<Record> read(const Store& store, const Name& name) { return store.version(name.first, name.second); }
};

/// Brings one shelf up to date. First look(), which costs little, then read(). Without a look it stays as it is.
template <class Kind>
class Refresh {
 public:
  using Record = typename Kind::Record;
  Refresh(const Store& store, nanoseconds now, Shelf<Record>& shelf) : store_(store), now_(now), shelf_(shelf) {}

  /// False when something cannot be looked at.
  [[nodiscard]] bool look() {
    // By its path, which cannot come to mean another filesystem while the store is open and keeps this one mounted.
    const std::string path = store_.folder() + "/" + Kind::kFolder;
    folder_.reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat st {};
    if (!folder_ || ::fstat(folder_.get(), &st) != 0) return false;
    stamp_ = stamp_of(st);  // before the names are listed: what changes from here on changes the stamp
    const bool sure = cleaned_up(stamp_, now_);
    if (sure && stamp_ == shelf_.folder) return true;
    if (!sure) stamp_ = {};
    auto names = Kind::names(store_);
    if (!names) return false;
    names_ = std::move(*names);
    return true;
  }

  [[nodiscard]] bool unchanged() const { return !names_; }
  [[nodiscard]] std::size_t count() const { return names_ ? names_->size() : shelf_.records.size(); }

  /// False when a record cannot be read.
  [[nodiscard]] bool read() {
    if (!names_) return true;
    Shelf<Record> fresh;
    fresh.folder = stamp_;
    fresh.stamps.reserve(names_->size());
    fresh.records.reserve(names_->size());
    std::size_t at = 0;
    for (const auto& name : *names_) {
      while (at < shelf_.records.size() && key_of(shelf_.records[at]) < Kind::key(name)) ++at;
      if (!take(name, at, fresh)) return false;
    }
    shelf_ = std::move(fresh);
    return true;
  }

 private:
  /// `at` is where in the old shelf the record may be; behind it once it was taken from there.
  bool take(const typename Kind::Name& name, std::size_t& at, Shelf<Record>& fresh) {
    const std::string path = Kind::file(name);
    struct stat st {};
    if (::fstatat(folder_.get(), path.c_str() + path.find('/') + 1, &st, AT_SYMLINK_NOFOLLOW) != 0)
      return errno == ENOENT;
    const Stamp stamp = stamp_of(st);  // before the record is read, likewise
    const bool sure = cleaned_up(stamp, now_);
    if (sure && at < shelf_.records.size() && key_of(shelf_.records[at]) == Kind::key(name) &&
        shelf_.stamps[at] == stamp) {
      fresh.put(stamp, std::move(shelf_.records[at++]));
      return true;
    }
    auto record = Kind::read(store_, name);
    if (!record) return record.error().code == Code::not_found;
    fresh.put(sure ? stamp : Stamp{}, std::move(*record));
    return true;
  }

  const Store& store_;
  nanoseconds now_;
  Shelf<Record>& shelf_;
  UniqueFd folder_;
  Stamp stamp_;
  std::optional<std::vector<typename Kind::Name>> names_;  ///< when the folder has changed
};

/// What became of an index that was to be brought up to date.
enum class Refreshed {
  no,         ///< something cannot be read
  needless,   ///< so few records need no index
  elsewhere,  ///< these few do not, but all of them do
  unchanged,
  changed
};

/// What is not wanted is left as it is.
Refreshed refresh(const Store& store, nanoseconds now, Wanted wanted, std::size_t from, Index& index) {
  Refresh<Vaults> vaults(store, now, index.vaults);
  Refresh<Volumes> volumes(store, now, index.volumes);
  Refresh<Versions> versions(store, now, index.versions);
  if (!vaults.look() || !volumes.look()) return Refreshed::no;
  if (wanted == Wanted::all && !versions.look()) return Refreshed::no;
  const std::size_t few = vaults.count() + volumes.count();
  const std::size_t all = few + versions.count();
  if (all < from) return Refreshed::needless;
  if (wanted != Wanted::all && few < from) return Refreshed::elsewhere;
  if (!vaults.read() || !volumes.read() || !versions.read()) return Refreshed::no;
  return vaults.unchanged() && volumes.unchanged() && versions.unchanged() ? Refreshed::unchanged : Refreshed::changed;
}

/// The bytes of the index, or none when there is nothing that only this user can have written.
std::string read_index(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0) return {};
  if (!S_ISREG(st.st_mode) || st.st_uid != ::geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) return {};
  if (st.st_size <= 0 || static_cast<std::uint64_t>(st.st_size) > kMostIndexBytes) return {};
  std::string bytes(static_cast<std::size_t>(st.st_size), '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

/// Two at a time may publish what the other has written in part: the checksum tells, and the other completes it.
Status write_index(const std::string& path, const std::string& bytes) {
  const std::size_t slash = path.rfind('/');
  UniqueFd fd(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, path, "cannot open its folder");
  const state::Folder folder(std::move(fd));
  const std::string name = path.substr(slash + 1);
  Status written = state::write_temp(folder, name, bytes);
  if (written) written = state::publish_temp(folder, name);
  if (!written) state::remove_temp(folder, name);
  return written;
}

}  // namespace

std::optional<Records> indexed_records(const Store& store, const std::string& path, const Uuid& pool, nanoseconds now,
                                       Wanted wanted, std::size_t from) {
  const std::string before = read_index(path);
  Index index = state::decode_index(before, pool).value_or(Index{});
  const Refreshed done = refresh(store, now, wanted, from, index);
  if (done == Refreshed::elsewhere) return std::nullopt;
  if (done == Refreshed::no || done == Refreshed::needless) {
    if (!before.empty()) ::unlink(path.c_str());
    return std::nullopt;
  }
  if (done == Refreshed::changed) {
    const std::string after = encode(index, pool);
    const Status written = after == before ? Status() : write_index(path, after);
    if (!written) log::debug("no index of the records is kept: " + written.error().text());
  }
  Records all;
  all.vaults = std::move(index.vaults.records);
  all.volumes = std::move(index.volumes.records);
  if (wanted == Wanted::all) all.versions = std::move(index.versions.records);
  return all;
}

}  // namespace tclone
