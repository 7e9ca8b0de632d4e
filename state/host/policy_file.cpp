// SPDX-License-Identifier: GPL-2.0-or-later
#include "state/host/policy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "model/names.h"
#include "state/files.h"
#include "state/host/policy_fields.h"
#include "state/rules.h"

namespace tclone {
namespace {

using namespace state;
using Kind = Node::Kind;

constexpr std::int64_t kLongestSpan = 100LL * 366 * 86400;
constexpr std::int64_t kLongestHook = 86400;
constexpr std::int64_t kMostFile = 1 << 20;
constexpr std::uint64_t kMostPeriods = 1000000;

Status good_line(std::string_view text) {
  if (text.empty()) return fail(Code::usage, "", "must not be empty");
  if (const Wrong why = wrong_line(text)) return fail(Code::usage, "", why);
  return {};
}
Status good_unit(std::string_view text) {
  TC_CHECK(good_line(text));
  if (text.front() == '-' || text.find('.') == std::string_view::npos || text.find_first_of(" /") != text.npos)
    return fail(Code::usage, "", "must be the name of a systemd unit such as web1.service");
  return {};
}
/// An argument may be empty.
Status good_argument(std::string_view text) {
  if (const Wrong why = wrong_message(text)) return fail(Code::usage, "", why);
  return {};
}

/// A number of periods, or a length of time.
void reach(HandTable& table, const char* key, Reach& value) {
  const Node* node = table.any(key);
  if (node == nullptr) return;
  if (node->kind == Kind::text) return table.span(key, value.span);
  if (node->kind == Kind::integer) return table.count(key, value.count, kMostPeriods);
  table.refuse(node->line, key, "must be a number of periods, or a string such as \"8w\"");
}

void free_goal(HandTable& table, std::optional<FreeGoal>& value) {
  const Node* node = table.of_kind("free", Kind::text, "must be a string such as \"10%\" or \"20G\"");
  if (node == nullptr) return;
  FreeGoal goal;
  const std::string& text = node->text;
  if (text.ends_with('%')) {
    const std::string digits = text.substr(0, text.size() - 1);
    const bool number = !digits.empty() && digits.size() <= 2 && digits.find_first_not_of("0123456789") == digits.npos;
    goal.percent = number ? static_cast<std::uint32_t>(std::stoul(digits)) : 0;
    if (goal.percent == 0) return table.refuse(node->line, "free", "must be 1% to 99%, or a size");
  } else {
    const auto size = parse_size(text);
    if (!size || size->n == 0) return table.refuse(node->line, "free", "must be a percentage or a size such as 20G");
    goal.bytes = *size;
  }
  value = goal;
}

template <class Fields>
void sub_table(HandTable& table, const char* key, Fields fields) {
  const Node* node = table.of_kind(key, Kind::table, "must be a table");
  if (node == nullptr) return;
  HandTable sub(table.source(), *node, std::string(key) + ".");
  fields(sub);
  sub.finish();
}

void keep_fields(HandTable& table, Keep& keep) {
  std::string versions = "own";
  table.text("versions", versions, [](std::string_view text) -> Status {
    if (text == "own" || text == "all") return {};
    return fail(Code::usage, "", "must be \"own\" or \"all\"");
  });
  keep.all = versions == "all";
  table.count("last", keep.last, kMostPeriods);
  table.span("within", keep.within);
  reach(table, "hourly", keep.hourly);
  reach(table, "daily", keep.daily);
  reach(table, "weekly", keep.weekly);
  reach(table, "monthly", keep.monthly);
  reach(table, "yearly", keep.yearly);
  table.span("min_age", keep.min_age);
  free_goal(table, keep.free);
}

void argv_key(HandTable& table, const char* key, std::vector<std::string>& value) {
  table.list(key, value, good_argument, false);
  const Node* node = table.any(key);
  if (node != nullptr && !value.empty() && !value.front().starts_with('/'))
    table.refuse(node->line, key, "must begin with the absolute path of a program; no shell is used");
}

void hook_fields(HandTable& table, Hooks& hooks) {
  argv_key(table, "pre", hooks.pre);
  argv_key(table, "post", hooks.post);
  table.span("timeout", hooks.timeout);
  const Node* node = table.any("timeout");
  if (node != nullptr && (hooks.timeout < 1 || hooks.timeout > kLongestHook))
    table.refuse(node->line, "timeout", "must be from 1s to 1d");
}

void after_fields(HandTable& table, After& after) {
  table.list("restart", after.restart, good_unit);
  table.list("refresh", after.refresh, names::check_volume_name);
  table.span("stagger", after.stagger);
}

void check_format(HandTable& table) {
  const Node* node = table.any("format");
  if (node == nullptr) return table.refuse(1, "format", "is missing; write format = 1");
  if (node->kind != Kind::integer || node->integer < 1) return table.refuse(node->line, "format", "must be 1");
  if (node->integer > 1) table.refuse(node->line, "format", "was written for a newer tclone; use that version");
}

void policy_fields(HandTable& table, PolicyFile& file) {
  Policy& policy = file.policy;
  check_format(table);
  table.text("pool", policy.pool, names::check_pool_name);
  table.list("volumes", policy.volumes, names::check_volume_name);
  table.list("at", policy.at, good_line);
  if (const Node* node = table.any("at")) {
    for (const Node& item : node->items) file.at_lines.push_back(item.line);
  }
  table.text("timezone", policy.timezone, good_line);
  if (const Node* node = table.any("timezone")) file.timezone_line = node->line;
  table.span("jitter", policy.jitter);
  table.flag("catch_up", policy.catch_up);
  table.list("tags", policy.tags, names::check_tag);
  table.text("message", policy.message, names::check_message);
  table.flag("only_if_changed", policy.only_if_changed);
  sub_table(table, "keep", [&](HandTable& sub) { keep_fields(sub, policy.keep.emplace()); });
  sub_table(table, "hooks", [&](HandTable& sub) { hook_fields(sub, policy.hooks); });
  sub_table(table, "after", [&](HandTable& sub) { after_fields(sub, policy.after); });
  table.finish();  // first: a key that is written wrongly explains what is missing
  if (policy.volumes.empty()) {
    const Node* node = table.any("volumes");
    table.refuse(node != nullptr ? node->line : 1, "volumes", "must list at least one volume");
  }
}

/// Whoever may change it decides what root runs. Its size.
Result<std::uint64_t> only_roots(int fd, const std::string& shown, bool directory) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return fail_errno(errno, shown, "cannot be examined");
  if (!directory && !S_ISREG(found.st_mode))
    return fail(Code::key, shown, "is not a regular file", "replace it by a file");
  if (found.st_uid != 0 && found.st_uid != ::geteuid())
    return fail(Code::key, shown, "does not belong to root", "examine it, then: chown root " + shown);
  if ((found.st_mode & 022U) != 0)
    return fail(Code::key, shown, "can be changed by others than root", "examine it, then: chmod go-w " + shown);
  if (!directory && found.st_size > kMostFile) return fail(Code::usage, shown, "is larger than 1 MiB", "shorten it");
  return static_cast<std::uint64_t>(found.st_size);
}

Result<std::string> read_trusted(const std::string& etc, const std::string& name) {
  const std::string directory = policy_directory(etc);
  const std::string shown = directory + "/" + name + ".toml";
  const auto missing = [&] {
    return fail(Code::not_found, name, "there is no such policy: " + shown + " does not exist",
                "`tclone policy list` shows those that there are");
  };
  const UniqueFd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT) return missing();
    return fail_errno(errno, directory, "cannot be opened");
  }
  TC_TRY(only_roots(folder.get(), directory, true));
  const std::string base = name + ".toml";
  // O_NONBLOCK: a pipe that lies there must not make this wait.
  const UniqueFd fd(::openat(folder.get(), base.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT) return missing();
    if (errno == ELOOP) return fail(Code::key, shown, "is a symbolic link", "replace it by a file");
    return fail_errno(errno, shown, "cannot be opened");
  }
  const std::uint64_t size = TC_TRY(only_roots(fd.get(), shown, false));
  return read_open(fd.get(), size, shown);
}

}  // namespace

std::string policy_directory(const std::string& etc) { return etc + "/policies.d"; }

Result<std::vector<std::string>> known_policies(const std::string& etc) {
  std::vector<std::string> out;
  const std::string directory = policy_directory(etc);
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return out;
    return fail_errno(errno, directory, "cannot be opened");
  }
  const Folder folder(std::move(fd));
  out = TC_TRY(list_toml(folder, "."));
  std::sort(out.begin(), out.end());
  return out;
}

Result<PolicyFile> read_policy(const std::string& etc, const std::string& name) {
  if (!names::check_volume_name(name))
    return fail(Code::usage, name, "is not a valid name of a policy",
                "use small letters, digits, dots, dashes, underscores");
  const std::string text = TC_TRY(read_trusted(etc, name));
  PolicyFile file;
  file.path = policy_directory(etc) + "/" + name + ".toml";
  file.policy.name = name;
  auto root = parse_toml(file.path, text);
  if (!root) {
    root.error().code = Code::usage;  // people write it
    root.error().next = "correct the file; see tclone-policy(5)";
    return tl::unexpected(std::move(root).error());
  }
  HandTable::Source source{file.path, {}};
  HandTable table(source, *root);
  policy_fields(table, file);
  TC_CHECK(source.status);
  return file;
}

Result<std::int64_t> parse_span(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::usage, text, "must be a length of time such as 90s, 10m, 1h 30m, 2d or 8w");
  };
  std::int64_t sum = 0;
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    if (any && text[at] == ' ') {
      ++at;
      continue;
    }
    std::int64_t number = 0;
    const std::size_t begin = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      if (at - begin >= 10) return wrong();
      number = number * 10 + (text[at] - '0');
    }
    if (at == begin || at == text.size()) return wrong();
    std::int64_t unit = 0;
    switch (text[at++]) {
      case 's': unit = 1; break;
      case 'm': unit = 60; break;
      case 'h': unit = 3600; break;
      case 'd': unit = 86400; break;
      case 'w': unit = 7 * 86400; break;
      default: return wrong();
    }
    sum += number * unit;
    any = true;
    if (sum > kLongestSpan) return fail(Code::usage, text, "must not be longer than 100 years");
  }
  if (!any || text.back() == ' ') return wrong();
  return sum;
}

}  // namespace tclone
