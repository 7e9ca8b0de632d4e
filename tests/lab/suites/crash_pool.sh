# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x256M --var 2G --timeout 600
# needs: tclone
# The commands on whole pools are killed, or fail, at their named points; the same command again (or the one that its
# message names) must lead to the end that the user wanted, and nothing may be left over.
source "$LAB_SOURCE/tests/lab/crash.sh"

file=/var/lib/tclone/q.pool
case_teardown() { rm -f "$file" "$file.unfinished"; }
make_pool() {
  expect_ok tclone pool create q --file "$file" --size 400M
  expect_ok tclone create a --size 16M --fs none
  expect_ok tclone publish a
  expect_ok tclone clone a@1 b
}
healthy() {
  run pool_check q
  ((status == 0)) || { lab_show; lost "the pool is not consistent $crash_where"; }
}
gone() {
  local d
  for d in /dev/mapper/tclone-q-* /etc/tclone/keys/* /etc/tclone/pools/q* "$file"* /run/tclone/q.creating; do
    [[ ! -e $d && ! -L $d ]] || lost "$d is left over $crash_where"
  done
}
# trace COMMAND…: fills points.
trace() {
  rm -f /tmp/trace
  expect_ok env TCLONE_FAULT_TRACE=/tmp/trace "$@"
  mapfile -t points </tmp/trace
}
# Which points of a command on a pool: all under torture, else the last of each name.
choose() {
  declare -A last=()
  local i
  chosen=()
  for ((i = 0; i < ${#points[@]}; i++)); do
    if [[ ${LAB_TORTURE-} ]]; then chosen+=($((i + 1))); else last[${points[i]}]=$((i + 1)); fi
  done
  for i in "${!last[@]}"; do
    case $i in
      store.* | label.* | journal.* | recover.*) ;;
      *) chosen+=("${last[$i]}") ;;
    esac
  done
}
# crash ACTION N COMMAND…
crash() {
  local action=$1 n=$2
  shift 2
  crash_where="after $* with $action at point $n (${points[n - 1]})"
  { run env TCLONE_FAULT="*#$n=$action" "$@"; } 2>/dev/null
  crash_covered=$((crash_covered + 1))
}

case_pool_create_can_be_repeated() {
  local -a points chosen
  local n action
  trace tclone pool create q --file "$file" --size 400M
  expect_ok tclone pool destroy q --yes
  choose
  for action in kill ${LAB_TORTURE:+fail}; do
    for n in "${chosen[@]}"; do
      crash "$action" "$n" tclone pool create q --file "$file" --size 400M
      if [[ $action == fail ]]; then gone; fi
      run tclone pool create q --file "$file" --size 400M
      if ((status != 0)); then
        # Complete but for being remembered: the message says how to have it.
        expect_text 'pool import'
        expect_ok tclone pool import "$file"
      fi
      healthy
      expect_ok tclone pool destroy q --yes
      rm -f "$file"  # an imported file is not ours to remove
      gone
    done
  done
  say "pool create: ${#points[@]} points, $crash_covered crashes"
}

case_pool_activate_and_deactivate_can_be_repeated() {
  local -a points chosen up down
  local n action
  make_pool
  trace tclone pool deactivate q; down=("${points[@]}")
  trace tclone pool activate q; up=("${points[@]}")
  for action in kill ${LAB_TORTURE:+fail}; do
    points=("${down[@]}"); choose
    for n in "${chosen[@]}"; do
      expect_ok tclone activate --all
      crash "$action" "$n" tclone pool deactivate q
      expect_ok tclone pool deactivate q
      for d in /dev/mapper/tclone-q-*; do lost "$d is still there $crash_where"; done
      expect_ok tclone pool activate q
      healthy
    done
    points=("${up[@]}"); choose
    for n in "${chosen[@]}"; do
      expect_ok tclone pool deactivate q
      crash "$action" "$n" tclone pool activate q
      expect_ok tclone pool activate q
      healthy
    done
  done
  expect_ok tclone pool destroy q --yes
  gone
  say "pool activate, deactivate: $crash_covered crashes"
}

case_pool_export_and_import_can_be_repeated() {
  local -a points chosen out_points in_points
  local n action
  make_pool
  trace tclone pool export q; out_points=("${points[@]}")
  trace tclone pool import "$file"; in_points=("${points[@]}")
  for action in kill ${LAB_TORTURE:+fail}; do
    points=("${out_points[@]}"); choose
    for n in "${chosen[@]}"; do
      crash "$action" "$n" tclone pool export q
      run tclone pool export q
      ((status == 0 || status == 3)) || { lab_show; lost "exporting again $crash_where"; }
      for d in /dev/mapper/tclone-q-*; do lost "$d is still there $crash_where"; done
      expect_ok tclone pool import "$file"
      healthy
    done
    points=("${in_points[@]}"); choose
    for n in "${chosen[@]}"; do
      expect_ok tclone pool export q
      crash "$action" "$n" tclone pool import "$file"
      expect_ok tclone pool import "$file"
      healthy
    done
  done
  expect_ok tclone pool destroy q --yes
  rm -f "$file"
  gone
  say "pool export, import: $crash_covered crashes"
}

case_pool_destroy_can_be_repeated() {
  local -a points chosen
  local n action
  make_pool
  trace tclone pool destroy q --yes
  choose
  for action in kill ${LAB_TORTURE:+fail}; do
    for n in "${chosen[@]}"; do
      make_pool
      crash "$action" "$n" tclone pool destroy q --yes
      run tclone pool destroy q --yes
      ((status == 0 || status == 3)) || { lab_show; lost "destroying again $crash_where"; }
      gone
    done
  done
  say "pool destroy: ${#points[@]} points, $crash_covered crashes"
}

case_a_failing_pool_create_leaves_nothing() {
  local point
  for point in pool.zeroed pool.up pool.named; do
    crash_where="after pool create failed at $point"
    expect_exit 1 env TCLONE_FAULT="$point=fail" tclone pool create q --file "$file" --size 400M
    gone
  done
}

case_what_is_being_destroyed_is_not_activated() {
  make_pool
  { run env TCLONE_FAULT="destroy.begun=kill" tclone pool destroy q --yes; } 2>/dev/null
  expect_ok tclone pool deactivate q
  expect_exit 8 tclone pool activate q
  expect_text 'pool destroy q'
  crash_where='after a second try'
  expect_ok tclone pool destroy q --yes
  gone
}
