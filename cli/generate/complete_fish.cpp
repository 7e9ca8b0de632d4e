// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/generate/complete.h"

namespace tclone::cli {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

/// Arguments of `complete` that say what a kind completes to; -f keeps files away.
std::string candidates(Kind kind, std::string_view choices) {
  if (kind == Kind::choice) return " -f -a " + quoted(choices);
  if (kind == Kind::key) return " -f -a " + quoted(kKeySources);
  if (kind == Kind::file || kind == Kind::device) return " -F";
  if (kind == Kind::dir) return " -f -a '(__fish_complete_directories)'";
  if (kind == Kind::place) return " -f -a '(__tclone_names volumes) (__fish_complete_directories)'";
  const std::string_view names = names_of(kind);
  return names.empty() ? " -f" : " -f -a '(__tclone_names " + std::string(names) + ")'";
}

std::string option_line(const std::string& condition, const Option& option) {
  std::string out = "complete -c tclone" + condition;
  if (option.letter != 0) out += std::string(" -s ") + option.letter;
  out += " -l " + std::string(option.name);
  if (option.kind != Kind::flag) out += " -x" + candidates(option.kind, option.choices);
  // -x forbids files, -F asks for them.
  if (option.kind == Kind::file || option.kind == Kind::device) out.replace(out.find(" -x -F"), 6, " -r -F");
  return out + " -d " + quoted(option.help) + "\n";
}

std::string command_lines(const Command& command) {
  const auto words = words_of(command.words);
  std::string out = "\n# " + std::string(command.words) + "\n";
  out += "complete -c tclone -f -n " +
         quoted(words.size() == 2 ? "__tclone_at " + std::string(words[0]) + " 0" : std::string("__tclone_at")) +
         " -a " + std::string(words.back()) + " -d " + quoted(command.summary) + "\n";
  int at = 0;
  for (const Positional& p : command.positionals) {
    const std::string range = std::to_string(at) + (p.many ? " more" : "");
    out += "complete -c tclone -n " + quoted("__tclone_at " + quoted(command.words) + " " + range) +
           candidates(p.kind, p.choices) + "\n";
    ++at;
  }
  const std::string condition = " -n " + quoted("__tclone_in " + quoted(command.words));
  for (const Option& option : command.options) out += option_line(condition, option);
  return out;
}

constexpr const char* kHead = R"(# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for tclone. Made by "tclone completion fish": do not edit.

# Words before the cursor that are neither options nor their values, without "tclone".
function __tclone_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word $__tclone_valued
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# Whether the command typed is this one: "create" or "pool create".
function __tclone_in
    set -l want (string split ' ' -- $argv[1])
    set -l have (__tclone_words)
    test (count $have) -ge (count $want); and test "$have[1..$(count $want)]" = "$want"
end

# Whether the cursor is at argument number N of the command; with "more" at that one or later. Without arguments:
# whether there is no command yet.
function __tclone_at
    set -l have (__tclone_words)
    if test (count $argv) = 0
        test (count $have) = 0
        return
    end
    __tclone_in $argv[1]; or return
    set -l at (math (count $have) - (count (string split ' ' -- $argv[1])))
    test $at = $argv[2]; or begin
        test "$argv[3]" = more; and test $at -ge $argv[2]
    end
end

function __tclone_names
    set -l words (commandline -opc)
    set -l pool
    for i in (seq 2 (count $words))
        if contains -- $words[$i] -p --pool; and test $i -lt (count $words)
            set pool --of $words[(math $i + 1)]
        else if string match -q -- '--pool=*' $words[$i]
            set pool --of (string replace -- '--pool=' '' $words[$i])
        end
    end
    tclone __names $argv[1] $pool 2>/dev/null
end

complete -c tclone -e
complete -c tclone -f
)";

}  // namespace

std::string complete_fish() {
  std::string valued;
  std::string body;
  const auto add = [&](const Option& option) {
    if (option.kind == Kind::flag) return;
    std::string words = " --" + std::string(option.name);
    if (valued.find(words + " ") != std::string::npos) return;
    if (option.letter != 0) words += std::string(" -") + option.letter;
    valued += words + " ";
  };
  for (const Option& option : global_options()) {
    add(option);
    body += option_line("", option);
  }
  for (const CommandGroup& group : command_groups())
    body +=
        "complete -c tclone -f -n __tclone_at -a " + std::string(group.word) + " -d " + quoted(group.summary) + "\n";
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    for (const Option& option : command.options) add(option);
    body += command_lines(command);
  }
  std::string spaced = "set -g __tclone_valued";
  for (const std::string_view word : words_of(valued)) spaced.append(" ").append(word);
  return kHead + spaced + "\n" + body;
}

}  // namespace tclone::cli
