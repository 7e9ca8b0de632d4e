# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x1G --var 2G --timeout 600
# needs: tclone
# long: a_plain_vault_outlives_a_full_pool_although_its_first_block_was_discarded space_comes_back_from_everything
# long: a_full_pool_that_errors_holds_no_command_up
# A pool that runs full: refused in time, whole when it happens all the same, well again afterwards.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { pool_away; }

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }
used() { local all; read -r _ _ _ _ _ all _ < <(dmsetup status tclone-p-_pool); printf '%s\n' "${all%/*}"; }
inner_modes() {
  local name line
  for name in /dev/mapper/tclone-p-_*.pool; do
    line=$(dmsetup status "${name##*/}")
    [[ $line == *' rw '* && $line != *needs_check* ]] || lost "the inner pool ${name##*/} is: $line"
  done
}

small_pool() { expect_ok tclone pool create p --file /var/lib/tclone/small.pool --size 256M "$@"; }

case_a_full_pool_errors_and_is_well_after_a_removal() {
  small_pool --when-full error
  expect_ok tclone create db --size 64M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  expect_ok tclone create ballast --size 1G --fs none --plain
  mnt db; mnt web
  fill /mnt/db/kept a 2; fill /mnt/web/kept b 2; sync
  local a b
  a=$(checksum /mnt/db/kept) b=$(checksum /mnt/web/kept)
  expect_exit 1 dd if=/dev/zero of="$(dev ballast)" bs=1M oflag=direct status=none
  # Writers of the others run into it as well; what they had stays.
  dd if=/dev/urandom of=/mnt/web/more bs=1M count=16 conv=fsync status=none 2>/dev/null
  dd if=/dev/urandom of=/mnt/db/more bs=1M count=16 conv=fsync status=none 2>/dev/null
  inner_modes
  refused 6 'free' tclone create x --size 16M
  refused 6 'free' tclone clone db@1 x
  refused 6 'free' tclone publish db
  expect_ok tclone status
  expect_exit 8 tclone doctor
  expect_text 'pool is full'
  expect_ok tclone rm ballast --yes
  inner_modes
  umount /mnt/db /mnt/web
  run e2fsck -fy "$(dev db)"
  run e2fsck -fy "$(dev web)"
  fsck_ok db; fsck_ok web
  mnt db; mnt web
  expect_equal "$a" "$(checksum /mnt/db/kept)" "what the base had before the pool was full"
  expect_equal "$b" "$(checksum /mnt/web/kept)" "what the clone had before the pool was full"
  expect_ok dd if=/dev/urandom of=/mnt/web/more2 bs=1M count=8 conv=fsync status=none
  umnt db; umnt web
  expect_ok tclone publish db web
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p --volumes
  expect_ok tclone doctor
}

case_a_plain_vault_outlives_a_full_pool_although_its_first_block_was_discarded() {
  small_pool --when-full error
  expect_ok tclone create log --size 16M --fs none --plain
  expect_ok dd if=/dev/zero of="$(dev log)" bs=1M count=16 oflag=direct status=none
  expect_ok blkdiscard "$(dev log)"
  expect_ok tclone create ballast --size 1G --fs none --plain
  expect_exit 1 dd if=/dev/zero of="$(dev ballast)" bs=1M oflag=direct status=none
  # Every commit of the inner pool flushes its data device; a failed flush would leave it read-only.
  run dd if=/dev/urandom of="$(dev log)" bs=64K count=64 conv=fsync status=none
  run dd if=/dev/urandom of="$(dev log)" bs=64K count=4 seek=128 conv=fsync status=none
  inner_modes
  expect_ok tclone rm ballast --yes
  expect_ok dd if=/dev/urandom of="$(dev log)" bs=1M count=16 conv=fsync status=none
  inner_modes
}

case_writes_wait_and_go_on_when_space_is_back() {
  small_pool --when-full queue
  expect_ok tclone create web --size 64M --fs none
  expect_ok tclone create ballast --size 1G --fs none --plain
  local free
  free=$(dmsetup status tclone-p-_pool); free=${free#* * * * * }; free=${free%% *}
  free=$((${free#*/} - ${free%/*} - 4))
  expect_ok dd if=/dev/zero of="$(dev ballast)" bs=1M count=$free oflag=direct status=none
  dd if=/dev/zero of="$(dev web)" bs=1M count=32 oflag=direct status=none &
  local pid=$!
  local n
  for ((n = 0; n < 50; n++)); do [[ $(dmsetup status tclone-p-_pool) == *out_of_data_space* ]] && break; sleep 0.1; done
  [[ -e /proc/$pid ]] || lost "the writer did not wait"
  # Readers and lookers go on.
  expect_ok tclone status
  expect_ok tclone list
  expect_ok tclone rm ballast --yes
  wait $pid || lost "the writer that waited failed"
  inner_modes
  expect_equal "$(head -c 32M /dev/zero | sha256sum)" "$(head -c 32M "$(dev web)" | sha256sum)" "what was written while waiting"
}

case_below_the_reserve_nothing_new_begins() {
  small_pool
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  expect_ok tclone create ballast --size 1G --fs none --plain
  local status total
  read -r _ _ _ _ _ status _ < <(dmsetup status tclone-p-_pool)
  total=${status#*/}
  # Up to 15 MiB free: below the reserve of 16.
  expect_ok dd if=/dev/zero of="$(dev ballast)" bs=1M count=$((total - ${status%/*} - 15)) oflag=direct status=none
  refused 6 'reserve' tclone create x --size 16M
  refused 6 'reserve' tclone clone db@1 x
  refused 6 'reserve' tclone clone db@1 x --shared-key
  refused 6 'reserve' tclone publish db
  expect_ok tclone status
  expect_text 'reserve'
  # What frees or costs nothing goes on.
  expect_ok tclone rename db base
  expect_ok tclone tag base@1 good
  expect_ok tclone deactivate base
  expect_ok tclone activate base
  expect_ok tclone rm base@1 --yes
  expect_ok blkdiscard "$(dev ballast)"
  expect_ok tclone create x --size 16M
  expect_ok tclone rm ballast --yes
}

case_space_comes_back_from_everything() {
  small_pool
  expect_ok tclone create db --size 32M --fs none
  expect_ok tclone publish db
  local before
  before=$(used)
  expect_ok tclone clone db@1 web
  local clone
  clone=$(used)
  expect_ok dd if=/dev/urandom of="$(dev web)" bs=1M count=32 oflag=direct status=none
  expect_ok tclone revert web
  (($(used) <= clone + 1)) || lost "after a revert $(used) blocks are used, $clone after the clone was made"
  expect_ok dd if=/dev/urandom of="$(dev web)" bs=1M count=32 oflag=direct status=none
  expect_ok blkdiscard "$(dev web)"
  (($(used) <= clone + 4)) || lost "after a discard $(used) blocks are used, $clone after the clone was made"
  expect_ok tclone rm web --yes
  expect_equal "$before" "$(used)" "the number of used blocks after the clone is gone"
}

case_a_volume_that_does_not_fit_may_be_made_but_not_filled_by_a_copy() {
  small_pool
  head -c 250M /dev/urandom >/var/lib/tclone/big.img
  refused 6 'free' tclone create big --from /var/lib/tclone/big.img
  rm /var/lib/tclone/big.img
  refused 2 '' tclone create vast --size 100000T
  expect_ok tclone create wide --size 10T --fs none
  expect_ok tclone clone wide thin
  expect_ok tclone revert thin
}

# A look at a vault waits for its commit, and that for the pool. Here the metadata's device is suspended; with a pool that
# fills up just while it is looked at it is the same, for a minute or for ever.
case_looking_does_not_wait_for_a_vault_whose_commits_do() {
  small_pool
  expect_ok tclone create db --size 32M --fs none
  expect_ok tclone create other --size 32M --fs none
  local meta
  meta=tclone-p-_$(field vaults/db.toml outer).meta
  expect_ok dmsetup suspend "$meta"
  dd if=/dev/zero of="$(dev db)" bs=1M count=4 oflag=direct,sync status=none 2>/dev/null &
  local writer=$!
  sleep 1
  local what
  for what in list 'show db' 'pool status p --json'; do
    # shellcheck disable=SC2086
    run timeout 30 tclone $what
    ((status == 0)) || { dmsetup resume "$meta"; lab_show; lost "tclone $what ended with $status while a vault's commit waited"; }
  done
  [[ $out == *'"waiting for the pool"'* ]] || { dmsetup resume "$meta"; lost "status does not say that the vault waits"; }
  expect_ok dmsetup resume "$meta"
  wait $writer || lost "the writer whose vault was looked at meanwhile"
  expect_ok tclone status
  expect_no_text 'waiting'
}

# Until the outer pool says that it is full, or has space again: pool_is TEXT
pool_is() {
  local n
  for ((n = 0; n < 100; n++)); do [[ $(dmsetup status tclone-p-_pool) == *" $1 "* ]] && return; sleep 0.1; done
  lost "the pool does not become $1: $(dmsetup status tclone-p-_pool)"
}

# quick CODE COMMAND…: far below the minute after which the kernel fails what waits for space.
quick() {
  local code=$1
  shift
  expect_exit "$code" timeout 30 tclone "$@"
}

# What a vault needs to be opened, changed within and closed has its blocks: header, metadata, and where flushes arrive.
full_pool_holds_nobody_up() {
  small_pool --when-full "$1"
  expect_ok tclone create db --size 64M --fs none
  expect_ok tclone publish db
  expect_ok tclone publish db
  expect_ok tclone clone db@1 own
  expect_ok tclone clone db@1 side --shared-key
  expect_ok tclone create other --size 16M --fs none
  expect_ok tclone create plain --size 16M --fs none --plain
  expect_ok tclone create ballast --size 1G --fs none
  fill "$(dev db)" seed 4
  sync
  local sum writer='' name
  sum=$(checksum "$(dev db)")
  expect_ok tclone deactivate db own side other plain
  dd if=/dev/zero of="$(dev ballast)" bs=1M oflag=direct status=none 2>/dev/null &
  writer=$!
  pool_is out_of_data_space
  # Nothing is open but the vault whose writer waits, or got its error.
  for name in other own side plain db; do
    quick 0 activate "$name"
    [[ $name == db ]] || quick 0 deactivate "$name"
  done
  expect_equal "$sum" "$(checksum "$(dev db)")" "what the vault had, read while the pool is full"
  quick 0 deactivate db
  # What would have to write is refused before anything is opened.
  quick 6 revert own; expect_text 'pool grow'
  quick 6 clone db@1 more --shared-key; expect_text 'pool grow'
  quick 6 clone db@1 more; expect_text 'pool grow'
  quick 6 publish other; expect_text 'pool grow'
  quick 6 resize other 32M; expect_text 'pool grow'
  quick 6 create more --size 16M --fs none; expect_text 'pool grow'
  quick 6 rekey other; expect_text 'pool grow'
  # What looks or frees goes on, in closed vaults and open ones.
  quick 0 key test db
  quick 0 rename other another
  quick 0 tag db@1 good
  quick 0 list; quick 0 status
  quick 8 doctor
  quick 0 activate db
  quick 0 rm side --yes
  quick 0 rm db@2 --yes
  quick 0 rm own --yes
  inner_modes
  # The way out that the refusals name.
  quick 0 pool grow p --size 512M
  if [[ $1 == queue ]]; then pool_is rw; fi
  kill "$writer" 2>/dev/null
  wait "$writer" 2>/dev/null
  expect_equal "$sum" "$(checksum "$(dev db)")" "the data afterwards"
  quick 0 rm ballast --yes
  quick 0 pool deactivate p
  expect_ok tclone pool activate p
}
# The commits of a vault whose filesystem waits for space wait, too; the kernel gives up after a minute.
case_what_would_wait_for_a_vault_below_a_full_pool_is_refused() {
  small_pool --when-full queue
  expect_ok tclone create db --size 128M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 side --shared-key
  expect_ok tclone create other --size 16M --fs none
  expect_ok tclone create ballast --size 1G --fs none
  expect_ok tclone deactivate side other
  mnt db
  local free
  free=$(dmsetup status tclone-p-_pool); free=${free#* * * * * }; free=${free%% *}
  free=$((${free#*/} - ${free%/*} - 8))
  expect_ok dd if=/dev/zero of="$(dev ballast)" bs=1M count=$free oflag=direct status=none
  { dd if=/dev/urandom of=/mnt/db/more bs=1M count=90 status=none; sync /mnt/db/more; } 2>/dev/null &
  local writer=$!
  pool_is out_of_data_space
  sleep 2  # its next commit
  quick 6 activate side
  expect_text 'waits for space.*pool grow'
  quick 6 rm side --yes
  expect_text 'waits for space.*pool grow'
  quick 6 rm db@1 --yes
  expect_text 'waits for space.*pool grow'
  quick 0 activate other
  quick 0 deactivate other
  quick 0 list; quick 0 status; quick 8 doctor
  quick 0 rm ballast --yes
  wait $writer || lost "the writer that waited failed"
  quick 0 activate side
  umnt db
  inner_modes
}
case_a_full_pool_that_queues_holds_no_command_up() { full_pool_holds_nobody_up queue; }
case_a_full_pool_that_errors_holds_no_command_up() { full_pool_holds_nobody_up error; }
