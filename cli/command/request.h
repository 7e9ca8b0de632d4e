// SPDX-License-Identifier: GPL-2.0-or-later
// From a command line to what the engine is asked: a wrong combination of options ends here. Looks at nothing but the
// working folder, which relative paths are meant from.
#pragma once

#include "cli/command/invocation.h"
#include "engine/api/api.h"

namespace tclone::cli::request {

[[nodiscard]] Result<engine::PoolCreate> pool_create(const Invocation& call);
[[nodiscard]] engine::PoolActivate pool_activate(const Invocation& call);
[[nodiscard]] engine::PoolImport pool_import(const Invocation& call);
[[nodiscard]] Result<engine::PoolGrow> pool_grow(const Invocation& call);
[[nodiscard]] Result<engine::PoolStock> pool_stock(const Invocation& call);
[[nodiscard]] Result<engine::Create> create(const Invocation& call);
[[nodiscard]] Result<engine::Clone> clone(const Invocation& call);
[[nodiscard]] engine::Publish publish(const Invocation& call);
[[nodiscard]] engine::Reset restart(const Invocation& call);
[[nodiscard]] engine::Named named(const Invocation& call);
/// A volume, or with a slash in it a folder.
[[nodiscard]] engine::Named place(const Invocation& call);
[[nodiscard]] Result<engine::Activation> activation(const Invocation& call);
[[nodiscard]] engine::Mount mount(const Invocation& call);
[[nodiscard]] Result<engine::KeyAdd> key_add(const Invocation& call);
[[nodiscard]] Result<engine::KeyRemove> key_remove(const Invocation& call);
[[nodiscard]] Result<engine::RekeyRequest> rekey(const Invocation& call);
/// The source --key names, if it was given.
[[nodiscard]] Result<std::optional<KeySource>> key_source(const Invocation& call);
[[nodiscard]] Result<Bytes> new_size(const Invocation& call);
/// Everything that can be wrong with a request before the pool is looked at; the functions below say it again.
[[nodiscard]] Status check(const Invocation& call);

/// Of the commands that take the pool as their argument: that, else -p.
[[nodiscard]] std::string pool(const Invocation& call);

}  // namespace tclone::cli::request
