// SPDX-License-Identifier: GPL-2.0-or-later
// Readers of what the kernel prints: the status lines of thin-pool and thin, and the parameters of a thin.
#include <algorithm>
#include <charconv>
#include <string_view>

#include "dm/targets.h"

namespace tclone::dm {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (word.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// "used/total".
bool fraction(std::string_view word, std::uint64_t& used, std::uint64_t& total) {
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos) return false;
  const auto left = number(word.substr(0, slash));
  const auto right = number(word.substr(slash + 1));
  if (!left || !right) return false;
  used = *left;
  total = *right;
  return true;
}

std::optional<PoolMode> mode_of(std::string_view word) {
  if (word == "rw") return PoolMode::rw;
  if (word == "ro") return PoolMode::ro;
  if (word == "out_of_data_space") return PoolMode::out_of_data_space;
  if (word == "out_of_metadata_space") return PoolMode::out_of_metadata;
  return std::nullopt;
}

tl::unexpected<Error> unreadable(const char* what, const std::string& text) {
  return fail(Code::damaged, {}, std::string("the kernel's ") + what + " cannot be understood: \"" + text + "\"");
}

}  // namespace

// <transaction id> <used>/<total metadata blocks> <used>/<total data blocks> <held metadata root>|-
//   rw|ro|out_of_data_space <discard words> error_if_no_space|queue_if_no_space [needs_check|-] [<low water mark>]
// or "Fail", or "Error" when the kernel could not gather it (pool_status in dm-thin.c).
Result<PoolStatus> parse_pool_status(const std::string& params) {
  const auto words = words_of(params);
  PoolStatus status;
  if (words.size() == 1 && words[0] == "Fail") return status;
  if (words.size() == 1 && words[0] == "Error") {
    return fail(Code::damaged, {}, "the kernel could not read the status of the thin-pool", "see the kernel log");
  }
  if (words.size() < 5) return unreadable("thin-pool status", params);

  const auto transaction = number(words[0]);
  const auto mode = mode_of(words[4]);
  if (!transaction || !mode || !fraction(words[1], status.used_metadata, status.total_metadata) ||
      !fraction(words[2], status.used_data, status.total_data)) {
    return unreadable("thin-pool status", params);
  }
  if (words[3] != "-") {
    status.held_root = number(words[3]);
    if (!status.held_root) return unreadable("thin-pool status", params);
  }
  status.transaction = *transaction;
  status.mode = *mode;
  for (std::size_t i = 5; i < words.size(); ++i) {
    if (words[i] == "needs_check") status.needs_check = true;
    if (words[i] == "error_if_no_space") status.error_if_full = true;
  }
  return status;
}

// <mapped sectors> <highest mapped sector>|-   or "Fail" when the pool has failed.
std::string health_text(const PoolStatus& s) {
  if (s.mode == PoolMode::fail) return "failed";
  if (s.needs_check) return "needs check";
  if (s.mode == PoolMode::ro) return "read-only";
  if (s.mode == PoolMode::out_of_metadata) return "out of metadata";
  if (s.mode == PoolMode::out_of_data_space) return "out of data space";
  return "ok";
}

Result<ThinStatus> parse_thin_status(const std::string& params) {
  const auto words = words_of(params);
  ThinStatus status;
  if (words.size() == 1 && words[0] == "Fail") {
    status.failed = true;
    return status;
  }
  if (words.size() < 2) return unreadable("thin status", params);
  const auto mapped = number(words[0]);
  if (!mapped) return unreadable("thin status", params);
  status.mapped = {*mapped};
  if (words[1] != "-") {
    const auto highest = number(words[1]);
    if (!highest) return unreadable("thin status", params);
    status.highest = Sectors{*highest};
  }
  return status;
}

Result<ThinId> thin_id_of(const Target& target) {
  const auto words = words_of(target.params);
  constexpr std::uint64_t kNone = kMaxThinId + 1ULL;
  const std::uint64_t id = words.size() < 2 ? kNone : number(words[1]).value_or(kNone);
  if (target.type != "thin" || id > kMaxThinId) {
    return fail(Code::damaged, {}, "not the table of a thin device: \"" + target.type + " " + target.params + "\"");
  }
  return ThinId{static_cast<std::uint32_t>(id)};
}

}  // namespace tclone::dm
