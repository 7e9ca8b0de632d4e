// SPDX-License-Identifier: GPL-2.0-or-later
#include <map>

#include "cli/generate/complete.h"

namespace tclone::cli {

std::string_view names_of(Kind kind) {
  switch (kind) {
    case Kind::pool: return "pools";
    case Kind::volume:
    case Kind::place: return "volumes";
    case Kind::version: return "versions";
    case Kind::target: return "targets";
    case Kind::tag: return "tags";
    case Kind::policy: return "policies";
    default: return "";
  }
}

namespace {

/// The word that the script's _tclone_offer takes for a kind: what to offer.
std::string offer(Kind kind, std::string_view choices) {
  switch (kind) {
    case Kind::choice: return "words " + std::string(choices);
    case Kind::key: return "words " + std::string(kKeySources);
    case Kind::place: return "names volumes dirs";
    case Kind::dir: return "dirs";
    case Kind::file:
    case Kind::device: return "files";
    default: break;
  }
  const std::string_view names = names_of(kind);
  return names.empty() ? "nothing" : "names " + std::string(names);
}

std::string spellings(const Option& option) {
  std::string out;
  if (option.letter != 0) out = std::string("-") + option.letter + " ";
  return out + "--" + std::string(option.name);
}

std::string patterns(const Option& option) {
  std::string out;
  if (option.letter != 0) out = std::string("-") + option.letter + "|";
  return out + "--" + std::string(option.name);
}

/// What may follow the options of one command.
std::string one_case(const Command& command) {
  std::string out = "    '" + std::string(command.words) + "')\n      options='";
  std::string values;
  for (const auto* list : {&command.options, &global_options()}) {
    for (const Option& option : *list) {
      if (list == &global_options() && !applies(option, command)) continue;
      out += (out.back() == '\'' ? "" : " ") + spellings(option);
      if (option.kind != Kind::flag)
        values += "        " + patterns(option) + ") offer='" + offer(option.kind, option.choices) + "' ;;\n";
    }
  }
  out += "'\n";
  if (!values.empty()) out += "      case $prev in\n" + values + "      esac\n";
  if (!command.positionals.empty()) {
    out += "      case $count in\n";
    int at = 0;
    for (const Positional& p : command.positionals) {
      out += "        " + (p.many ? std::string("*") : std::to_string(at)) + ") place='" + offer(p.kind, p.choices) +
             "' ;;\n";
      ++at;
    }
    out += "      esac\n";
  }
  return out + "      ;;\n";
}

/// Options with a value: the word behind one is no positional.
std::string valued_options() {
  std::string out;
  const auto add = [&out](const Option& option) {
    if (option.kind == Kind::flag) return;
    const std::string spelled = spellings(option);
    for (const std::string_view word : words_of(spelled))
      if ((" " + out + " ").find(" " + std::string(word) + " ") == std::string::npos)
        out.append(out.empty() ? "" : " ").append(word);
  };
  for (const Option& option : global_options()) add(option);
  for (const Command& command : commands())
    if (!command.hidden)
      for (const Option& option : command.options) add(option);
  return out;
}

// Words are split at blanks here, not by readline, which breaks at the @ of a version and the : of a key source.
constexpr const char* kHead = R"(# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for tclone. Made by "tclone completion bash": do not edit.

_tclone_offer() {
  local what=$1 list=
  shift
  case $what in
    words) list="$*" ;;
    names)
      list=$(tclone __names "$1" ${pool:+--of "$pool"} 2>/dev/null)
      if [[ ${2-} == dirs ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      fi
      ;;
    files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      ;;
    dirs)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      ;;
  esac
  if [[ -n $list ]]; then
    local found
    mapfile -t found < <(compgen -W "$list" -- "$cur")
    COMPREPLY+=("${found[@]}")
  fi
}

_tclone() {
  local line=${COMP_LINE:0:COMP_POINT} cur='' prev='' pool='' words=() i
  read -ra words <<<"$line"
  if [[ $line != *[[:blank:]] ]]; then
    cur=${words[-1]}
    unset 'words[-1]'
  fi
  if [[ $cur == --*=* ]]; then
    prev=${cur%%=*}
    cur=${cur#*=}
  elif ((${#words[@]} > 1)); then
    prev=${words[-1]}
  fi

  local command='' count=0 skip='' options='' offer='' place=''
  for ((i = 1; i < ${#words[@]}; i++)); do
    local word=${words[i]}
    if [[ -n $skip ]]; then
      [[ $skip == -p || $skip == --pool ]] && pool=$word
      skip=''
    elif [[ $word == --pool=* ]]; then
      pool=${word#*=}
    elif [[ $word == -* ]]; then
      [[ " $valued " == *" $word "* ]] && skip=$word
    elif [[ -z $command || " $groups " == *" $command "* ]]; then
      command=${command:+$command }$word
    else
      ((count++))
    fi
  done
)";

constexpr const char* kTail = R"(
  COMPREPLY=()
  if [[ -n $offer ]]; then
    _tclone_offer $offer
  elif [[ $cur == -* ]]; then
    _tclone_offer words $options
  elif [[ -n $place ]]; then
    _tclone_offer $place
  fi
  # readline replaces only what follows its last word break.
  local mark
  for mark in @ : =; do
    if [[ $cur == *"$mark"* && $COMP_WORDBREAKS == *"$mark"* ]]; then
      local head=${cur%"${cur##*"$mark"}"}
      for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$head"}; done
      cur=${cur##*"$mark"}
    fi
  done
  # A key source that wants more behind its colon.
  if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *: ]]; then compopt -o nospace 2>/dev/null; fi
}

complete -F _tclone tclone
)";

}  // namespace

std::string complete_bash() {
  std::string first;
  std::map<std::string_view, std::string> second;
  std::string cases;
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    const auto words = words_of(command.words);
    if (words.size() == 2) {
      std::string& list = second[words[0]];
      list.append(list.empty() ? "" : " ").append(words[1]);
      if (list == words[1]) first.append(first.empty() ? "" : " ").append(words[0]);
    } else {
      first.append(first.empty() ? "" : " ").append(words[0]);
    }
    cases += one_case(command);
  }
  std::string globals;
  std::string values;
  for (const Option& option : global_options()) {
    globals += (globals.empty() ? "" : " ") + spellings(option);
    if (option.kind != Kind::flag)
      values += "        " + patterns(option) + ") offer='" + offer(option.kind, option.choices) + "' ;;\n";
  }
  std::string groups;
  std::string patterns;
  std::string places;
  for (const auto& [word, list] : second) {
    groups.append(groups.empty() ? "" : " ").append(word);
    patterns.append(" | ").append(word);
    places += "      [[ $command == " + std::string(word) + " ]] && place='words " + list + "'\n";
  }
  std::string head = kHead;
  const std::string marker = "  local command='' count=0";
  head.insert(head.find(marker), "  local valued='" + valued_options() + "'\n  local groups='" + groups + "'\n");
  return head + "  case $command in\n    ''" + patterns + ")\n      options='" + globals + "'\n      case $prev in\n" +
         values + "      esac\n      place='words " + first + "'\n" + places + "      ;;\n" + cases + "  esac\n" +
         kTail;
}

}  // namespace tclone::cli
