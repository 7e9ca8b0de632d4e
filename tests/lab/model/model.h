// SPDX-License-Identifier: GPL-2.0-or-later
// What a pool must look like: the reference that the model test holds the real one against. Kept as plain as can be,
// and written from the manual pages, not from the engine. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/lab/model/operation.h"

namespace tclone::lab::model {

constexpr std::uint64_t kPage = 4096, kBlock = 65536, kPagesPerBlock = kBlock / kPage;

/// One page of 4 KiB stands for its contents: a hash of them. Zeros are 0.
using Pages = std::vector<std::uint64_t>;
/// nullptr: not known (a filesystem was made); it is learned from the device once, and must not change afterwards.
using Contents = std::shared_ptr<const Pages>;

/// Hash of a page's bytes; 0 only for zeros.
[[nodiscard]] std::uint64_t page_hash(const unsigned char* page);
/// The bytes that `write` puts on a page.
void make_page(std::uint64_t stamp, std::uint64_t page, unsigned char* out);

struct Reference {
  std::string volume;
  std::uint64_t number = 0;
  std::uint64_t id = 0;  ///< as a UUID: decides which is meant
  bool operator==(const Reference&) const = default;
  [[nodiscard]] std::string text() const { return volume + "@" + std::to_string(number); }
};

struct ModelVersion {
  std::uint64_t id = 0;
  std::string vault;
  std::uint64_t size = 0;
  std::string fs;
  std::optional<Reference> basis;
  std::string message;
  Contents contents;
};

struct ModelVolume {
  std::string vault;
  std::uint64_t size = 0;
  std::string fs = "none";
  std::optional<Reference> origin, basis;
  bool own = false;
  std::string follows;
  std::uint64_t next = 1;
  std::map<std::uint64_t, ModelVersion> versions;
  std::map<std::string, std::uint64_t> tags;
  Contents contents;
};

struct ModelVault {
  bool encrypted = true;
  std::vector<std::string> keys;          ///< sources with a slot, oldest first
  std::string key;                        ///< the one that is asked
  std::string rekey{};                    ///< one that was cut off: "copy" or "erase"
  std::vector<std::string> fresh_keys{};  ///< while it is at "copy": `keys` afterwards, the first being the one asked
};

struct Model {
  std::map<std::string, ModelVolume> volumes;
  std::map<std::string, ModelVault> vaults;
  bool up = true;                ///< the pool is active
  std::set<std::string> active;  ///< volumes whose device is there
  std::set<std::string> pinned;  ///< versions activated by name
  std::set<std::string> held;    ///< devices somebody has open
  std::uint64_t stock = 0;       ///< how many vaults are kept made ahead
  std::uint64_t next_id = 1;

  /// In the words of pool_check --same, lines sorted.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const ModelVersion* version(const std::string& volume, std::uint64_t number) const;
  [[nodiscard]] const ModelVersion* version(const Reference& ref) const;
  /// Volumes and versions that cannot be read without this version.
  [[nodiscard]] std::vector<std::string> standing_on(std::uint64_t id) const;
  /// Something in this vault is active, or something that reads it.
  [[nodiscard]] bool in_use(const std::string& vault) const;
  /// What lives in `vault` on `basis` cannot be opened: a rekey of one of the vaults below it was cut off.
  [[nodiscard]] bool closed(const std::string& vault, const std::optional<Reference>& basis) const;
  /// Versions that are active: pinned ones and what active things stand on.
  [[nodiscard]] std::set<std::string> active_versions() const;
};

/// What must come of an operation.
struct Prediction {
  int code = 0;                   ///< exit status, see tclone(1)
  Model after;                    ///< equal to before when code is not 0, but for what `activate` and the like did
  std::set<std::string> touched;  ///< volumes that may be down when it was cut off
  /// How it may have ended when it is made of several transactions: [0] after the first, .. the last is `after`.
  std::vector<Model> between;
};

/// What `operation` must do to `before`, were it not cut off. Any list of words that the generator makes has an answer
/// in any state: what names nothing is refused.
[[nodiscard]] Prediction predict(const Model& before, const Operation& operation);

/// The next operation for a pool in this state: mostly one that should succeed.
[[nodiscard]] Operation generate(const Model& model, Random& random);

/// Key files that exist on the host of every run.
inline constexpr const char* kKeyFolder = "/etc/tclone/model-keys/";
/// An image of kImagePages pages with this stamp.
inline constexpr const char* kImage = "/tmp/model-image";
constexpr std::uint64_t kImagePages = 1100, kImageStamp = 77;  // not a whole number of blocks

}  // namespace tclone::lab::model
