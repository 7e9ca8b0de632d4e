// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake/fake_luks.h"

#include <fstream>

namespace tclone::test {

Status FakeLuks::begin(const std::string& op, const std::string& device) {
  on_pass();
  for (auto failure = failures_.begin(); failure != failures_.end(); ++failure) {
    if (failure->op != op || failure->skip-- > 0) continue;
    const Code code = failure->code;
    failures_.erase(failure);
    return fail(code, device, "the test wants " + op + " to fail");
  }
  if (mapper_.name_at(device).empty()) return fail_errno(ENOENT, device, "there is no such device");
  return {};
}

Result<FakeHeader*> FakeLuks::header(const std::string& device) {
  const auto found = headers_.find(mapper_.place(device));
  if (found == headers_.end()) return fail(Code::damaged, device, "no LUKS2 header");
  return &found->second;
}

Result<FakeHeader*> FakeLuks::expected_header(const std::string& device, const HeaderFacts& expected) {
  FakeHeader* found = TC_TRY(header(device));
  if (found->facts != expected) return fail(Code::damaged, device, "the header is another one than the record says");
  return found;
}

Result<int> FakeLuks::slot_of(const std::string& device, const FakeHeader& header, const Secret& secret) {
  for (const auto& [number, known] : header.slots) {
    if (known.same_as(secret)) return number;
  }
  return fail(Code::key, device, "the secret opens no keyslot");
}

Status FakeLuks::activate(const std::string& device, const std::string& name, const HeaderFacts& facts) {
  const std::string below = mapper_.name_at(device);
  const dm::Table table = TC_TRY(mapper_.table(below));
  const auto info = TC_TRY(mapper_.info(below));
  const Sectors offset = to_sectors(facts.data_offset);
  auto made = mapper_.create(
      {name,
       "CRYPT-LUKS2-" + facts.uuid.compact() + "-" + name,
       {{{0}, table.front().length - offset, "crypt", "aes - 0 " + info->dev() + " " + std::to_string(offset.n)}},
       false,
       dm::Udev::hidden});
  if (made) on_pass();
  return made;
}

Result<crypt::Formatted> FakeLuks::format(const crypt::FormatRequest& request, const Secret& secret) {
  TC_CHECK(begin("format", request.device));
  FakeHeader made;
  made.facts = {request.uuid, "aes", "xts-plain64", 512, request.sector_size, kMiB * 2};
  made.slots.emplace(0, TC_TRY(Secret::copy_of(secret.bytes())));
  made.volume_key = TC_TRY(Secret::random(64));
  crypt::Formatted out{made.facts, TC_TRY(Secret::copy_of(made.volume_key.bytes()))};
  headers_.insert_or_assign(mapper_.place(request.device), std::move(made));
  on_pass();
  return out;
}

Result<HeaderFacts> FakeLuks::inspect(const std::string& device) { return TC_TRY(header(device))->facts; }

Status FakeLuks::open(const std::string& device, const std::string& name, const HeaderFacts& expected,
                      const Secret& secret) {
  TC_CHECK(begin("open", device));
  const FakeHeader* found = TC_TRY(expected_header(device, expected));
  TC_TRY(slot_of(device, *found, secret));
  return activate(device, name, expected);
}

Status FakeLuks::open_with_volume_key(const std::string& device, const std::string& name, const HeaderFacts& expected,
                                      const Secret& volume_key) {
  TC_CHECK(begin("open", device));
  const FakeHeader* found = TC_TRY(expected_header(device, expected));
  if (!found->volume_key.same_as(volume_key)) return fail(Code::key, device, "not the volume key of this header");
  return activate(device, name, expected);
}

Result<FakeHeader*> FakeLuks::by_token(FakeHeader& header, const std::string& what, const crypt::PinOf& pin_of) {
  if (!on_token) return fail(Code::kernel, what, "tokens are not supported here");
  on_token();
  if (token_pin.empty()) return &header;
  const Secret pin = TC_TRY(pin_of("systemd-tpm2"));
  if (std::string(pin.chars(), pin.size()) != token_pin) return fail(Code::key, what, "the PIN is wrong");
  return &header;
}

Status FakeLuks::open_with_token(const std::string& device, const std::string& name, const HeaderFacts& expected,
                                 const crypt::PinOf& pin_of) {
  TC_CHECK(begin("open", device));
  TC_TRY(by_token(*TC_TRY(expected_header(device, expected)), device, pin_of));
  return activate(device, name, expected);
}

Result<int> FakeLuks::test_token(const std::string& device, const HeaderFacts& expected, const crypt::PinOf& pin_of) {
  return TC_TRY(by_token(*TC_TRY(expected_header(device, expected)), device, pin_of))->slots.begin()->first;
}

Result<int> FakeLuks::test(const std::string& device, const HeaderFacts& expected, const Secret& secret) {
  return slot_of(device, *TC_TRY(expected_header(device, expected)), secret);
}

/// Its place, and what changes with its slots.
Result<Secret> FakeLuks::copy_header(const std::string& device, const HeaderFacts& expected) {
  if (!on_token || token_in_place) return Luks::copy_header(device, expected);
  std::string copy = mapper_.place(device);
  for (const auto& [number, secret] : TC_TRY(expected_header(device, expected))->slots) {
    copy += "\n" + std::to_string(number);
  }
  return Secret::copy_of(std::as_bytes(std::span(copy)));
}

Result<crypt::TokenKey> FakeLuks::ask_token(const Secret& header, const HeaderFacts&, const std::string& what,
                                            const crypt::PinOf& pin_of) {
  const std::string copy(header.chars(), header.size());
  const auto found = headers_.find(copy.substr(0, copy.find('\n')));
  if (found == headers_.end()) return fail(Code::key, what, "no token opens it");
  TC_TRY(by_token(found->second, what, pin_of));
  return crypt::TokenKey{found->second.slots.begin()->first, TC_TRY(Secret::copy_of(found->second.volume_key.bytes()))};
}

Result<Secret> FakeLuks::volume_key(const std::string& device, const HeaderFacts& expected, const Secret& secret) {
  const FakeHeader* found = TC_TRY(expected_header(device, expected));
  TC_TRY(slot_of(device, *found, secret));
  return Secret::copy_of(found->volume_key.bytes());
}

Result<std::vector<crypt::Keyslot>> FakeLuks::keyslots(const std::string& device) {
  std::vector<crypt::Keyslot> out;
  for (const auto& [number, secret] : TC_TRY(header(device))->slots) out.push_back({number, "pbkdf2", 1000, 0, false});
  return out;
}

Result<int> FakeLuks::add_key(const std::string& device, const HeaderFacts& expected, const Secret& existing,
                              const Secret& added, crypt::Cost) {
  TC_CHECK(begin("add_key", device));
  FakeHeader* found = TC_TRY(expected_header(device, expected));
  TC_TRY(slot_of(device, *found, existing));
  int number = 0;
  while (found->slots.count(number) > 0) ++number;
  if (number >= 4) return fail(Code::no_space, device, "all keyslots are taken");
  found->slots.emplace(number, TC_TRY(Secret::copy_of(added.bytes())));
  on_pass();
  return number;
}

Status FakeLuks::remove_key(const std::string& device, const HeaderFacts& expected, int keyslot) {
  TC_CHECK(begin("remove_key", device));
  if (TC_TRY(header(device))->slots.size() == 1) return fail(Code::exists, device, "it is the last one");
  if (TC_TRY(expected_header(device, expected))->slots.erase(keyslot) == 0) {
    return fail(Code::not_found, device, "there is no such keyslot");
  }
  on_pass();
  return {};
}

Status FakeLuks::remove_last_key(const std::string& device, const HeaderFacts& expected, int keyslot) {
  TC_CHECK(begin("remove_last_key", device));
  if (TC_TRY(expected_header(device, expected))->slots.erase(keyslot) == 0) {
    return fail(Code::not_found, device, "there is no such keyslot");
  }
  on_pass();
  return {};
}

Status FakeLuks::destroy(const std::string& device) {
  TC_CHECK(begin("destroy", device));
  const auto info = TC_TRY(mapper_.info(mapper_.name_at(device)));
  if (info && info->open_count > 0) return fail(Code::busy, device, "something is active on it");
  headers_.erase(mapper_.place(device));
  destroyed_.push_back(mapper_.place(device));
  on_pass();
  return {};
}

Status FakeLuks::backup(const std::string& device, const std::string& file) {
  TC_CHECK(begin("backup", device));
  const FakeHeader* found = TC_TRY(header(device));
  FakeHeader copy{found->facts, {}, TC_TRY(Secret::copy_of(found->volume_key.bytes()))};
  for (const auto& [number, secret] : found->slots) copy.slots.emplace(number, TC_TRY(Secret::copy_of(secret.bytes())));
  if (!backups_.try_emplace(file, std::move(copy)).second) return fail(Code::exists, file, "the file exists");
  std::ofstream(file) << "a header of the fake";
  return {};
}

Status FakeLuks::check_backup(const std::string& file, const HeaderFacts& expected) {
  const auto saved = backups_.find(file);
  if (saved == backups_.end()) return fail(Code::damaged, file, "no LUKS2 header");
  if (saved->second.facts != expected) return fail(Code::damaged, file, "a header with another UUID");
  return {};
}

Status FakeLuks::restore(const std::string& device, const std::string& file, const HeaderFacts& expected) {
  TC_CHECK(begin("restore", device));
  TC_CHECK(check_backup(file, expected));
  const auto saved = backups_.find(file);
  FakeHeader& to = headers_[mapper_.place(device)];
  to.facts = saved->second.facts;
  to.volume_key = TC_TRY(Secret::copy_of(saved->second.volume_key.bytes()));
  to.slots.clear();
  for (const auto& [number, secret] : saved->second.slots)
    to.slots.emplace(number, TC_TRY(Secret::copy_of(secret.bytes())));
  return {};
}

}  // namespace tclone::test
