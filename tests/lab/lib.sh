# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Helpers for the test cases that run inside a lab machine. A suite is a file in suites/ with functions case_<name>;
# suite_setup, suite_teardown and case_teardown are called when they exist. Each case runs in a subshell: the first
# expectation that does not hold ends it, says what was lost, and the next case follows. After each case leak_check
# compares what is left over with what was there before the first one, and cleans it up.
#
# Starting a program takes about 70 ms in lane "uml" and a fork, as "$(f)" and "<(f)" are, 20: the helpers read /sys and /proc
# themselves and answer in variables.

set -uo pipefail
shopt -s nullglob

lab_tmp=$(mktemp -d /tmp/suite.XXXXXX)
lab_passed=0
lab_failed=()
lab_current=
lab_threads=()
read -ra disk <<<"${LAB_DISKS-}"  # ${disk[0]}, ${disk[1]}…

# What the last expect_ok, expect_exit or run left.
out='' err='' status=0

# --- expectations ----------------------------------------------------------------------------------------------------

say() { printf '    %s\n' "$*"; }

# Ends the case.
lost() {
  printf '  LOST in %s: %s\n' "$lab_current" "$*"
  local frame=1 line func file
  while read -r line func file < <(caller $frame); do
    [[ $func == case_* || $file == */suites/* ]] && printf '    at %s:%s\n' "${file#"$LAB_SOURCE/"}" "$line"
    frame=$((frame + 1))
  done
  exit 1
}

lab_show() {
  [[ $out ]] && printf '%s\n' "$out" | sed -n '1,20s/^/    stdout: /p'
  [[ $err ]] && printf '%s\n' "$err" | sed -n '1,20s/^/    stderr: /p'
}

# Runs a command; sets out, err, status. Never ends the case.
run() {
  status=0
  "$@" >"$lab_tmp/out" 2>"$lab_tmp/err" </dev/null || status=$?
  # Not $(<file): each is a fork.
  IFS= read -r -d '' out <"$lab_tmp/out"
  IFS= read -r -d '' err <"$lab_tmp/err"
  while [[ $out == *$'\n' ]]; do out=${out%$'\n'}; done
  while [[ $err == *$'\n' ]]; do err=${err%$'\n'}; done
  return 0
}

expect_ok() {
  run "$@"
  ((status == 0)) || { lab_show; lost "exit status $status of: $*"; }
}

# expect_exit N COMMAND…
expect_exit() {
  local wanted=$1
  shift
  run "$@"
  ((status == wanted)) || { lab_show; lost "exit status $status instead of $wanted of: $*"; }
}

# expect_text REGEX: in what the last command printed, on either descriptor.
expect_text() { [[ $out$'\n'$err =~ $1 ]] || { lab_show; lost "no text like: $1"; }; }
expect_no_text() { [[ ! $out$'\n'$err =~ $1 ]] || { lab_show; lost "text that must not be there: $1"; }; }
# expect_equal WANTED FOUND [WHAT]
expect_equal() { [[ $1 == "$2" ]] || lost "${3:-value} is '$2' instead of '$1'"; }
expect_differ() { [[ $1 != "$2" ]] || lost "${3:-value} is '$2' in both"; }
expect_file() { [[ -e $1 ]] || lost "$1 is not there"; }
expect_no_file() { [[ ! -e $1 ]] || lost "$1 is there"; }

# checksum FILE-OR-DEVICE [BYTES]: prints the BLAKE2b sum, the quickest there is, of what is on the medium or in the cache,
# whichever is newer.
checksum() {
  local sum
  if (($# > 1)); then sum=$(head -c "$2" "$1" | b2sum); else sum=$(b2sum <"$1"); fi
  printf '%s\n' "${sum%% *}"
}

# fill FILE-OR-DEVICE SEED MIB: reproducible bytes that no compression or deduplication folds.
fill() {
  # A hole as long as it shall be: with a pipe instead it takes three times as long.
  truncate -s "$3M" "$lab_tmp/hole.$BASHPID" || return
  openssl enc -aes-128-ctr -nosalt -pass "pass:$2" -pbkdf2 -iter 1 -bufsize 65536 -in "$lab_tmp/hole.$BASHPID" >"$1" 2>/dev/null
}

# Milliseconds since boot, without starting a program.
now_ms() { local up; read -r up _ </proc/uptime; up=${up/./}; printf '%s\n' $((10#$up * 10)); }

# --- thin metadata ---------------------------------------------------------------------------------------------------

# lab_thin_check POOL-DEVICE METADATA-DEVICE: a live pool is checked by its metadata snapshot, one that is not active
# as it stands.
lab_thin_check() {
  local result=0
  if [[ -e /dev/mapper/$1 ]]; then
    dmsetup message "$1" 0 reserve_metadata_snap || lost "no metadata snapshot of $1"
    run thin_check -m "/dev/mapper/$2"
    result=$status
    dmsetup message "$1" 0 release_metadata_snap || lost "metadata snapshot of $1 not released"
  else
    run thin_check "/dev/mapper/$2"
    result=$status
  fi
  ((result == 0)) || { lab_show; lost "thin_check of $2"; }
}
# thin_check_outer POOL
thin_check_outer() { lab_thin_check "tclone-$1-_pool" "tclone-$1-_meta"; }
# thin_check_inner POOL OUTER-ID
thin_check_inner() { lab_thin_check "tclone-$1-_$2.pool" "tclone-$1-_$2.meta"; }
# Every layer of a pool that is active.
thin_check_all() {
  local name
  thin_check_outer "$1"
  for name in "/dev/mapper/tclone-$1-_"*.pool; do
    name=${name##*/}
    lab_thin_check "$name" "${name%.pool}.meta"
  done
}

# --- what must not be left over --------------------------------------------------------------------------------------

# Fills `lab_seen`, a line per thing that exists: dm devices, suspended ones, loop devices, mounts, key files, semaphores.
lab_things() {
  local d name suspended file where key id rest
  lab_seen=
  for d in /sys/block/dm-*; do
    read -r name 2>/dev/null <"$d/dm/name" || continue
    read -r suspended <"$d/dm/suspended" || suspended=0
    lab_seen+="device-mapper device $name"$'\n'
    [[ $suspended == 1 ]] && lab_seen+="suspended device $name"$'\n'
  done
  for d in /sys/block/loop*/loop/backing_file; do
    read -r file <"$d"
    d=${d#/sys/block/}
    lab_seen+="loop device /dev/${d%%/*} of $file"$'\n'
  done
  while read -r _ where _; do
    [[ $where == /var/lib/tclone/* || $where == /mnt/* || $where == /tmp/* ]] && lab_seen+="mount $where"$'\n'
  done </proc/self/mounts
  for file in /etc/tclone/keys/*; do lab_seen+="key file $file"$'\n'; done
  while read -r key id rest; do [[ $key == key ]] || lab_seen+="semaphore $id"$'\n'; done </proc/sysvipc/sem
  for d in /proc/[0-9]*; do
    [[ ${lab_threads[${d#/proc/}]-} ]] && continue
    read -r name 2>/dev/null <"$d/comm" || continue
    [[ $name == tclone* ]] && lab_seen+="process $name (${d#/proc/})"$'\n'
    # A thread of the kernel, as most are, has no program and never will.
    [[ -e $d/exe ]] || lab_threads[${d#/proc/}]=1
  done
}

# Fills `leaks` with what is there and was not there before the suite's first case; status 1 if there is none.
lab_leaks() {
  local line
  leaks=()
  lab_things
  while IFS= read -r line; do
    [[ $line && $'\n'$lab_baseline != *$'\n'"$line"$'\n'* ]] && leaks+=("$line")
  done <<<"$lab_seen"
  ((${#leaks[@]}))
}

leak_check() {
  lab_leaks || return 0
  printf '    left over: %s\n' "${leaks[@]}"
  return 1
}

# Takes down whatever a failed case left, so that the next one starts clean. Order matters: mounts, devices from the
# top down (several rounds), loops.
lab_wipe() {
  local round line d
  for round in 1 2 3 4 5 6 7 8; do
    lab_leaks || break
    for line in "${leaks[@]}"; do
      case $line in
        'process '*) d=${line##*(}; kill -KILL "${d%)}" ;;
        'suspended device '*) dmsetup resume "${line#suspended device }" ;;
        'mount '*) umount -l "${line#mount }" ;;
        'device-mapper device '*) dmsetup remove "${line#device-mapper device }" ;;
        'key file '*) rm -f "${line#key file }" ;;
        'loop device '*) d=${line#loop device }; ((round > 4)) && losetup -d "${d%% *}" ;;
        'semaphore '*) ipcrm -s "${line#semaphore }" ;;
      esac
    done >/dev/null 2>&1
  done
  rm -rf /etc/tclone/pools/* /run/tclone
}

# --- running ---------------------------------------------------------------------------------------------------------

case_begin() { lab_current=$1; printf -- '- %s\n' "$1"; }

lab_defined() { declare -F "$1" >/dev/null; }

# The journal's newest entry in the ring (tclone-state(5)), without its head: journal_text STATE-FOLDER.
journal_text() {
  local slot head newest=0 at=0 length=0
  for ((slot = 0; slot < 16; slot++)); do
    head=$(dd if="$1/journal" bs=16384 skip=$slot count=1 status=none | head -n 1 | tr -d '\0')
    [[ $head == 'tclone journal 1 '* ]] || continue
    read -r _ _ _ number _ size _ <<<"$head"
    ((number > newest)) && newest=$number at=$((slot * 16384 + ${#head} + 1)) length=$size
  done
  tail -c +$((at + 1)) "$1/journal" | head -c "$length"
}
# Whether an operation is under way: there is an entry after the one whose number is in journal.done.
journal_is_open() {
  local next head
  [[ -e $1/journal.toml ]] && return 0
  next=$(($(cat "$1/journal.done" 2>/dev/null || echo 0) + 1))
  head=$(dd if="$1/journal" bs=16384 skip=$((next % 16)) count=1 status=none | head -n 1 | tr -d '\0')
  [[ $head == "tclone journal 1 $next "* ]]
}

# Runs every case of the suite, or those whose name matches LAB_CASES. Ends with the count; status 1 if one failed.
run_cases() {
  local name started ended bad cases
  lab_current=suite_setup
  if lab_defined suite_setup; then
    (suite_setup) || { echo "suite_setup failed: no case was run"; return 1; }
  fi
  lab_things
  lab_baseline=$lab_seen
  mapfile -t cases < <(declare -F | sed -n 's/^declare -f \(case_.*\)/\1/p' | grep -vx case_begin | grep -vx case_teardown)
  # Those in the suite's "# long:" lines are left out of a plain run: they are of a kind that others in it show as well.
  local long=' ' left_out=0
  if [[ ! ${LAB_TORTURE-} && ! ${LAB_ALL-} && ! ${LAB_CASES-} && ${lab_suite_file-} ]]; then
    long=" $(sed -n 's/^# long: *//p' "$lab_suite_file" | tr '\n' ' ') "
  fi
  for name in "${cases[@]}"; do
    [[ $name =~ ${LAB_CASES:-.} ]] || continue
    if [[ $long == *" ${name#case_} "* ]]; then left_out=$((left_out + 1)); continue; fi
    case_begin "${name#case_}"
    bad=
    started=$(now_ms)
    ("$name") || bad=1
    ended=$(now_ms)
    if lab_defined case_teardown; then (lab_left=0; case_teardown && ((lab_left == 0))) || bad=1; fi
    if ! leak_check; then bad=1; lab_wipe; fi
    if [[ $bad ]]; then
      lab_failed+=("${name#case_}")
      printf '  FAILED (%d ms)\n' $((ended - started))
    else
      lab_passed=$((lab_passed + 1))
      printf '  ok (%d ms)\n' $((ended - started))
    fi
  done
  if lab_defined suite_teardown; then (suite_teardown) || lab_failed+=(suite_teardown); fi
  rm -rf "$lab_tmp"
  ((${#lab_failed[@]})) && printf 'failed: %s\n' "${lab_failed[*]}"
  ((left_out)) && printf '%d cases are left to ./dev test --all\n' "$left_out"
  printf '%d passed, %d failed\n' "$lab_passed" ${#lab_failed[@]}
  # A filter that matches nothing must not pass for a success.
  ((${#lab_failed[@]} == 0 && lab_passed > 0))
}
