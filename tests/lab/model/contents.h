// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes what volumes and versions hold, past every cache, and compares it with the model.
#pragma once

#include <string>
#include <vector>

#include "dm/device_mapper.h"
#include "tests/lab/model/model.h"
#include "tests/lab/pool_look.h"

namespace tclone::lab::model {

class ContentsCheck {
 public:
  explicit ContentsCheck(dm::DeviceMapper& mapper) : dm_(mapper) {}

  /// Compares what can be read without opening a vault: all of it, or a few blocks of everything. Versions that are not
  /// active are read through a device made for the purpose. Contents the model does not know are learned.
  /// \returns what is not as it was written; empty is right
  [[nodiscard]] Result<std::string> compare(Model& model, const Records& records, bool all, Random& random);
  /// Pages of 4 KiB of an active volume, made durable.
  [[nodiscard]] Status write(const std::string& volume, std::uint64_t page, std::uint64_t count, std::uint64_t stamp);
  [[nodiscard]] Status discard(const std::string& volume, std::uint64_t block, std::uint64_t count);

  [[nodiscard]] std::uint64_t pages_compared() const { return pages_; }

 private:
  struct Item {
    std::string name, device, vault;
    ThinId thin;
    std::uint64_t size = 0;
    std::optional<VersionRef> basis;
  };

  [[nodiscard]] Result<std::optional<std::string>> readable(const Item& thing, const Records& records);
  [[nodiscard]] Result<std::string> one(const Item& thing, const Records& records, Contents& contents, bool all,
                                        Random& random);
  [[nodiscard]] Status read(const std::string& device, std::uint64_t first, std::uint64_t count, Pages& out);
  [[nodiscard]] Status close_looks();

  dm::DeviceMapper& dm_;
  std::vector<std::string> looks_;  ///< devices made to look, the last one on top
  std::uint64_t pages_ = 0;
};

}  // namespace tclone::lab::model
