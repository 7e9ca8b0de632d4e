// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/request.h"

#include <charconv>
#include <filesystem>

#include "crypt/keys/key_source.h"

namespace tclone::cli::request {
namespace {

tl::unexpected<Error> conflict(const Invocation& call, std::string_view why) {
  return fail(Code::usage, "", why, "see tclone " + std::string(call.command().words) + " --help");
}

Result<std::optional<Bytes>> size_of(const Invocation& call) {
  if (!call.has("size")) return std::optional<Bytes>{};
  return std::optional<Bytes>{TC_TRY(parse_size(call.one("size")))};
}

Result<std::optional<KeySource>> key_of(const Invocation& call, const char* option = "key") {
  if (!call.has(option)) return std::optional<KeySource>{};
  return std::optional<KeySource>{TC_TRY(crypt::parse_key_source(call.one(option)))};
}

/// The number in `text`, at most `most`; `what` completes "is no".
Result<std::uint32_t> number_in(const Invocation& call, const std::string& text, std::uint32_t most,
                                const std::string& what) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > most) {
    return conflict(call, "'" + text + "' is no " + what);
  }
  return number;
}

Result<std::optional<std::uint32_t>> slot_of(const Invocation& call) {
  const std::string text = call.one("SLOT");
  if (text.empty()) return std::optional<std::uint32_t>{};
  return std::optional<std::uint32_t>{TC_TRY(number_in(call, text, 31, "number of a key slot"))};
}

/// The engine takes absolute paths only: what is relative is meant from where the command was typed.
std::string absolute(const std::string& path) {
  std::error_code unknown;
  const auto whole = path.empty() ? std::filesystem::path() : std::filesystem::absolute(path, unknown);
  return unknown ? path : whole.lexically_normal().string();
}

std::vector<std::string> absolute(std::vector<std::string> paths) {
  for (std::string& path : paths) path = absolute(path);
  return paths;
}

bool is_path(const std::string& word) { return word.find('/') != std::string::npos; }

}  // namespace

std::string pool(const Invocation& call) {
  const std::string named = call.one("NAME");
  return named.empty() ? call.globals.pool : named;
}

Result<engine::PoolCreate> pool_create(const Invocation& call) {
  engine::PoolCreate out;
  out.devices = absolute(call.all("DEVICE"));
  const std::string first = call.one("NAME");
  if (is_path(first)) {
    out.devices.insert(out.devices.begin(), absolute(first));
  } else if (!first.empty()) {
    out.name = first;
  } else if (!call.globals.pool.empty()) {
    out.name = call.globals.pool;
  }
  out.file = absolute(call.one("file"));
  out.size = TC_TRY(size_of(call));
  if (!out.devices.empty() && (!out.file.empty() || out.size))
    return conflict(call, "--file and --size are for a pool in a file, not for one on devices");
  if (call.one("sector-size") == "512") out.sector_size = 512;
  if (call.one("when-full") == "error") out.when_full = WhenFull::error;
  out.force = call.has("force");
  return out;
}

engine::PoolActivate pool_activate(const Invocation& call) {
  return {pool(call), call.has("volumes"), call.has("takeover")};
}

engine::PoolImport pool_import(const Invocation& call) {
  return {absolute(call.all("PATH")), call.one("name"), call.has("takeover")};
}

Result<engine::PoolGrow> pool_grow(const Invocation& call) {
  return engine::PoolGrow{pool(call), TC_TRY(size_of(call)), absolute(call.all("add")), call.has("force")};
}

Result<engine::PoolStock> pool_stock(const Invocation& call) {
  engine::PoolStock out{pool(call), {}};
  if (call.has("keep")) out.count = TC_TRY(number_in(call, call.one("keep"), 64, "number of vaults from 0 to 64"));
  return out;
}

Result<engine::Create> create(const Invocation& call) {
  engine::Create out;
  out.pool = call.globals.pool;
  out.name = call.one("NAME");
  out.size = TC_TRY(size_of(call));
  out.from = call.one("from");
  if (!out.size && out.from.empty()) return conflict(call, "--size is missing");
  if (!out.from.empty() && call.has("fs")) return conflict(call, "--fs means nothing with --from: the image has one");
  if (call.has("fs")) out.fs = TC_TRY(parse_fs_kind(call.one("fs")));
  out.plain = call.has("plain");
  out.key = TC_TRY(key_of(call));
  if (out.plain && out.key) return conflict(call, "--plain and --key exclude each other");
  return out;
}

Result<engine::Clone> clone(const Invocation& call) {
  engine::Clone out;
  out.pool = call.globals.pool;
  out.source = call.one("SOURCE");
  out.name = call.one("NAME");
  out.shared_key = call.has("shared-key");
  out.vault = call.one("vault");
  out.key = TC_TRY(key_of(call));
  out.follows = call.one("follow");
  if (out.shared_key && out.key) return conflict(call, "--shared-key and --key exclude each other");
  if (out.shared_key && !out.vault.empty()) return conflict(call, "--shared-key and --vault exclude each other");
  if (!out.vault.empty() && out.key) return conflict(call, "--vault and --key exclude each other: the vault has a key");
  return out;
}

engine::Publish publish(const Invocation& call) {
  return {call.globals.pool, call.all("NAME"), call.all("tag"), call.one("message")};
}

engine::Reset restart(const Invocation& call) {
  engine::Reset out;
  out.pool = call.globals.pool;
  out.name = call.one("NAME");
  out.to = call.one("to");
  out.if_newer = call.command().id == Id::refresh && call.has("if-newer");
  return out;
}

engine::Named named(const Invocation& call) { return {call.globals.pool, call.one("NAME")}; }

engine::Named place(const Invocation& call) {
  const std::string place = call.one("NAME");
  return {call.globals.pool, is_path(place) ? absolute(place) : place};
}

Result<engine::Activation> activation(const Invocation& call) {
  engine::Activation out{call.globals.pool, call.all("NAME"), call.has("all")};
  if (out.all && !out.names.empty()) return conflict(call, "--all and a name exclude each other");
  if (!out.all && out.names.empty()) return conflict(call, "NAME or --all is missing");
  return out;
}

engine::Mount mount(const Invocation& call) {
  return {call.globals.pool, call.one("NAME"), absolute(call.one("DIR")), call.has("read-only"), call.one("options")};
}

Status check(const Invocation& call) {
  const auto status = [](const auto& made) { return made ? Status{} : Status(tl::unexpected(made.error())); };
  switch (call.command().id) {
    case Id::pool_create: return status(pool_create(call));
    case Id::create: return status(create(call));
    case Id::clone: return status(clone(call));
    case Id::activate:
    case Id::deactivate: return status(activation(call));
    case Id::key_add: return status(key_add(call));
    case Id::key_rm: return status(key_remove(call));
    case Id::key_test: return status(key_source(call));
    case Id::rekey: return status(rekey(call));
    case Id::resize: return status(new_size(call));
    default: return {};
  }
}

Result<std::optional<KeySource>> key_source(const Invocation& call) { return key_of(call); }

Result<engine::KeyAdd> key_add(const Invocation& call) {
  const auto key = TC_TRY(key_of(call));
  if (!key) return conflict(call, "--key is missing");
  return engine::KeyAdd{call.globals.pool, call.one("NAME"), *key, TC_TRY(key_of(call, "unlock"))};
}

Result<engine::KeyRemove> key_remove(const Invocation& call) {
  engine::KeyRemove out;
  out.pool = call.globals.pool;
  out.name = call.one("NAME");
  out.slot = TC_TRY(slot_of(call));
  out.key = TC_TRY(key_of(call));
  out.use = TC_TRY(key_of(call, "use"));
  out.last = call.has("yes");
  if (out.slot && out.key) return conflict(call, "SLOT and --key exclude each other");
  if (!out.slot && !out.key) return conflict(call, "SLOT or --key is missing");
  return out;
}

Result<engine::RekeyRequest> rekey(const Invocation& call) {
  engine::RekeyRequest out;
  out.pool = call.globals.pool;
  out.name = call.one("NAME");
  out.key = TC_TRY(key_of(call));
  out.unlock = TC_TRY(key_of(call, "unlock"));
  out.lose_keys = call.has("yes");
  out.compare = call.has("compare");
  out.cancel = call.has("cancel");
  if (out.cancel && (out.key || out.unlock || out.compare)) return conflict(call, "--cancel goes with no other option");
  return out;
}

Result<Bytes> new_size(const Invocation& call) { return parse_size(call.one("SIZE")); }

}  // namespace tclone::cli::request
