# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the suites about tclone share: a pool made for each case and taken away after it, checked on the way down.

LC_ALL=C
export LC_ALL
tc_pool=p
# Seconds less for each passphrase. Suite keys has one of the usual cost; that this cost is chosen, unit_crypt tests.
export TCLONE_FAULT_CHEAP_ARGON2=1

# A fresh pool on the first disk: pool_up [OPTION…]
pool_up() { expect_ok tclone pool create "$tc_pool" "${disk[0]}" --force "$@"; }

# field FILE KEY: a value of a record (path below the state area), without quotes.
field() {
  local line
  while IFS= read -r line; do
    [[ $line == "$2 = "* ]] || continue
    line=${line#"$2 = "}; line=${line#\"}; printf '%s\n' "${line%\"}"
    return
  done <"/var/lib/tclone/$tc_pool/$1"
}

# Records, kernel, headers, key files and devices say the same, and every layer that is active passes thin_check.
records_agree() { expect_ok pool_check "$tc_pool" --thin-check yes --written yes; }

# What a refused command must leave as it was: records, devices, keys; as `lab_seen`.
everything() {
  local f text
  lab_things
  for f in /var/lib/tclone/"$tc_pool"/*.toml /var/lib/tclone/"$tc_pool"/*/*.toml /etc/tclone/pools/*; do
    IFS= read -r -d '' text <"$f"
    lab_seen+="$f"$'\n'"$text"
  done
}

# refused CODE TEXT COMMAND…: the exit code, a text that says why, and nothing changed.
refused() {
  local code=$1 text=$2 before
  shift 2
  everything
  before=$lab_seen
  expect_exit "$code" "$@"
  expect_text "$text"
  [[ $out ]] && lost "a refusal prints on standard output: $out"
  everything
  [[ $before == "$lab_seen" ]] || { diff <(echo "$before") <(echo "$lab_seen"); lost "something changed by: $*"; }
}

# Filesystem of a volume that is active and not mounted: clean.
fsck_ok() {
  local type=${2:-ext4}
  if [[ $type == xfs ]]; then expect_ok xfs_repair -n "/dev/mapper/tclone-$tc_pool-$1"
  else expect_ok e2fsck -fn "/dev/mapper/tclone-$tc_pool-$1"; fi
}

mnt() { mkdir -p "/mnt/$1"; expect_ok tclone mount "$1" "/mnt/$1"; }
umnt() { expect_ok tclone umount "$1"; }

# Everything down that the case left mounted; the pool checked and destroyed. Suites call this in case_teardown.
pool_away() {
  local where ok=0
  while read -r _ where _; do [[ $where == /mnt/* || $where == /run/tclone/* ]] && umount "$where"; done </proc/self/mounts
  [[ -e /etc/tclone/pools/$tc_pool.toml ]] || return 0
  if [[ -e /dev/mapper/tclone-$tc_pool-_pool ]]; then
    (records_agree) || ok=1
  fi
  run tclone pool destroy "$tc_pool" --yes
  ((status == 0)) || { lab_show; say "the pool could not be destroyed"; ok=1; }
  # What a teardown does after this must not hide it.
  ((ok == 0)) || lab_left=1
  return $ok
}

# Counts, in `questions`, what was asked on the terminal so far.
questions_asked() {
  local text=''
  questions=0
  [[ ! -e /tmp/k/tty ]] || IFS= read -r -d '' text </tmp/k/tty
  while [[ $text =~ ('assphrase for '[^:]*': '|'again: '|'PIN of '[^:]*': ') ]]; do
    text=${text#*"${BASH_REMATCH[0]}"} questions=$((questions + 1))
  done
}

# on_tty COMMAND ANSWER…: types an answer at each question the command asks on its terminal. At the
# first one $while_asked is run. What it said is in /tmp/k/tty.
on_tty() {
  local command=$1 asked=0 questions pid want
  shift
  rm -f /tmp/k/in /tmp/k/tty
  mkfifo /tmp/k/in
  script -qefc "$command" /tmp/k/tty </tmp/k/in >/dev/null 2>&1 &
  pid=$!
  exec 9>/tmp/k/in
  for want; do
    asked=$((asked + 1))
    while questions_asked; ((questions < asked)); do
      kill -0 $pid 2>/dev/null || break 2
      sleep 0.1
    done
    ((asked > 1)) || ${while_asked:-:}
    printf '%s\n' "$want" >&9
  done
  exec 9>&-
  status=0
  wait $pid || status=$?
}

# type_pin PIN CODE COMMAND: the command asks for the PIN of v's token, once, and ends with that status.
type_pin() {
  on_tty "$3" "$1"
  expect_equal "$2" "$status" "the exit status of $3, which said: $(</tmp/k/tty)"
  expect_equal 1 "$(grep -o 'PIN of the token [^:]* of vault v: ' /tmp/k/tty | wc -l)" \
    "how often it asked; it said: $(</tmp/k/tty)"
  grep -qF "$1" <(grep -v '^Script ' /tmp/k/tty) && lost "the terminal shows the PIN"
  return 0
}
