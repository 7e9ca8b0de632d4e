# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x2G --timeout 600 --mem 1500M
# needs: tclone
# long: a_listing_of_a_large_pool_is_right_while_others_write of_many_that_want_the_same_name_one_gets_it
# Many commands at once: every one ends, readers never fail, and what is there afterwards is consistent.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { pool_away; rm -rf /tmp/k; }

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

# A writer that has made /tmp/done leaves what it said in /tmp/writer, and /tmp/broken if it failed.
writer_was_read_beside() { # PID ROUNDS-OF-READING
  wait "$1"
  [[ -e /tmp/broken ]] && lost "a writer failed: $(</tmp/writer)"
  rm -f /tmp/done /tmp/writer
  (($2 > 2)) || lost "only $2 rounds of reading"
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
  writer_was_read_beside $writer $n
}

# Records without devices: volumes and vaults like db, but for their names.
many_records() { # COUNT
  local state=/var/lib/tclone/$tc_pool
  awk -v state="$state" -v count="$1" '
    function put(text, folder, name) {
      gsub(/"db"/, "\"" name "\"", text)
      printf "%s", text >(state "/" folder "/" name ".toml")
      close(state "/" folder "/" name ".toml")
    }
    BEGIN {
      while ((getline line <(state "/vaults/db.toml")) > 0) vault = vault line "\n"
      while ((getline line <(state "/volumes/db.toml")) > 0) volume = volume line "\n"
      for (i = 0; i < count; i++) { put(vault, "vaults", "many" i); put(volume, "volumes", "many" i) }
    }'
}

case_a_listing_of_a_large_pool_is_right_while_others_write() {
  pool_up
  expect_ok tclone create db --size 16M --fs none --plain
  many_records 500
  sleep 3 # what is younger than two seconds is not trusted
  expect_ok tclone publish db
  rm -f /tmp/done
  (for i in 1 2; do
    tclone clone db@1 x --shared-key && tclone publish db && tclone rm x --yes || echo broken >/tmp/broken
    sleep 2.5
  done >/dev/null 2>/tmp/writer; touch /tmp/done) &
  local writer=$! n=0
  while [[ ! -e /tmp/done ]]; do
    expect_ok tclone list
    expect_equal 500 "$(grep -c ^many <<<"$out")" "volumes that nobody touches"
    expect_ok tclone tree
    expect_text 'db@1'
    n=$((n + 1))
  done
  writer_was_read_beside $writer $n
  expect_file "/run/tclone/$tc_pool-index"
  expect_ok tclone list
  local indexed=$out
  rm "/run/tclone/$tc_pool-index"
  expect_ok tclone list
  expect_equal "$out" "$indexed" "the listing by the index"
  expect_text 'db  '
  rm -f /var/lib/tclone/"$tc_pool"/v*s/many*
  expect_ok tclone list
  expect_equal 0 "$(grep -c ^many <<<"$out")" "volumes that are gone"
}

# Waits until the key service is asked.
until_asked() { while [[ ! -e /tmp/k/asked ]]; do kill -0 "$1" 2>/dev/null || lost "the command ended without asking: $(</tmp/k/said)"; sleep 0.05; done; }
# answered PID: the service answers, and the command ends well.
answered() {
  : >/tmp/k/go
  wait "$1" || lost "the command that waited for its key: $(</tmp/k/said)"
  rm -f /tmp/k/go /tmp/k/asked
}

case_a_key_that_takes_long_holds_nobody_up() {
  mkdir -p /tmp/k
  pool_up
  printf '#!/bin/bash\n: >/tmp/k/asked\nwhile [[ ! -e /tmp/k/go ]]; do sleep 0.05; done\ncat /tmp/k/slow.key\n' >/tmp/k/slow
  chmod 755 /tmp/k/slow
  local one
  for one in slow other; do head -c 48 /dev/urandom | base64 -w0 >/tmp/k/$one.key; done
  chmod 600 /tmp/k/*.key
  tclone create v --size 16M --fs none --key exec:/tmp/k/slow 2>/tmp/k/said &
  until_asked $!
  expect_ok tclone list --json
  expect_no_text '"v"'
  expect_ok tclone create w --size 16M --fs none
  expect_ok tclone publish w
  answered $!
  expect_ok tclone deactivate v
  tclone key add v --key file:/tmp/k/other.key 2>/tmp/k/said &
  until_asked $!
  expect_ok tclone list
  expect_ok tclone clone w@1 x
  answered $!
  # What is known of the key changes meanwhile: the other one opens it, and the answer is not taken.
  tclone activate v 2>/tmp/k/said &
  until_asked $!
  expect_ok tclone key rm v --key exec:/tmp/k/slow --use file:/tmp/k/other.key
  answered $!
  expect_file /dev/mapper/tclone-p-v
  # Nor does a vault come back that is gone meanwhile.
  tclone key add v --key exec:/tmp/k/slow --unlock file:/tmp/k/other.key 2>/tmp/k/said &
  until_asked $!
  expect_ok tclone rm v --yes
  : >/tmp/k/go
  wait $! && lost "a key was added to a volume that is gone"
  grep -q 'no volume of that name' /tmp/k/said || lost "it does not say that the volume is gone: $(</tmp/k/said)"
}

case_no_command_that_opens_a_vault_asks_for_its_key_under_the_lock() {
  mkdir -p /tmp/k
  pool_up
  head -c 48 /dev/urandom | base64 -w0 >/tmp/k/key; chmod 600 /tmp/k/key
  # It fails, and the command with it, when the lock is taken.
  local source="exec:flock -n /run/tclone/p.lock cat /tmp/k/key"
  expect_ok tclone create db --size 16M --key "$source"
  expect_ok tclone create other --size 16M --fs none
  closed() { expect_ok tclone deactivate --all; expect_ok "$@"; }
  closed tclone publish db
  closed tclone resize db 24M
  closed tclone mount db /mnt/db
  expect_ok tclone umount db
  closed tclone mount db@1 /mnt/db
  expect_ok tclone umount db@1
  closed tclone clone db@1 web --key "$source"
  closed tclone clone db@1 branch --shared-key
  closed tclone activate --all
  expect_ok tclone revert web
  expect_ok tclone rm branch --yes
  closed tclone rekey db
  expect_ok tclone rekey other --key "$source"
  closed tclone activate --all
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
