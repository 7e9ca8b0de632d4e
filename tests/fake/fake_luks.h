// SPDX-License-Identifier: GPL-2.0-or-later
// A Luks in memory over FakeDeviceMapper: headers belong to the outer thin they were written to, whatever its device is
// called; opening one makes a "crypt" device in the fake.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "crypt/luks/luks.h"
#include "fake/fake_device_mapper.h"

namespace tclone::test {

struct FakeHeader {
  HeaderFacts facts;
  std::map<int, Secret> slots;
  Secret volume_key;
};

class FakeLuks final : public crypt::Luks {
 public:
  explicit FakeLuks(FakeDeviceMapper& mapper) : mapper_(mapper) {}

  Result<crypt::Formatted> format(const crypt::FormatRequest& request, const Secret& secret) override;
  Result<HeaderFacts> inspect(const std::string& device) override;
  Status open(const std::string& device, const std::string& name, const HeaderFacts& expected,
              const Secret& secret) override;
  Status open_with_volume_key(const std::string& device, const std::string& name, const HeaderFacts& expected,
                              const Secret& volume_key) override;
  Status open_with_token(const std::string& device, const std::string& name, const HeaderFacts& expected,
                         const crypt::PinOf& pin_of) override;
  Result<int> test_token(const std::string& device, const HeaderFacts& expected, const crypt::PinOf& pin_of) override;
  Result<int> test(const std::string& device, const HeaderFacts& expected, const Secret& secret) override;
  Result<Secret> copy_header(const std::string& device, const HeaderFacts& expected) override;
  Result<crypt::TokenKey> ask_token(const Secret& header, const HeaderFacts& expected, const std::string& what,
                                    const crypt::PinOf& pin_of) override;
  Result<Secret> volume_key(const std::string& device, const HeaderFacts& expected, const Secret& secret) override;
  Result<std::vector<crypt::Keyslot>> keyslots(const std::string& device) override;
  Result<int> add_key(const std::string& device, const HeaderFacts& expected, const Secret& existing,
                      const Secret& added, crypt::Cost cost) override;
  Status remove_last_key(const std::string& device, const HeaderFacts& expected, int keyslot) override;
  Status remove_key(const std::string& device, const HeaderFacts& expected, int keyslot) override;
  Status destroy(const std::string& device) override;
  Status backup(const std::string& device, const std::string& file) override;
  Status check_backup(const std::string& file, const HeaderFacts& expected) override;
  Status restore(const std::string& device, const std::string& file, const HeaderFacts& expected) override;

  /// The (skip+1)-th next call of `op` ("format", "open", "destroy"...) fails and does nothing.
  void fail_next(const std::string& op, Code code, int skip = 0) { failures_.push_back({op, code, skip}); }
  /// Called before and after whatever changes or opens something; may throw to simulate a crash there.
  std::function<void()> on_pass = [] {};

  /// Called while a token is asked; every header has one then, which opens its lowest slot.
  std::function<void()> on_token;
  /// The PIN that tokens want, if any. They are of type "systemd-tpm2".
  std::string token_pin;
  /// Whether a token cannot be asked with a copy of the header.
  bool token_in_place = false;

  /// Headers there are, by the place they lie at.
  [[nodiscard]] const std::map<std::string, FakeHeader>& headers() const { return headers_; }
  /// The places of destroyed headers, in order; a place that had none counts as well.
  [[nodiscard]] const std::vector<std::string>& destroyed() const { return destroyed_; }

 private:
  struct Failure {
    std::string op;
    Code code;
    int skip;
  };
  /// What a token is, and its PIN.
  [[nodiscard]] Result<FakeHeader*> by_token(FakeHeader& header, const std::string& what, const crypt::PinOf& pin_of);
  [[nodiscard]] Status begin(const std::string& op, const std::string& device);
  [[nodiscard]] Result<FakeHeader*> header(const std::string& device);
  [[nodiscard]] Result<FakeHeader*> expected_header(const std::string& device, const HeaderFacts& expected);
  [[nodiscard]] Result<int> slot_of(const std::string& device, const FakeHeader& header, const Secret& secret);
  [[nodiscard]] Status activate(const std::string& device, const std::string& name, const HeaderFacts& facts);

  FakeDeviceMapper& mapper_;
  std::map<std::string, FakeHeader> headers_;
  std::map<std::string, FakeHeader> backups_;  ///< by file
  std::vector<std::string> destroyed_;
  std::vector<Failure> failures_;
};

}  // namespace tclone::test
