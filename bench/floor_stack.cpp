// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/floor_stack.h"

#include <libdevmapper.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>

#include "base/library.h"
#include "crypt/luks/library.h"
#include "os/block_io.h"
#include "os/probe.h"
#include "policies/sizing.h"

namespace tclone::bench {
namespace {

constexpr std::uint32_t kSectorSize = 4096;
constexpr std::size_t kVolumeKey = 64;                  // aes-256 in XTS mode
constexpr std::uint64_t kKeyslots = 4ULL * 252 * 1024;  // as in crypt/luks/format.cpp
constexpr std::uint32_t kIterations = 1000;             // as crypt/luks/pbkdf.h, for a machine-made secret
const char* const kMeta = "floor-meta";
const char* const kData = "floor-data";
double g_library_ms = 0;

// clang-format off
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define FLOOR_LIBDEVMAPPER(X)                                                                                         \
  X(dm_task_add_target) X(dm_task_create) X(dm_task_destroy) X(dm_task_get_errno)                 \
  X(dm_task_retry_remove) X(dm_task_run) X(dm_task_set_cookie) X(dm_task_set_message) X(dm_task_set_name)             \
  X(dm_task_set_ro) X(dm_udev_wait)
// clang-format on
FLOOR_LIBDEVMAPPER(TCLONE_LIBRARY_DEFINE)

struct TaskFree {
  void operator()(dm_task* task) const noexcept { dm_task_destroy(task); }
};
using Task = std::unique_ptr<dm_task, TaskFree>;
struct DeviceFree {
  void operator()(crypt_device* device) const noexcept { crypt::crypt_free(device); }
};
using Device = std::unique_ptr<crypt_device, DeviceFree>;
using Key = std::array<char, kVolumeKey>;

Result<Task> task_for(int type, const std::string& name) {
  Task task(dm_task_create(type));
  if (!task || dm_task_set_name(task.get(), name.c_str()) == 0)
    return fail_errno(ENOMEM, name, "no request can be prepared");
  return task;
}

Status run(const Task& task, const std::string& name, const char* doing) {
  if (dm_task_run(task.get()) != 0) return {};
  return fail_errno(dm_task_get_errno(task.get()), name, doing);
}

/// A request that changes whether the device's node is there: udev makes it, or libdevmapper where there is no udev.
Status run_and_wait(const Task& task, const std::string& name, const char* doing) {
  std::uint32_t cookie = 0;
  const auto hidden =
      DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_DISABLE_OTHER_RULES_FLAG;
  if (dm_task_set_cookie(task.get(), &cookie, hidden) == 0) return fail_errno(ENOMEM, name, "no udev cookie");
  Status done = run(task, name, doing);
  dm_udev_wait(cookie);
  return done;
}

std::string layer(std::uint32_t outer, const char* which) { return "floor-" + std::to_string(outer) + "." + which; }

struct Geometry {
  Bytes block, capacity, metadata;
  explicit Geometry(Bytes size)
      : block(policies::inner_block(size)),
        capacity(policies::first_capacity(block, size)),
        metadata(policies::inner_metadata(block, capacity)) {}
};

Result<Key> random_key() {
  Key key{};
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
    return fail_errno(errno, "getrandom", "no key");
  return key;
}

Status refused(int r, const std::string& name, const char* doing) {
  if (r >= 0) return {};
  return fail_errno(-r, name, doing);
}

Status timed(Status (*load)()) {
  const auto start = std::chrono::steady_clock::now();
  TC_CHECK(load());
  g_library_ms += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return {};
}

/// Header, key slot and dm-crypt in one context: nothing is read back, the key just made activates.
Status format_and_open(std::uint32_t outer) {
  TC_CHECK(timed(crypt::load_library));
  const std::string thin = node(layer(outer, "thin"));
  const std::string name = layer(outer, "crypt");
  const Key volume_key = TC_TRY(random_key());
  const Key secret = TC_TRY(random_key());
  crypt_device* made = nullptr;
  TC_CHECK(refused(crypt::crypt_init(&made, thin.c_str()), thin, "crypt_init"));
  const Device device(made);
  crypt_pbkdf_type pbkdf{};
  pbkdf.type = CRYPT_KDF_PBKDF2;
  pbkdf.hash = "sha256";
  pbkdf.iterations = kIterations;
  pbkdf.flags = CRYPT_PBKDF_NO_BENCHMARK;
  crypt_params_luks2 params{};
  params.sector_size = kSectorSize;
  TC_CHECK(refused(crypt::crypt_set_pbkdf_type(made, &pbkdf), thin, "crypt_set_pbkdf_type"));
  TC_CHECK(refused(crypt::crypt_set_metadata_size(made, 16ULL * 1024, kKeyslots), thin, "crypt_set_metadata_size"));
  TC_CHECK(refused(crypt::crypt_set_data_offset(made, to_sectors(policies::kHeader).n), thin, "crypt_set_data_offset"));
  TC_CHECK(refused(crypt::crypt_format(made, CRYPT_LUKS2, "aes", "xts-plain64", nullptr, volume_key.data(),
                                       volume_key.size(), &params),
                   thin, "crypt_format"));
  TC_CHECK(refused(crypt::crypt_keyslot_add_by_volume_key(made, CRYPT_ANY_SLOT, volume_key.data(), volume_key.size(),
                                                          secret.data(), secret.size()),
                   thin, "crypt_keyslot_add_by_volume_key"));
  return refused(crypt::crypt_activate_by_volume_key(made, name.c_str(), volume_key.data(), volume_key.size(),
                                                     CRYPT_ACTIVATE_PRIVATE | CRYPT_ACTIVATE_ALLOW_DISCARDS),
                 name, "crypt_activate_by_volume_key");
}

Status open_null(std::uint32_t outer) {
  const Sectors length = to_sectors(policies::kOuterThin - policies::kHeader);
  const std::string params = "cipher_null-ecb - 0 " + node(layer(outer, "thin")) + " " +
                             std::to_string(to_sectors(policies::kHeader).n) + " 2 allow_discards sector_size:4096";
  return make_device(layer(outer, "crypt"), {{Sectors{}, length, "crypt", params}});
}

}  // namespace

std::string node(const std::string& name) { return "/dev/mapper/" + name; }
std::string pool_of(std::uint32_t outer) { return layer(outer, "pool"); }
double library_ms() { return g_library_ms; }

Status load_devmapper() {
  static const Library::Wanted functions[] = {FLOOR_LIBDEVMAPPER(TCLONE_LIBRARY_WANTED)};
  static Library library{"libdevmapper.so.1.02.1", "install libdevmapper"};
  return timed([] { return library.load(functions); });
}

Status make_device(const std::string& name, const dm::Table& table, bool read_only) {
  const Task task = TC_TRY(task_for(DM_DEVICE_CREATE, name));
  for (const dm::Target& t : table) {
    if (dm_task_add_target(task.get(), t.start.n, t.length.n, t.type.c_str(), t.params.c_str()) == 0) {
      return fail_errno(ENOMEM, name, "no table can be prepared");
    }
  }
  if (read_only && dm_task_set_ro(task.get()) == 0) return fail_errno(ENOMEM, name, "no request can be prepared");
  return run_and_wait(task, name, "cannot create the device");
}

Status message(const std::string& name, const std::string& text) {
  const Task task = TC_TRY(task_for(DM_DEVICE_TARGET_MSG, name));
  if (dm_task_set_message(task.get(), text.c_str()) == 0) return fail_errno(ENOMEM, name, "no message can be prepared");
  return run(task, name, text.c_str());
}

Status suspend(const std::string& name) {
  return run(TC_TRY(task_for(DM_DEVICE_SUSPEND, name)), name, "cannot suspend it");
}
Status resume(const std::string& name) {
  return run_and_wait(TC_TRY(task_for(DM_DEVICE_RESUME, name)), name, "cannot resume it");
}
Status remove(const std::string& name) {
  const Task task = TC_TRY(task_for(DM_DEVICE_REMOVE, name));
  dm_task_retry_remove(task.get());
  return run_and_wait(task, name, "cannot remove it");
}
Status remove_if_there(const std::string& name) {
  auto gone = remove(name);
  if (!gone && gone.error().sys == ENXIO) return {};
  return gone;
}

Status make_outer_pool(const std::string& device) {
  const Bytes size = TC_TRY(os::block_facts(device)).size;
  const auto layout = TC_TRY(policies::lay_out_pool({size}));
  const auto linear = [&](const char* name, const policies::Stretch& at) {
    return make_device(name, dm::linear(std::array{dm::Piece{device, to_sectors(at.start), to_sectors(at.length)}}));
  };
  TC_CHECK(linear(kMeta, layout.metadata));
  TC_CHECK(linear(kData, layout.data.front()));
  TC_CHECK(os::zero(node(kMeta), {}, kKiB * 4));
  dm::PoolOptions options;
  options.block = to_sectors(layout.block);
  options.zero = false;
  return make_device(kOuterPool,
                     dm::thin_pool(node(kMeta), node(kData), to_sectors(layout.data.front().length), options));
}

Status remove_outer_pool() {
  for (const char* name : {kOuterPool, kData, kMeta}) TC_CHECK(remove_if_there(name));
  return {};
}

Status open_fresh_layers(std::uint32_t outer, Bytes size, bool null_cipher) {
  TC_CHECK(make_device(layer(outer, "thin"), dm::thin(node(kOuterPool), {outer}, to_sectors(policies::kOuterThin))));
  TC_CHECK(null_cipher ? open_null(outer) : format_and_open(outer));
  const Geometry g(size);
  const std::string crypt = node(layer(outer, "crypt"));
  TC_CHECK(make_device(layer(outer, "meta"), dm::linear(std::array{dm::Piece{crypt, {}, to_sectors(g.metadata)}})));
  return make_device(layer(outer, "data"),
                     dm::linear_flushing_at_zero({crypt, to_sectors(policies::kMetadataRoom), to_sectors(g.capacity)},
                                                 to_sectors(g.block)));
}

Status start_inner_pool(std::uint32_t outer, Bytes size, ThinId first) {
  const Geometry g(size);
  TC_CHECK(os::zero(node(layer(outer, "meta")), {}, kKiB * 4, os::Sync::later));
  dm::PoolOptions options;
  options.block = to_sectors(g.block);
  options.error_if_full = true;
  TC_CHECK(make_device(pool_of(outer), dm::thin_pool(node(layer(outer, "meta")), node(layer(outer, "data")),
                                                     to_sectors(g.capacity), options)));
  return message(pool_of(outer), dm::create_thin(first));
}

Status empty_vault(std::uint32_t outer) {
  for (const char* which : {"meta", "data"}) {
    const std::string device = node(layer(outer, which));
    TC_CHECK(os::discard(device, {}, TC_TRY(os::block_facts(device)).size));
  }
  return {};
}

Status close_vault(std::uint32_t outer) {
  for (const char* which : {"pool", "data", "meta", "crypt", "thin"}) TC_CHECK(remove_if_there(layer(outer, which)));
  return {};
}

}  // namespace tclone::bench
