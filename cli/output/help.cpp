// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output/help.h"

#include <algorithm>
#include <utility>

namespace tclone::cli {
namespace {

constexpr std::size_t kWidth = 78;

using Rows = std::vector<std::pair<std::string, std::string>>;

/// "  left   right", the right column wrapped.
std::string columns(const Rows& rows) {
  std::size_t left = 0;
  for (const auto& row : rows) left = std::max(left, row.first.size());
  std::string out;
  for (const auto& [name, text] : rows) {
    out += "  " + name + std::string(left - name.size() + 2, ' ');
    out += wrapped(text, kWidth - left - 4, left + 4) + "\n";
  }
  return out;
}

Rows option_rows(const std::vector<Option>& options) {
  Rows rows;
  for (const Option& option : options) {
    const char* pad = option.letter == 0 ? "    " : "";
    const char* repeat = option.many && option.kind != Kind::flag ? "; may be repeated" : "";
    rows.emplace_back(pad + spelling(option), std::string(option.help) + repeat);
  }
  return rows;
}

std::vector<Option> globals_of(const Command& command) {
  std::vector<Option> out;
  for (const Option& option : global_options())
    if (applies(option, command)) out.push_back(option);
  return out;
}

void command_rows(Rows& rows, std::string_view prefix) {
  for (const Command& command : commands())
    if (!command.hidden && command.words.substr(0, prefix.size()) == prefix)
      rows.emplace_back(std::string(command.words), std::string(command.summary));
}

/// The headings of `tclone --help`, with the commands and groups of commands below each.
struct Heading {
  const char* title;
  std::vector<std::string_view> commands;
};
const std::vector<Heading>& headings() {
  static const std::vector<Heading> out{
      {"Volumes and versions",
       {"create", "clone", "publish", "revert", "refresh", "tag", "untag", "rename", "resize", "rm"}},
      {"Looking", {"list", "tree", "log", "show", "status", "path"}},
      {"Devices and filesystems", {"activate", "deactivate", "mount", "umount"}},
      {"Keys", {"key", "rekey"}},
      {"Policies", {"policy"}},
      {"Pools", {"pool"}},
      {"When something went wrong", {"doctor", "recover"}},
      {"The program itself", {"completion", "version"}},
  };
  return out;
}

bool is_under(const Command& command, const Heading& heading) {
  const std::string_view first = command.words.substr(0, command.words.find(' '));
  return std::find(heading.commands.begin(), heading.commands.end(), first) != heading.commands.end();
}

/// All command tables of the help have the same left column.
std::string command_tables() {
  std::vector<std::pair<std::string, Rows>> tables;
  for (const Heading& heading : headings()) tables.emplace_back(heading.title, Rows{});
  tables.emplace_back("More", Rows{});
  std::size_t left = 0;
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    std::size_t place = 0;
    while (place < headings().size() && !is_under(command, headings()[place])) ++place;
    tables[place].second.emplace_back(std::string(command.words), std::string(command.summary));
    left = std::max(left, command.words.size());
  }
  std::string out;
  for (auto& [title, rows] : tables) {
    if (rows.empty()) continue;
    for (auto& row : rows) row.first.resize(left, ' ');
    out += title + ":\n" + columns(rows) + "\n";
  }
  return out;
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    if (text.substr(0, 2) == "\n\n") {
      out += "\n\n" + margin;
      column = 0;
      text.remove_prefix(2);
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (column != 0 && column + 1 + word.size() > width) {
      out += "\n" + margin;
      column = 0;
    }
    if (column != 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(end);
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  return out;
}

std::string program_help() {
  return "Usage: tclone COMMAND [ARGUMENTS] [OPTIONS]\n\n"
         "Thin, encrypted clones of block volumes.\n\n" +
         command_tables() + "Options of every command that they apply to:\n" + columns(option_rows(global_options())) +
         "\n'tclone COMMAND --help' says more about a command, tclone(1) and tclone(7) say it all.\n";
}

std::string group_help(std::string_view group) {
  Rows rows;
  command_rows(rows, std::string(group) + " ");
  return "Usage: tclone " + std::string(group) + " COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n" + columns(rows);
}

std::string command_help(const Command& command) {
  std::string out = "Usage: tclone " + synopsis(command) + "\n\n" + wrapped(command.description, kWidth) + "\n";
  if (!command.positionals.empty()) {
    Rows rows;
    for (const Positional& p : command.positionals) rows.emplace_back(std::string(p.name), std::string(p.help));
    out += "\nArguments:\n" + columns(rows);
  }
  if (!command.options.empty()) out += "\nOptions:\n" + columns(option_rows(command.options));
  out += "\nCommon options:\n" + columns(option_rows(globals_of(command)));
  if (!command.exits.empty()) out += "\n" + wrapped(command.exits, kWidth) + "\n";
  out += "\nExamples:\n";
  for (const std::string_view example : command.examples) out.append("  ").append(example).append("\n");
  return out;
}

}  // namespace tclone::cli
