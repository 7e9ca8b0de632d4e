# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x2G --timeout 600 --mem 1500M
# needs: tclone
# Many commands at once: every one ends, readers never fail, and what is there afterwards is consistent.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { pool_away; }

case_32_commands_at_once_all_end() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  local i pids=() what=() failed=0
  # What changes something waits for its turn.
  start() { what+=("$*"); tclone "$@" >"/tmp/c.${#pids[@]}" 2>&1 & pids+=($!); }
  for ((i = 0; i < 6; i++)); do
    start clone db@1 "own$i" --lock-timeout 120
    start clone db@1 "side$i" --shared-key --lock-timeout 120
    start publish db --lock-timeout 120
    start tag db@1 "t$i" --lock-timeout 120
  done
  start revert web --lock-timeout 120
  start list
  start tree
  start status
  start log db
  start show web
  start doctor
  start resize web 24M --lock-timeout 120
  for ((i = 0; i < ${#pids[@]}; i++)); do
    wait "${pids[i]}" || { failed=1; say "failed: ${what[i]}: $(<"/tmp/c.$i")"; }
  done
  rm -f /tmp/c.*
  ((failed == 0)) || lost "some of ${#pids[@]} commands at once"
  expect_ok tclone list
  for ((i = 0; i < 6; i++)); do expect_text "own$i "; expect_text "side$i "; done
  expect_ok tclone log db
  expect_text 'db@7'
  expect_ok tclone doctor
  expect_text 'nothing is wrong'
}

case_of_many_that_want_the_same_name_one_gets_it() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  local i pids=() won=0 status
  for ((i = 0; i < 6; i++)); do tclone clone db@1 same >/dev/null 2>&1 & pids+=($!); done
  for i in "${pids[@]}"; do
    status=0
    wait "$i" || status=$?
    case $status in 0) won=$((won + 1)) ;; 4) ;; *) lost "exit status $status of a loser" ;; esac
  done
  expect_equal 1 $won "the number of winners"
}

case_a_reader_always_succeeds_while_others_write() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  rm -f /tmp/done
  (for i in 1 2 3 4 5; do
    tclone clone db@1 x --shared-key && tclone publish db && tclone rename x y && tclone tag db@latest t && tclone rm y --yes ||
      echo broken >/tmp/broken
  done >/dev/null 2>/tmp/writer; touch /tmp/done) &
  local writer=$! n=0
  while [[ ! -e /tmp/done ]]; do
    expect_ok tclone list
    expect_ok tclone tree
    expect_ok tclone show db
    expect_ok tclone log db
    expect_ok tclone status
    expect_ok tclone path db@1
    n=$((n + 1))
  done
  wait $writer
  [[ -e /tmp/broken ]] && lost "a writer failed: $(</tmp/writer)"
  rm -f /tmp/done /tmp/writer
  ((n > 2)) || lost "only $n rounds of reading"
}

case_publishing_under_a_writer_never_hurts_it() {
  pool_up
  expect_ok tclone create db --size 64M
  mnt db
  rm -f /tmp/stop
  (n=0; while [[ ! -e /tmp/stop ]]; do n=$((n + 1)); head -c 65536 /dev/urandom >/mnt/db/f$((n % 20)) || echo lost >/tmp/writer; sync /mnt/db || echo lost >/tmp/writer; done) &
  local writer=$! i
  for i in 1 2 3 4 5 6; do expect_ok tclone publish db; done
  touch /tmp/stop
  wait $writer
  [[ -e /tmp/writer ]] && lost "the writer saw an error"
  rm /tmp/stop
  umnt db
  fsck_ok db
  for i in 2 5; do
    expect_ok tclone clone db@$i c$i
    fsck_ok c$i
  done
}
