// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/generate/complete.h"

namespace tclone::cli {
namespace {

/// Inside single quotes of the script, within a spec of _arguments: brackets, colons and quotes mean something.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string action(Kind kind, std::string_view choices) {
  if (kind == Kind::choice) return "(" + std::string(choices) + ")";
  if (kind == Kind::key) return "_tclone_keys";
  if (kind == Kind::file || kind == Kind::device) return "_files";
  if (kind == Kind::dir) return "_files -/";
  if (kind == Kind::place) return "_tclone_place";
  const std::string_view names = names_of(kind);
  return names.empty() ? " " : "_tclone_names " + std::string(names);
}

std::string option_spec(const Option& option) {
  const std::string name = "--" + std::string(option.name);
  std::string tail = "[" + escaped(option.help) + "]";
  if (option.kind != Kind::flag) tail += ":" + escaped(option.value) + ":" + action(option.kind, option.choices);
  const std::string star = option.many ? "*" : "";
  const char* value = option.kind == Kind::flag ? "" : "=";
  if (option.letter == 0) return "'" + star + name + value + tail + "'";
  const std::string letter = std::string("-") + option.letter;
  const char* joined = option.kind == Kind::flag ? "" : "+";
  if (option.many) return "'*" + letter + joined + tail + "' '*" + name + value + tail + "'";
  return "'(" + letter + " " + name + ")'{" + letter + joined + "," + name + value + "}'" + tail + "'";
}

std::string positional_spec(const Positional& p, int at) {
  const std::string number = p.many ? "*" : std::to_string(at);
  const char* optional = p.required || p.many ? ":" : "::";
  return "'" + number + optional + escaped(p.name) + ":" + action(p.kind, p.choices) + "'";
}

std::string one_case(const Command& command, const std::string& margin) {
  std::string out = margin + "(" + std::string(words_of(command.words).back()) + ")\n" + margin + "  _arguments -s";
  const auto add = [&](const std::string& spec) { out += " \\\n" + margin + "    " + spec; };
  for (const Option& option : command.options) add(option_spec(option));
  for (const Option& option : global_options())
    if (applies(option, command)) add(option_spec(option));
  int at = 0;
  for (const Positional& p : command.positionals) add(positional_spec(p, ++at));
  return out + "\n" + margin + "  ;;\n";
}

std::string described(std::string_view word, std::string_view summary) {
  return "    '" + std::string(word) + ":" + escaped(summary) + "'\n";
}

constexpr const char* kHead = R"zsh(#compdef tclone
# SPDX-License-Identifier: GPL-2.0-or-later
# zsh completion for tclone. Made by "tclone completion zsh": do not edit.

_tclone_names() {
  local -a found
  local pool=${opt_args[-p]:-${opt_args[--pool]:-$_tclone_pool}}
  # _arguments puts options of compadd in front of the last word.
  found=(${(f)"$(command tclone __names ${@[-1]} ${pool:+--of} ${pool:+$pool} 2>/dev/null)"})
  compadd "${@[1,-2]}" -a found
}

_tclone_place() { _tclone_names "$@" volumes; _files -/ }

_tclone_keys() {
  local -a whole=(prompt stdin token) begun=(file: keyring: credential: exec:)
  if compset -P 'file:'; then _files; return; fi
  compadd "$@" -a whole
  compadd "$@" -S '' -a begun
}

_tclone() {
  local curcontext=$curcontext state line _tclone_pool
  typeset -A opt_args
)zsh";

}  // namespace

std::string complete_zsh() {
  std::string globals;
  for (const Option& option : global_options()) globals += " \\\n    " + option_spec(option);
  std::string first;
  std::string cases;
  std::string lists;
  for (const CommandGroup& group : command_groups()) {
    const std::string word(group.word);
    first += described(word, group.summary);
    std::string second;
    std::string second_cases;
    for (const Command& command : commands()) {
      const auto words = words_of(command.words);
      if (command.hidden || words.size() != 2 || words[0] != group.word) continue;
      second += described(words[1], command.summary);
      second_cases += one_case(command, "        ");
    }
    lists += "  local -a " + word + "_commands=(\n" + second + "  )\n";
    cases += "    (" + word + ")\n      _arguments -s -C" + globals +
             " \\\n    '1: :->command' '*:: :->rest' && return\n"
             "      if [[ $state == command ]]; then\n        _describe -t commands command " +
             word + "_commands\n        return\n      fi\n      case $words[1] in\n" + second_cases +
             "      esac\n      ;;\n";
  }
  for (const Command& command : commands()) {
    if (command.hidden || words_of(command.words).size() == 2) continue;
    first += described(command.words, command.summary);
    cases += one_case(command, "    ");
  }
  std::string out = kHead;
  out += "  local -a commands=(\n" + first + "  )\n" + lists;
  out += "  _arguments -s -C" + globals + " \\\n    '1: :->command' '*:: :->rest' && return\n";
  out += "  _tclone_pool=${opt_args[-p]:-${opt_args[--pool]}}\n";
  out += "  if [[ $state == command ]]; then\n    _describe -t commands command commands\n    return\n  fi\n";
  out += "  case $words[1] in\n" + cases + "  esac\n}\n\n";
  return out + "if [[ $funcstack[1] == _tclone ]]; then\n  _tclone \"$@\"\nelse\n  compdef _tclone tclone\nfi\n";
}

}  // namespace tclone::cli
