# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x1G --timeout 900
# needs: tclone
# SIGINT, SIGTERM and SIGHUP at every point that a command passes: all of it is done, or nothing.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { pool_away; }

state=/var/lib/tclone/p

# Room that was made ahead of an operation is kept: it is capacity, not content. Ids that were claimed are not given
# out again.
without_room() { everything; printf '%s\n' "$lab_seen" | grep -v -e '^provisioned = ' -e '^capacity = ' -e '^metadata = ' -e '^next_'; }

# interrupted ACTION COMMAND…: a signal at every point that the command passes; it is done or it never was. At every third
# one without --torture, beginning in turn with the first, the second and the third.
turn=0
interrupted() {
  local action=$1 n before after points stride=3
  shift
  [[ ${LAB_TORTURE-} ]] && stride=1
  before=$(without_room)
  for ((n = turn++ % stride + 1; n < 60; n += stride)); do
    rm -f /tmp/trace
    run env TCLONE_FAULT="*#$n=$action" TCLONE_FAULT_TRACE=/tmp/trace "$@"
    points=0
    [[ -e /tmp/trace ]] && mapfile -t lines </tmp/trace && points=${#lines[@]}
    if ((status == 0)); then
      journal_is_open "$state" && lost "a journal after success"
      return 0
    fi
    expect_text '[Ii]nterrupted'
    after=$(without_room)
    [[ $before == "$after" ]] || { diff <(echo "$before") <(echo "$after"); lost "signal $action at point $n ($points passed) of $* left something"; }
  done
  lost "$* never finished"
}

case_a_signal_at_any_step_leaves_all_or_nothing() {
  pool_up
  expect_ok tclone create db --size 16M
  expect_ok tclone publish db
  interrupted term tclone clone db@1 web
  expect_ok tclone show web
  interrupted int tclone publish db web
  interrupted hup tclone create x --size 16M
  interrupted term tclone revert web
  interrupted term tclone refresh web --to 1
  interrupted int tclone rename web shop
  interrupted term tclone resize shop 24M
  interrupted int tclone clone shop side --shared-key
  interrupted term tclone rm side --yes
  # nohup(1) and the like ignore it, and so does what they start.
  expect_ok env TCLONE_FAULT='*#3=hup' bash -c 'trap "" HUP; exec tclone publish db'
  fsck_ok db
  fsck_ok shop
  rm -f /tmp/trace
}

# Whoever reads goes away at once: the command ends all the same, and what it did is whole.
case_a_reader_that_goes_away_hurts_no_command() {
  pool_up --when-full error
  expect_ok tclone create db --size 16M --fs none
  local i
  for i in 1 2 3 4 5; do
    tclone publish db -vv 2>&1 | true
    tclone clone db@latest "web$i" -vv 2>&1 | head -c 1 >/dev/null
    tclone list | true
    tclone tree --json | head -c 1 >/dev/null
    tclone rm "web$i" --yes 2>&1 | true
    for name in /sys/block/dm-*/dm/suspended; do
      read -r suspended <"$name"
      [[ $suspended == 0 ]] || lost "a device stays suspended after its reader went away"
    done
  done
  expect_equal 5 "$(tclone log db --json | grep -c '"number"')" "the versions published to nobody"
  expect_ok tclone recover
  expect_ok tclone pool check
  expect_text 'nothing is wrong'
}
