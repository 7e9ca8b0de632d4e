// SPDX-License-Identifier: GPL-2.0-or-later
#include "os/filesystem.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "os/probe.h"

namespace tclone::os {
namespace {

constexpr std::size_t kExt4Label = 16;  // ext4(5), s_volume_name
constexpr std::size_t kXfsLabel = 12;   // mkfs.xfs(8), -L
/// mkfs.xfs refuses less since xfsprogs 5.19.
constexpr Bytes kXfsLeast = kMiB * 300;

/// The longest head of a label that fits and does not end inside a UTF-8 character.
std::string cut(const std::string& label, std::size_t most) {
  std::size_t length = std::min(label.size(), most);
  while (length > 0 && length < label.size() && (static_cast<unsigned char>(label[length]) & 0xc0U) == 0x80U) --length;
  return label.substr(0, length);
}

bool says(const Error& error, const char* words) { return error.why.find(words) != std::string::npos; }

std::vector<std::string> ext4_command(const std::string& device, const std::string& label, bool prezeroed) {
  // 4096-byte blocks at every size, because the sectors of a pool are that large. packed_meta_blocks puts the bitmaps
  // of all groups side by side: a third fewer thin blocks at 100 GiB. sparse_super2 would save more, but ext4 does
  // not grow online with it (ext4_resize_begin). Stripe hints come from the device's topology.
  std::string extended = "nodiscard,lazy_itable_init=1,lazy_journal_init=1,packed_meta_blocks=1";
  // Without this the kernel writes zeros over all inode tables after the first mount: 1.6 % of the size.
  if (prezeroed) extended += ",assume_storage_prezeroed=1";
  std::vector<std::string> argv{"mkfs.ext4", "-q",    "-F", "-b", "4096", "-O", "metadata_csum,metadata_csum_seed",
                                "-E",        extended};
  if (!label.empty()) argv.insert(argv.end(), {"-L", cut(label, kExt4Label)});
  argv.push_back(device);
  return argv;
}

Status make_ext4(const std::string& device, const std::string& label) {
  auto made = run(ext4_command(device, label, true));
  if (!made && says(made.error(), "assume_storage_prezeroed")) {
    // e2fsprogs before 1.47 does not know it: say so to the kernel instead, in the superblock, for every mount.
    made = run(ext4_command(device, label, false));
    if (made) made = run({"tune2fs", "-E", "mount_opts=noinit_itable", device});
  }
  if (made) return {};
  Error error = std::move(made).error();
  if (says(error, "too small") || says(error, "Not enough space") || says(error, "too big to be")) {
    return fail(Code::usage, device, "too small for ext4", "give a larger size or another filesystem");
  }
  return tl::unexpected(std::move(error));
}

Status make_xfs(const std::string& device, const std::string& label, Bytes size) {
  std::vector<std::string> argv{"mkfs.xfs", "-q", "-K"};
  // mkfs writes the whole log: 2 GiB of it at 4 TiB if it has its way. su=4096: a thin device announces 64 KiB
  // stripes, and with a log stripe as large every fsync would write 64 KiB.
  argv.insert(argv.end(), {"-l", size >= kGiB ? "size=64m,su=4096" : "su=4096"});
  std::string name = cut(label, kXfsLabel);
  std::replace(name.begin(), name.end(), ' ', '_');
  if (!name.empty()) argv.insert(argv.end(), {"-L", name});
  argv.push_back(device);
  const auto made = run(argv);
  if (made) return {};
  // Told by size, not by text: the message comes with the whole usage of mkfs behind it.
  if (size < kXfsLeast) {
    return fail(Code::usage, device, "too small for xfs", "give 300M or more, or another filesystem");
  }
  return tl::unexpected(made.error());
}

Status grow_ext4(const std::string& device, const std::string& mount_point) {
  if (mount_point.empty()) {
    // resize2fs demands a forced check of what is not mounted.
    const auto checked = TC_TRY(run_status({"e2fsck", "-f", "-p", device}));
    if (checked.status > 1) {
      const bool used =
          checked.text.find("in use") != std::string::npos || checked.text.find("is mounted") != std::string::npos;
      const std::string said = checked.text.substr(0, std::min<std::size_t>(checked.text.find('\n'), 300));
      return fail(used ? Code::busy : Code::damaged, device,
                  "e2fsck ended with status " + std::to_string(checked.status) + ": " + said,
                  used ? "" : "run e2fsck on it by hand");
    }
  }
  TC_CHECK(run({"resize2fs", device}));
  return {};
}

/// A folder that only root may enter, with a filesystem mounted on it for as long as the object lives.
class PrivateMount {
 public:
  [[nodiscard]] static Result<PrivateMount> make(const std::string& device) {
    PrivateMount made;
    constexpr const char* kParent = "/run/tclone";
    if (::mkdir(kParent, 0700) != 0 && errno != EEXIST) return fail_errno(errno, kParent, "cannot be made");
    std::string folder = std::string(kParent) + "/grow-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) return fail_errno(errno, folder, "cannot be made");
    made.folder_ = folder;
    MountRequest request;
    request.device = device;
    request.folder = folder;
    request.kind = FsKind::xfs;
    request.duplicate_uuid = true;
    TC_CHECK(mount(request));
    made.mounted_ = true;
    return made;
  }
  PrivateMount(PrivateMount&& other) noexcept
      : folder_(std::exchange(other.folder_, {})), mounted_(std::exchange(other.mounted_, false)) {}
  PrivateMount& operator=(PrivateMount&&) = delete;
  PrivateMount(const PrivateMount&) = delete;
  PrivateMount& operator=(const PrivateMount&) = delete;
  ~PrivateMount() { static_cast<void>(release()); }

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// What the destructor does, with its outcome.
  [[nodiscard]] Status release() {
    if (folder_.empty()) return {};
    const std::string folder = std::exchange(folder_, {});
    Status result;
    if (std::exchange(mounted_, false)) result = unmount(folder);
    if (result) ::rmdir(folder.c_str());
    return result;
  }

 private:
  PrivateMount() = default;
  std::string folder_;
  bool mounted_ = false;
};

Status grow_xfs(const std::string& device, const std::string& mount_point) {
  std::optional<PrivateMount> temporary;
  if (mount_point.empty()) temporary.emplace(TC_TRY(PrivateMount::make(device)));
  const auto grown = run({"xfs_growfs", "-d", temporary ? temporary->folder() : mount_point});
  if (temporary) {
    Status gone = temporary->release();
    if (grown && !gone) return gone;
  }
  if (!grown) return tl::unexpected(grown.error());
  return {};
}

}  // namespace

Status make(const std::string& device, FsKind kind, const std::string& label) {
  if (kind == FsKind::none) return {};
  const auto facts = TC_TRY(block_facts(device));
  if (const auto found = TC_TRY(signature(device))) {
    return fail(Code::exists, device, "carries a signature already: " + *found);
  }
  return kind == FsKind::ext4 ? make_ext4(device, label) : make_xfs(device, label, facts.size);
}

Status grow(const std::string& device, FsKind kind, const std::string& mount_point) {
  switch (kind) {
    case FsKind::none: return {};
    case FsKind::ext4: return grow_ext4(device, mount_point);
    case FsKind::xfs: return grow_xfs(device, mount_point);
  }
  return {};
}

}  // namespace tclone::os
