// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lab/pool_look.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "base/fd.h"
#include "dm/targets.h"
#include "model/device_names.h"
#include "policies/sizing.h"
#include "tests/lab/thin_check.h"
#include "tests/lab/thin_ids.h"

namespace tclone::lab {
namespace {

class Check {
 public:
  Check(std::string pool, dm::DeviceMapper& mapper, Wanted wanted)
      : pool_(std::move(pool)), dm_(mapper), wanted_(wanted) {}

  Status run() {
    const Store store = TC_TRY(Store::open("/var/lib/tclone/" + pool_));
    LoadedRecords loaded = TC_TRY(load_records(store));
    for (const Finding& f : loaded.damaged) wrong(f.file + ": " + f.why);
    for (const Finding& f : check_lineage(loaded.records)) wrong(f.file + ": " + f.why);
    if (!loaded.records.pool) return fail(Code::damaged, pool_, "pool.toml cannot be read");
    all_ = std::move(loaded.records);
    if (const auto journal = TC_TRY(store.journal()))
      wrong("the journal of \"" + journal->operation + "\" was left behind");
    if (::access(("/run/tclone/" + pool_ + ".working").c_str(), F_OK) == 0)
      wrong("the mark of a command at work was left behind");
    TC_CHECK(outer_pool());
    for (const Vault& v : all_.vaults) TC_CHECK(vault(v));
    key_files();
    return devices();
  }

  [[nodiscard]] PoolLook take() && {
    const auto stocked = static_cast<unsigned>(
        std::count_if(all_.vaults.begin(), all_.vaults.end(), [](const Vault& v) { return v.stock; }));
    return {std::move(wrong_), same(), exact(), room(), stocked, std::move(all_)};
  }

 private:
  /// What its user sees.
  [[nodiscard]] std::string same() const {
    std::ostringstream out;
    for (const Volume& v : all_.volumes) {
      out << "volume " << v.name << ' ' << v.vault << ' ' << v.size.n << ' ' << to_text(v.fs) << " of "
          << text(v.origin) << " on " << text(v.basis) << (v.own_key ? " own" : "") << " follows " << v.follows
          << " next " << v.next_version << " versions";
      for (const std::uint64_t n : v.versions) out << ' ' << n;
      for (const auto& [tag, n] : v.tags) out << ' ' << tag << '=' << n;
      out << '\n';
    }
    for (const Version& v : all_.versions) {
      out << "version " << v.ref().text() << ' ' << v.vault << ' ' << v.size.n << " on " << text(v.basis) << ' '
          << v.message << '\n';
    }
    if (all_.pool->stock > 0) out << "stock " << all_.pool->stock << '\n';
    for (const Vault& v : all_.vaults) {
      if (v.stock) continue;
      out << "vault " << v.name << ' ' << v.encrypted << ' ' << v.volumes << ' ' << v.versions << ' ' << v.writable.n;
      for (const KeySource& key : keys(v)) out << ' ' << text(key) << (key == v.key ? "*" : "");
      if (v.rekey) out << " rekey " << (v.being_copied() ? "copy" : "erase");
      out << '\n';
    }
    return out.str();
  }

  [[nodiscard]] std::string room() const {
    std::ostringstream out;
    for (const Vault& v : all_.vaults)
      out << v.name << ' ' << v.capacity.n << ' ' << v.metadata.n << ' ' << v.provisioned.n << '\n';
    return out.str();
  }

  [[nodiscard]] std::string exact() const {
    std::ostringstream out;
    out << same() << "transaction " << all_.pool->transaction << " next " << all_.pool->next_outer << '\n';
    for (const Volume& v : all_.volumes) out << v.name << ' ' << v.uuid.text() << ' ' << v.thin.n << '\n';
    for (const Version& v : all_.versions) out << v.ref().text() << ' ' << v.uuid.text() << ' ' << v.thin.n << '\n';
    for (const Vault& v : all_.vaults) {
      out << v.name << ' ' << v.uuid.text() << ' ' << v.outer.n << ' ' << v.capacity.n << ' ' << v.metadata.n << ' '
          << v.provisioned.n << ' ' << v.next_thin << ' ' << v.pending.format;
      for (const ThinId id : v.pending.create_thins) out << " +" << id.n;
      for (const ThinId id : v.pending.delete_thins) out << " -" << id.n;
      out << '\n';
    }
    for (const auto& [owner, ids] : kernel_) {
      out << owner << " holds";
      for (const std::uint32_t id : ids) out << ' ' << id;
      out << '\n';
    }
    for (const std::string& d : devices_) out << "device " << d << '\n';
    return out.str();
  }

  using Ids = std::set<std::uint32_t>;

  void wrong(const std::string& what) { wrong_.push_back(what); }

  /// What is known to open it, oldest first.
  static std::vector<KeySource> keys(const Vault& v) {
    if (!v.encrypted) return {};
    std::vector<KeySource> out;
    for (const SlotSource& slot : v.slots) out.push_back(slot.source);
    if (out.empty()) out.push_back(v.key);
    return out;
  }
  static std::string text(const KeySource& key) {
    return key.reference.empty() ? key.kind : key.kind + ":" + key.reference;
  }
  static bool opens_by_file(const Rekey& half) {
    return generated(half.key) || std::any_of(half.slots.begin(), half.slots.end(),
                                              [](const SlotSource& slot) { return generated(slot.source); });
  }
  static bool generated(const KeySource& key) { return key.kind == "file" && key.reference.empty(); }

  static std::string text(const std::optional<VersionRef>& ref) { return ref ? ref->text() : "-"; }

  static std::string list(const Ids& ids) {
    std::string out;
    for (const std::uint32_t id : ids) out += " " + std::to_string(id);
    return out.empty() ? " none" : out;
  }

  void compare_ids(const std::string& what, const Ids& wanted, const Ids& allowed, const Ids& found) {
    for (const std::uint32_t id : wanted) {
      if (!found.contains(id))
        wrong(what + ": thin " + std::to_string(id) + " of the records is not there (there are:" + list(found) + ")");
    }
    for (const std::uint32_t id : found) {
      if (!wanted.contains(id) && !allowed.contains(id))
        wrong(what + ": thin " + std::to_string(id) + " belongs to no record");
    }
    kernel_[what] = found;
  }

  Status thin_check(const std::string& pool, const std::string& metadata) {
    if (wanted_.thin_check && !TC_TRY(thin_check_passes(dm_, pool, metadata))) wrong("thin_check of " + metadata);
    return {};
  }

  Status outer_pool() {
    const auto status = TC_TRY(dm_.pool_status(device_names::outer_pool(pool_)));
    if (status.transaction != all_.pool->transaction) {
      wrong("pool.toml is at transaction " + std::to_string(all_.pool->transaction) + ", the kernel at " +
            std::to_string(status.transaction));
    }
    if (status.mode != dm::PoolMode::rw || status.needs_check) wrong("the outer pool is not in order");
    if (status.held_root) wrong("the outer pool's metadata snapshot was not released");
    Ids wanted;
    for (const Vault& v : all_.vaults) {
      wanted.insert(v.outer.n);
      if (v.rekey) wanted.insert(v.rekey->outer.n);
    }
    compare_ids("outer pool", wanted, {}, TC_TRY(lab::thin_ids(dm_.path(device_names::metadata(pool_)))));
    return thin_check(device_names::outer_pool(pool_), device_names::metadata(pool_));
  }

  Status vault(const Vault& v) {
    if (v.encrypted) TC_CHECK(header(v));
    const auto info = TC_TRY(dm_.info(device_names::vault_pool(pool_, v.outer)));
    if (!info || !info->live_table) return {};
    if (info->open_count == 0 && !v.stock) wrong("vault " + v.name + " is open and nobody uses it");
    if (!v.pending.empty()) wrong("vault " + v.name + " is open and work in it is still pending");
    const auto status = TC_TRY(dm_.pool_status(device_names::vault_pool(pool_, v.outer)));
    if (status.mode != dm::PoolMode::rw || status.needs_check)
      wrong("vault " + v.name + ": its inner pool is not in order");
    const Bytes has = v.block * status.total_data;
    if (has < policies::needed_capacity(v.block, wanted_.written ? 0 : status.used_data, v.writable)) {
      wrong("vault " + v.name + " could run out of space: its inner pool has " + std::to_string(has.n) +
            " bytes, the record says " + std::to_string(v.capacity.n));
    }
    if (has > v.capacity) wrong("vault " + v.name + ": its inner pool is larger than the record says");
    Ids wanted;
    for (const Volume& x : all_.volumes) {
      if (x.vault == v.name) wanted.insert(x.thin.n);
    }
    for (const Version& x : all_.versions) {
      if (x.vault == v.name) wanted.insert(x.thin.n);
    }
    Ids allowed;
    for (const ThinId id : v.pending.delete_thins) allowed.insert(id.n);
    compare_ids("vault " + v.name, wanted, allowed,
                TC_TRY(lab::thin_ids(dm_.path(device_names::vault_metadata(pool_, v.outer)))));
    return thin_check(device_names::vault_pool(pool_, v.outer), device_names::vault_metadata(pool_, v.outer));
  }

  /// The LUKS2 header at the head of the outer thin, whether the vault is open or not.
  Status header(const Vault& v) {
    const std::string thin = device_names::vault_thin(pool_, v.outer);
    const bool open = TC_TRY(dm_.info(thin)).has_value();
    std::string device = thin;
    if (!open) {
      const auto outer = TC_TRY(dm_.info(device_names::outer_pool(pool_)));
      if (!outer) return fail(Code::damaged, pool_, "its outer pool went away");
      device = "pool_check-header";
      auto made = dm_.create(
          {device, "", dm::thin(outer->dev(), v.outer, to_sectors(policies::kOuterThin)), true, dm::Udev::hidden});
      if (!made) {
        wrong("vault " + v.name + ": " + made.error().text());
        return {};
      }
    }
    alignas(4096) std::array<char, 4096> head{};
    {
      const UniqueFd fd(::open(dm_.path(device).c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
      if (!fd || ::pread(fd.get(), head.data(), head.size(), 0) != static_cast<ssize_t>(head.size())) {
        wrong("vault " + v.name + ": its header cannot be read");
      }
    }
    if (!open) TC_CHECK(dm_.remove(device, std::chrono::seconds(3)));
    constexpr std::size_t kUuidAt = 168;  // LUKS2 On-Disk Format Specification, binary header
    if (std::memcmp(head.data(), "LUKS\xba\xbe", 6) != 0) {
      wrong("vault " + v.name + " has no LUKS header");
    } else if (v.header.uuid.text() != std::string(head.data() + kUuidAt)) {
      wrong("vault " + v.name + " has another header than its record says");
    }
    return {};
  }

  void key_files() {
    std::set<std::string> wanted;
    for (const Vault& v : all_.vaults) {
      if (const auto known = keys(v); std::any_of(known.begin(), known.end(), generated))
        wanted.insert(v.uuid.text() + ".key");
      if (v.being_copied() && opens_by_file(*v.rekey)) wanted.insert(v.rekey->uuid.text() + ".key");
    }
    std::set<std::string> found;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator("/etc/tclone/keys", none)) {
      found.insert(entry.path().filename());
      if (entry.file_size() == 0) wrong("key file " + entry.path().string() + " is empty");
    }
    for (const std::string& f : wanted) {
      if (!found.contains(f)) wrong("key file " + f + " is missing");
    }
    for (const std::string& f : found) {
      if (!wanted.contains(f) && !wanted_.later_keys) wrong("key file " + f + " belongs to no vault");
    }
  }

  Status devices() {
    const std::string prefix = device_names::prefix(pool_);
    std::map<std::string, std::pair<std::uint32_t, std::uint64_t>> known;  // name -> thin id, sectors
    for (const Volume& v : all_.volumes) known[device_names::volume(pool_, v.name)] = {v.thin.n, to_sectors(v.size).n};
    for (const Version& v : all_.versions)
      known[device_names::version(pool_, v.volume, v.number)] = {v.thin.n, to_sectors(v.size).n};
    std::set<std::string> layers{device_names::state(pool_), device_names::metadata(pool_), device_names::data(pool_),
                                 device_names::outer_pool(pool_)};
    for (const Vault& v : all_.vaults) {
      const bool open = TC_TRY(dm_.info(device_names::vault_pool(pool_, v.outer))).has_value();
      for (const std::string& name :
           {device_names::vault_thin(pool_, v.outer), device_names::vault_crypt(pool_, v.outer),
            device_names::vault_metadata(pool_, v.outer), device_names::vault_data(pool_, v.outer)}) {
        layers.insert(name);
        if (!open && TC_TRY(dm_.info(name))) wrong("layer " + name + " is up and its vault is not");
      }
      layers.insert(device_names::vault_pool(pool_, v.outer));
    }
    for (const dm::Named& d : TC_TRY(dm_.list(prefix))) {
      const auto info = TC_TRY(dm_.info(d.name));
      if (!info) continue;
      devices_.push_back(d.name);
      if (info->suspended) wrong("device " + d.name + " is suspended");
      if (info->inactive_table) wrong("device " + d.name + " has a table loaded that was never made live");
      if (!info->live_table) wrong("device " + d.name + " has no table");
      if (layers.contains(d.name)) continue;
      const auto it = known.find(d.name);
      if (it == known.end()) {
        wrong("device " + d.name + " belongs to no record");
        continue;
      }
      const dm::Table table = TC_TRY(dm_.table(d.name));
      if (table.size() != 1 || TC_TRY(dm::thin_id_of(table.front())).n != it->second.first)
        wrong("device " + d.name + " is another thin than its record says");
      if (table.size() == 1 && table.front().length.n != it->second.second)
        wrong("device " + d.name + " has another size than its record says");
      if (d.name.find('@') != std::string::npos && info->open_count == 0 &&
          ::access(("/run/tclone/" + pool_ + ".pinned/" + d.name.substr(prefix.size())).c_str(), F_OK) != 0) {
        wrong("version " + d.name + " is active and nobody uses it");
      }
    }
    return {};
  }

  std::string pool_;
  dm::DeviceMapper& dm_;
  Records all_;
  std::map<std::string, Ids> kernel_;
  std::vector<std::string> devices_;
  std::vector<std::string> wrong_;
  Wanted wanted_;
};

}  // namespace

Result<PoolLook> look_at_pool(const std::string& pool, dm::DeviceMapper& mapper, Wanted wanted) {
  Check check(pool, mapper, wanted);
  TC_CHECK(check.run());
  return std::move(check).take();
}

}  // namespace tclone::lab
