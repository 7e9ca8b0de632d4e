// SPDX-License-Identifier: GPL-2.0-or-later
// The LUKS2 header of one vault, whether the vault is open or closed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/api/api.h"
#include "engine/core/session.h"
#include "engine/core/work.h"
#include "model/journal.h"
#include "model/key.h"
#include "model/vault.h"

namespace tclone::engine {

/// Calls `act` with the path of the device that carries the header. Of a closed vault only the outer thin is activated,
/// and taken down again whatever `act` returns. The caller has set a WorkMark.
[[nodiscard]] Status with_header(Session& s, Work& w, const Vault& vault,
                                 const std::function<Status(const std::string&)>& act);

/// The vault of a volume; usage when it is not encrypted.
[[nodiscard]] Result<Vault> encrypted_vault(const Session& s, const std::string& volume);
/// damaged, naming what differs, when the header on the device is not the one of the record.
[[nodiscard]] Status check_header(Session& s, const Vault& vault, const std::string& device);

/// The one kind of source that gives no secret to read.
constexpr const char* kTokenKind = "token";
/// Vault::slots, with what an empty list means put in.
[[nodiscard]] std::vector<SlotSource> known_slots(const Vault& vault);
/// The secret of a source. Without the lock, or once a journal is written, this waits for whoever has to answer; else see
/// Secrets::get.
[[nodiscard]] Result<Secret> secret_of(const Session& s, const Work& w, const Vault& vault, const KeySource& source,
                                       crypt::Purpose purpose);
/// Fails as secret_of does when the key of a vault that is closed would have to be waited for, or was and did not come.
/// A source that answers at once is not asked; for a token the outer thin is activated and taken down again. The caller has
/// set a WorkMark.
[[nodiscard]] Status require_key(Session& s, Work& w, const Vault& vault);
/// The same for a slot of a header that is to be made.
[[nodiscard]] Status require_key_to_set(Session& s, Work& w, const Vault& vault, const KeySource& source);
/// For Luks: a PIN is waited for as secret_of waits.
[[nodiscard]] crypt::PinOf pin_of(const Session& s, const Work& w, const Vault& vault, Pin pin = Pin::ask);
/// What the vault's token opens, by what it said when it was asked without the lock; where that is still to be done and can
/// be, the error of Secrets::want_token. nullopt: it has to be asked under the lock. busy: the header is not the one it was
/// asked with any more.
[[nodiscard]] Result<std::optional<crypt::TokenKey>> token_key(const Session& s, const Work& w, const Vault& vault,
                                                               const std::string& device, Pin pin = Pin::ask);
/// The slot that a source opens; error key if none.
[[nodiscard]] Result<std::uint32_t> slot_of(const Session& s, const Work& w, const Vault& vault,
                                            const KeySource& source, const std::string& device, Pin pin = Pin::ask);

/// Pays a due: the slot is destroyed and flushed, then the key file removed if that is due as well. A slot that is gone
/// is fine.
[[nodiscard]] Status remove_key(Session& s, Work& w, const KeyCleanup& due);

}  // namespace tclone::engine
