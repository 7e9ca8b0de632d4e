// SPDX-License-Identifier: GPL-2.0-or-later
// In which order tokens are asked, and for which of them somebody is asked for a PIN.
#include "crypt/luks/tokens.h"

#include <cerrno>
#include <map>

#include "crypt/keys/key_source.h"
#include "unit/crypt/support.h"

using namespace tclone;
using namespace tclone::crypt;
using crypt::test::Folder;
using crypt::test::secret_of;
using crypt::test::text_of;
using crypt::test::write_file;

namespace {

/// Tokens as libcryptsetup shows them: what each says without a PIN, and with one.
struct Tokens {
  std::vector<Enrolled> enrolled;
  std::map<int, std::pair<int, int>> says;
  std::string asked;  ///< "0 1 1pin"
  std::string pins;   ///< the types somebody was asked for the PIN of

  void add(const std::string& type, int without, int with = -EIO) {
    const int token = static_cast<int>(enrolled.size());
    enrolled.push_back({token, type, {token}});
    says[token] = {without, with};
  }
  Result<int> open() {
    const auto pin_of = [&](const std::string& type) -> Result<Secret> {
      pins += type + " ";
      return secret_of("1234");
    };
    const auto attempt = [&](const Enrolled& e, const Secret* pin) -> Result<int> {
      asked += std::to_string(e.token) + (pin == nullptr ? " " : "pin ");
      return pin == nullptr ? says[e.token].first : says[e.token].second;
    };
    return ask_in_turn(enrolled, pin_of, attempt, "vault v");
  }
};

}  // namespace

TEST_CASE_METHOD(Tokens, "nobody is asked for a PIN when a token opens without one") {
  add("systemd-fido2", -ENOANO, 0);
  add("systemd-tpm2", 1);
  CHECK(open().value() == 1);
  CHECK(pins.empty());
}

TEST_CASE_METHOD(Tokens, "tokens that want a PIN come after the others, with one PIN for all of a type") {
  add("systemd-fido2", -ENOANO, -EAGAIN);
  add("systemd-tpm2", -ENOENT);
  add("systemd-fido2", -ENOANO, 2);
  CHECK(open().value() == 2);
  CHECK(asked == "0 1 2 0pin 2pin ");
  CHECK(pins == "systemd-fido2 ");
}

TEST_CASE_METHOD(Tokens, "the hardware of another type has its own PIN") {
  add("systemd-fido2", -ENOANO, -EAGAIN);
  add("systemd-tpm2", -ENOANO, 1);
  CHECK(open().value() == 1);
  CHECK(pins == "systemd-fido2 systemd-tpm2 ");
}

TEST_CASE_METHOD(Tokens, "a PIN that is not taken is tried once and with no other token") {
  // What the plugins of systemd say: that of FIDO2, and that of TPM 2 up to version 252.
  const int refusal = GENERATE(-ENOANO, -ENOTRECOVERABLE);
  add("systemd-tpm2", -ENOANO, refusal);
  add("systemd-tpm2", -ENOANO, 1);
  add("systemd-fido2", -ENOANO, 2);
  const auto opened = open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Code::key);
  CHECK(opened.error().text().find("systemd-tpm2") != std::string::npos);
  CHECK(opened.error().text().find("PIN") != std::string::npos);
  CHECK(asked == "0 1 2 0pin ");
}

TEST_CASE_METHOD(Tokens, "an error that ends an activation ends it, and what was asked is named") {
  add("systemd-tpm2", -EIO);
  add("systemd-fido2", 1);
  const auto opened = open();
  REQUIRE_FALSE(opened);
  CHECK(asked == "0 ");
  CHECK(opened.error().text().find("systemd-tpm2, systemd-fido2") != std::string::npos);
}

TEST_CASE("a PIN comes from the credential that systemd has for such a token, or from that for all") {
  const Folder folder;
  REQUIRE(setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1) == 0);
  write_file(folder / "cryptsetup.luks2-pin", "any");
  write_file(folder / "cryptsetup.tpm2-pin", "12\n");
  CHECK(text_of(read_pin("systemd-tpm2", "vault v").value()) == "12\n");
  CHECK(text_of(read_pin("systemd-fido2", "vault v").value()) == "any");
  CHECK(text_of(read_pin("of-somebody", "vault v").value()) == "any");
  write_file(folder / "cryptsetup.fido2-pin", "");
  CHECK(read_pin("systemd-fido2", "vault v").error().code == Code::key);
  REQUIRE(unsetenv("CREDENTIALS_DIRECTORY") == 0);
}
