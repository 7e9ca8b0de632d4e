# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the drivers: tests that boot the lab several times, to cut its power or to look at what a cut would have
# left. A driver is run by run_suite.sh with the options of its "# lab:" line as arguments and LAB_BOOT, LAB_TCLONE,
# LAB_SOURCE and REPLAY_LOG set; it ends with `driver_end`. On failure its folder is kept.
set -uo pipefail
LAB_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${LAB_BOOT:=$LAB_SOURCE/tests/lab/boot_uml.sh}" "${REPLAY_LOG:=$LAB_SOURCE/build/dev/tests/lab/replay_log}"
driver_options=("$@")
driver_dir=$(mktemp -d "${TMPDIR:-/tmp}/tclone-driver.XXXXXX")
driver_passed=0
driver_failed=0
trap '((driver_failed)) || rm -rf "$driver_dir"' EXIT

# boot OPTION… -- COMMAND…: boots with the driver's own options too; sets status and prints what the inside printed.
boot() {
  status=0
  "$LAB_BOOT" ${driver_options[@]+"${driver_options[@]}"} "$@" >"$driver_dir/out" 2>&1 || status=$?
  out=$(<"$driver_dir/out")
}

# step TEXT WANTED-STATUS OPTION… -- COMMAND…: one boot that must end so. Goes on after a failure, which counts.
step() {
  local text=$1 wanted=$2 from=$SECONDS
  shift 2
  boot "$@"
  if ((status == wanted)); then
    printf -- '- %s: ok (%d s)\n' "$text" $((SECONDS - from))
    driver_passed=$((driver_passed + 1))
  else
    printf -- '- %s: FAILED, status %d instead of %d\n%s\n' "$text" "$status" "$wanted" "$(tail -n 40 <<<"$out")"
    driver_failed=$((driver_failed + 1))
    return 1
  fi
}

# check TEXT COMMAND…: the same for something done on this side.
check() {
  local text=$1
  shift
  if "$@" >"$driver_dir/out" 2>&1; then
    printf -- '- %s: ok\n' "$text"
    driver_passed=$((driver_passed + 1))
  else
    printf -- '- %s: FAILED\n%s\n' "$text" "$(tail -n 40 "$driver_dir/out")"
    driver_failed=$((driver_failed + 1))
    return 1
  fi
}

# image_at TO-OPTION VALUE LOG TARGET: a copy of the disk as it was then (incremental: go forward).
image_at() {
  "$REPLAY_LOG" apply "$3" "$driver_dir/replayed" "$1" "$2" --size "${REPLAY_SIZE:?}" &&
    cp --reflink=auto --sparse=always "$driver_dir/replayed" "$4"
}

driver_end() {
  ((driver_failed)) && printf 'what was left is in %s\n' "$driver_dir"
  printf '%d passed, %d failed\n' "$driver_passed" "$driver_failed"
  exit $((driver_failed > 0))
}
