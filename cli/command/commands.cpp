// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command/commands.h"

#include <algorithm>
#include <array>

namespace tclone::cli {

namespace {

/// A file of the table, and the first words of the commands in it; in the order of the help.
struct Part {
  std::string_view words;
  void (*add)(std::vector<Command>&);
};
constexpr std::array kParts{
    Part{"pool", add_pool_commands},
    Part{"create clone publish revert refresh", add_volume_commands},
    Part{"list tree log show status", add_look_commands},
    Part{"tag untag rename rm resize activate deactivate mount umount path", add_use_commands},
    Part{"key rekey", add_key_commands},
    Part{"recover doctor", add_care_commands},
    Part{"policy", add_policy_commands},
    Part{"completion version __names __man", add_other_commands},
};

/// Built once, for as long as the process is there: taking it apart at the end would cost as much again.
const std::vector<Command>& built(std::size_t part) {
  static std::array<const std::vector<Command>*, kParts.size()> all{};
  if (all[part] == nullptr) {
    auto* out = new std::vector<Command>;  // NOLINT(cppcoreguidelines-owning-memory)
    kParts[part].add(*out);
    all[part] = out;
  }
  return *all[part];
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = [] {
    std::vector<Command> out;
    for (std::size_t i = 0; i < kParts.size(); ++i) out.insert(out.end(), built(i).begin(), built(i).end());
    return out;
  }();
  return table;
}

std::vector<const Command*> commands_with(const std::vector<std::string>& words) {
  std::vector<const Command*> out;
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    const auto firsts = words_of(kParts[i].words);
    if (std::find_first_of(firsts.begin(), firsts.end(), words.begin(), words.end()) == firsts.end()) continue;
    for (const Command& command : built(i)) out.push_back(&command);
  }
  return out;
}

const Command& command(Id id) { return commands().at(static_cast<std::size_t>(id)); }

const std::vector<CommandGroup>& command_groups() {
  static const std::vector<CommandGroup> table{{"pool", "make, list and care for pools"},
                                               {"key", "change and test what unlocks a volume"},
                                               {"policy", "look at the policies of this host"}};
  return table;
}

const std::vector<Option>& global_options() {
  static const std::vector<Option> table{
      {"pool", 'p', Kind::pool, "POOL", "pool to use (optional if there is only one)"},
      {"json", 0, Kind::flag, "", "print the result as JSON"},
      {"dry-run", 0, Kind::flag, "", "print the steps and do none of them"},
      {"quiet", 'q', Kind::flag, "", "do not print confirmations"},
      {"verbose", 'v', Kind::flag, "", "say more on standard error; twice: everything", true},
      {"timings", 0, Kind::flag, "", "print how long each step took on standard error"},
      {"lock-timeout", 0, Kind::number, "SECONDS", "how long to wait for another command on the pool (30)"},
      {"help", 'h', Kind::flag, "", "print this help"},
  };
  return table;
}

bool applies(const Option& global, const Command& command) {
  if (global.name == "help") return true;
  if (global.name == "json") return !command.shape.empty();
  if (global.name == "verbose") return command.effect != Effect::none || command.id == Id::version;
  if (global.name == "pool") return command.effect != Effect::none && command.id != Id::pool_list;
  if (global.name == "lock-timeout" && command.id == Id::pool_check) return true;
  if (global.name == "quiet" || global.name == "dry-run" || global.name == "timings" || global.name == "lock-timeout")
    return command.effect == Effect::changes;
  return true;
}

std::string synopsis(const Command& command) {
  std::string out(command.words);
  for (const Positional& p : command.positionals) {
    std::string word(p.name);
    if (p.many) word += "...";
    out += p.required ? " " + word : " [" + word + "]";
  }
  return out + (command.options.empty() ? "" : " [OPTIONS]");
}

std::string spelling(const Option& option) {
  std::string out;
  if (option.letter != 0) out = std::string("-") + option.letter + ", ";
  out.append("--").append(option.name);
  if (option.kind != Kind::flag) out.append(" ").append(option.value);
  return out;
}

std::vector<std::string_view> words_of(std::string_view spaced) {
  std::vector<std::string_view> out;
  while (!spaced.empty()) {
    const std::size_t end = std::min(spaced.find(' '), spaced.size());
    if (end != 0) out.push_back(spaced.substr(0, end));
    spaced.remove_prefix(std::min(end + 1, spaced.size()));
  }
  return out;
}

const std::vector<ExitCode>& exit_codes() {
  static const std::vector<ExitCode> table{
      {0, "done"},
      {1, "failed, for a reason that none of the others names"},
      {2, "usage: the request itself is wrong"},
      {3, "not found: no such pool, volume, version, tag or file"},
      {4, "it exists already, or something stands in the way of what was asked"},
      {5, "busy: mounted, held open, suspended, or locked by another command"},
      {6, "no space: the pool is full or below its reserve"},
      {7, "a key is missing or wrong, or permission is missing"},
      {8, "damaged, or in need of tclone recover"},
      {9, "the kernel or a required program lacks a feature"},
  };
  return table;
}

}  // namespace tclone::cli
