#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real shells load the checked-in completions and must offer what the table says. Names come from a stub of tclone
# that answers __names as a pool with two volumes would. Usage: completion_test.sh bash|zsh|fish; 77: no such shell.
set -u
shell=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
command -v "$shell" >/dev/null || { echo "no $shell here"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
cat >"$work/bin/tclone" <<'STUB'
#!/bin/sh
[ "$1" = __names ] || exit 1
echo "$*" >>"$TCLONE_STUB_LOG"
case $2 in
  pools) echo fast ;;
  volumes) printf 'db\nweb1\n' ;;
  versions) printf 'db@1\ndb@latest\n' ;;
  targets) printf 'db\ndb@1\ndb@latest\nweb1\n' ;;
  tags) printf 'latest\nstable\n' ;;
esac
STUB
chmod +x "$work/bin/tclone"
export PATH="$work/bin:$PATH" TCLONE_STUB_LOG="$work/asked"

# Prints the candidates for a command line with the cursor at its end, one a line.
in_bash() {
  bash --norc --noprofile -c '
    source "$1"
    COMP_WORDBREAKS=$'"'"' \t\n"\047@><=;|&(:'"'"'
    COMP_LINE=$2 COMP_POINT=${#2}
    COMPREPLY=()
    _tclone 2>/dev/null
    printf "%s\n" "${COMPREPLY[@]}"
  ' bash "$here/completions/tclone.bash" "$1"
}
in_fish() {
  fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$here/completions/tclone.fish" "$1" | cut -f1
}
# zsh completes only in its line editor: one runs in a pseudo-terminal and its screen is read.
in_zsh() {
  zsh -f -c '
    zmodload zsh/zpty
    zpty z "TERM=dumb zsh -f -i"
    say() { zpty -w z "$1" }
    say "PS1= ; stty -echo cols 200 rows 60; LISTMAX=10000; fpath=('"$here/completions"' \$fpath)"
    say "autoload -Uz compinit; compinit -C -d '"$work/zcompdump"'; zstyle \":completion:*\" list-prompt \"\"; setopt autolist nobeep noautomenu"
    say "echo rea""dy"
    zpty -r z line "*ready*"
    zpty -w -n z "$1"$'"'"'\t\t'"'"'
    sleep 1
    zpty -w -n z $'"'"'\x15\n'"'"'
    zpty -w z "echo fin""ished"
    zpty -r z line "*finished*"
    print -r -- "$line" | tr -d "\r" | tr -s " " "\n"
    zpty -d z
  ' zsh "$1"
}

failures=0
offers() {  # LINE CANDIDATE...: all of them are offered
  local line=$1 found one
  shift
  found=$("in_$shell" "$line")
  for one in "$@"; do
    grep -qxF -- "$one" <<<"$found" && continue
    echo "'$line' does not offer '$one', but: $(tr '\n' ' ' <<<"$found")"
    failures=$((failures + 1))
  done
}
offers_not() {
  local line=$1 found
  found=$("in_$shell" "$line")
  grep -qxF -- "$2" <<<"$found" || return 0
  echo "'$line' offers '$2'"
  failures=$((failures + 1))
}

offers 'tclone ' pool create clone publish doctor
offers_not 'tclone ' __names
offers 'tclone pool ' create list destroy
offers 'tclone pool status ' fast
offers 'tclone revert ' db web1
offers 'tclone create db --' --size --plain --key --dry-run
offers_not 'tclone revert ' db@1
offers 'tclone create db --fs ' ext4 xfs none
offers 'tclone create db --key ' prompt
offers 'tclone refresh web1 --to ' latest stable
offers 'tclone completion ' bash zsh fish
offers 'tclone publish db -m text ' web1
offers 'tclone publish db ' web1
case $shell in
  bash)  # readline replaces what follows the @
    offers 'tclone show db@' 1 latest
    offers 'tclone create db --fs=' ext4
    ;;
  *) offers 'tclone show db@' db@1 db@latest ;;
esac
: >"$work/asked"
offers 'tclone -p fast revert ' web1
grep -q -- '--of fast' "$work/asked" || { echo "the pool given with -p is not asked for"; failures=$((failures + 1)); }

[ "$failures" = 0 ] || exit 1
echo "$shell completes"
