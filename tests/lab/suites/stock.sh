# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x2G --var 1G --timeout 500
# needs: tclone
# Vaults made ahead: clones take them with their keys, each serves once, and a kill anywhere leaves the pool whole.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { stock_settled; pool_away; }

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }
stocked() { local f n=0; for f in /var/lib/tclone/p/vaults/stock-*.toml; do [[ -e $f ]] && n=$((n + 1)); done; printf '%s\n' "$n"; }
key_files() { find /etc/tclone/keys -name '*.key' | wc -l; }
# The background process that fills the stock up has the lock, or is gone.
stock_settled() {
  local round
  for round in {1..300}; do
    pgrep -f 'tclone pool stock' >/dev/null || return 0
    sleep 0.2
  done
  lost "filling the stock up does not end"
}

pool_with_db() {
  pool_up --when-full error
  expect_ok tclone create db --size 32M --fs none
  fill /run/db.1 one 1
  expect_ok dd if=/run/db.1 of="$(dev db)" bs=1M conv=fsync,notrunc
  expect_ok tclone publish db
}

case_clones_take_vaults_made_ahead_and_the_stock_is_filled_up_again() {
  pool_with_db
  expect_ok tclone pool stock --keep 2
  expect_ok tclone status
  expect_text '2 of 2 vaults made ahead'
  local before after key name
  before=$(ls /etc/tclone/keys)
  expect_ok tclone clone db@1 web1
  expect_ok cmp -n 1048576 /run/db.1 "$(dev web1)"
  key=$(field vaults/web1.toml uuid).key
  [[ $before == *"$key"* ]] || lost "the clone took no vault of the stock: its key $key is not among $before"
  expect_equal 2097152 "$(field vaults/web1.toml data_offset)" "the header's place"
  stock_settled
  expect_equal 2 "$(stocked)" "the vaults made ahead after a clone"
  # Many at once: none shares a key, none is left out.
  for name in a b c d; do tclone clone db@1 "$name" >/dev/null & done
  wait
  stock_settled
  after=$(cat /var/lib/tclone/p/vaults/*.toml | grep -A2 '^\[header\]' | grep ^uuid | sort)
  expect_equal "$after" "$(sort -u <<<"$after")" "headers that are each other's"
  expect_equal 8 "$(key_files)" "key files of db, five clones and two vaults made ahead"
  expect_ok tclone pool check
  expect_ok tclone doctor
  # After a reboot they are closed: the next clone opens one by its key.
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p
  fill /run/own.data own 1
  expect_ok tclone clone db@1 e
  expect_ok dd if=/run/own.data of="$(dev e)" bs=1M conv=fsync,notrunc
  stock_settled
  expect_ok cmp -n 1048576 /run/own.data "$(dev e)"
  expect_ok tclone activate web1
  expect_ok cmp -n 1048576 /run/db.1 "$(dev web1)"
  # A clone of another size takes one as well.
  expect_ok tclone create big --size 8G --fs none
  expect_ok tclone publish big
  expect_ok tclone clone big@1 bigger
  expect_equal 8589934592 "$(blockdev --getsize64 "$(dev bigger)")" "the size of a clone larger than the vault was made for"
  expect_ok dd if=/run/own.data of="$(dev bigger)" bs=1M seek=8191 conv=fsync,notrunc
  stock_settled
  # They go on request, keys and all.
  expect_ok tclone pool stock --keep 0
  expect_equal 0 "$(stocked)" "vaults made ahead after --keep 0"
  expect_equal 9 "$(key_files)" "key files of volumes after --keep 0"
}

case_an_untouched_clone_takes_four_mebibytes_at_most() {
  pool_with_db
  local all before after
  read -r _ _ _ _ _ all _ < <(dmsetup status tclone-p-_pool); before=${all%/*}
  expect_ok tclone clone db@1 web
  read -r _ _ _ _ _ all _ < <(dmsetup status tclone-p-_pool); after=${all%/*}
  say "an untouched own-key clone takes $((after - before)) MiB"
  ((after - before <= 4)) || lost "an untouched clone takes $((after - before)) blocks of 1 MiB"
}

case_a_kill_while_the_stock_is_filled_leaves_the_pool_whole() {
  pool_with_db
  local -a points
  local n
  rm -f /run/trace
  expect_ok env TCLONE_FAULT_TRACE=/run/trace tclone pool stock --keep 1
  mapfile -t points </run/trace
  for ((n = 1; n <= ${#points[@]}; n++)); do
    ((${LAB_TORTURE:-0} || n % 5 == 1)) || continue
    expect_ok tclone pool stock --keep 0
    { run env TCLONE_FAULT="*#$n=kill" tclone pool stock --keep 1; } 2>/dev/null
    expect_ok tclone recover
    run pool_check p --same /run/same --exact /run/exact --room /run/room
    ((status == 0)) || { lab_show; lost "the pool is not consistent after a kill at point $n (${points[n - 1]}) of filling the stock"; }
  done
  expect_ok tclone pool stock --keep 1
  expect_equal 1 "$(stocked)" "the stock after kills"
}

case_a_kill_while_a_clone_takes_a_vault_made_ahead_costs_the_clone_at_most() {
  pool_with_db
  expect_ok tclone pool stock --keep 1
  local -a points
  local n
  rm -f /run/trace
  expect_ok env TCLONE_FAULT_TRACE=/run/trace tclone clone db@1 x
  stock_settled
  expect_ok tclone rm x --yes
  mapfile -t points </run/trace
  for ((n = 1; n <= ${#points[@]}; n++)); do
    ((${LAB_TORTURE:-0} || n % 4 == 1)) || continue
    { run env TCLONE_FAULT="*#$n=kill" tclone clone db@1 x; } 2>/dev/null
    stock_settled
    expect_ok tclone recover
    run pool_check p --same /run/same --exact /run/exact --room /run/room
    ((status == 0)) || { lab_show; lost "the pool is not consistent after a kill at point $n (${points[n - 1]}) of a clone"; }
    if [[ -e /var/lib/tclone/p/volumes/x.toml ]]; then
      expect_ok tclone activate x
      expect_ok cmp -n 1048576 /run/db.1 "$(dev x)"
      expect_ok tclone rm x --yes
    fi
    expect_ok tclone pool stock
  done
  say "${#points[@]} points"
}
