// SPDX-License-Identifier: GPL-2.0-or-later
// Private to crypt/: the Luks that libcryptsetup carries out. One .cpp per concern: format, open, slots, destroy,
// backup.
#pragma once

#include "crypt/luks/luks.h"

namespace tclone::crypt {

class LibLuks final : public Luks {
 public:
  Result<Formatted> format(const FormatRequest& request, const Secret& secret) override;
  Result<HeaderFacts> inspect(const std::string& device) override;
  Status open(const std::string& device, const std::string& name, const HeaderFacts& expected,
              const Secret& secret) override;
  Status open_with_volume_key(const std::string& device, const std::string& name, const HeaderFacts& expected,
                              const Secret& volume_key) override;
  Status open_with_token(const std::string& device, const std::string& name, const HeaderFacts& expected,
                         const PinOf& pin_of) override;
  Result<int> test(const std::string& device, const HeaderFacts& expected, const Secret& secret) override;
  Result<int> test_token(const std::string& device, const HeaderFacts& expected, const PinOf& pin_of) override;
  Result<Secret> copy_header(const std::string& device, const HeaderFacts& expected) override;
  Result<TokenKey> ask_token(const Secret& header, const HeaderFacts& expected, const std::string& what,
                             const PinOf& pin_of) override;
  Result<Secret> volume_key(const std::string& device, const HeaderFacts& expected, const Secret& secret) override;
  Result<std::vector<Keyslot>> keyslots(const std::string& device) override;
  Result<int> add_key(const std::string& device, const HeaderFacts& expected, const Secret& existing,
                      const Secret& added, Cost cost) override;
  Status remove_key(const std::string& device, const HeaderFacts& expected, int keyslot) override;
  Status remove_last_key(const std::string& device, const HeaderFacts& expected, int keyslot) override;
  Status destroy(const std::string& device) override;
  Status backup(const std::string& device, const std::string& file) override;
  Status check_backup(const std::string& file, const HeaderFacts& expected) override;
  Status restore(const std::string& device, const std::string& file, const HeaderFacts& expected) override;
};

}  // namespace tclone::crypt
