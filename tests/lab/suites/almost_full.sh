# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x1G --var 3G --timeout 900
# needs: tclone
# At the brim: an outer pool that fills up in the middle of a command, and metadata, outer and inner, near their end.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { rm -f /tmp/stopped /tmp/image; pool_away; rm -f /var/lib/tclone/*.pool; }

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }
pool_mode() { local mode; read -r _ _ _ _ _ _ _ mode _ < <(dmsetup status tclone-p-_pool); printf '%s\n' "$mode"; }
# The kernel sees with its next commit, a second later at most, that there is space again.
outer_pool_has_space() {
  local round
  for round in {1..50}; do
    [[ $(pool_mode) == rw ]] && return 0
    sleep 0.1
  done
  lost "the outer pool is $(pool_mode) although there is space again"
}
inner_pools_are_well() {
  local name line
  for name in /dev/mapper/tclone-p-_*.pool; do
    line=$(dmsetup status "${name##*/}")
    [[ $line == *' rw '* && $line != *needs_check* ]] || lost "the inner pool ${name##*/} is: $line"
  done
}

# --- the outer pool runs full while a command is under way -----------------------------------------------------------

# filled_during POINT COMMAND…: the command is stopped there, all space is taken, and it goes on.
filled_during() {
  local point=$1 pid n
  shift
  rm -f /tmp/trace
  TCLONE_FAULT="$point=stop" TCLONE_FAULT_TRACE=/tmp/trace timeout 120 "$@" >/tmp/stopped 2>&1 </dev/null &
  local timeout_pid=$!
  pid=
  for ((n = 0; n < 300; n++)); do
    [[ -e /proc/$timeout_pid ]] || break
    for pid in /proc/[0-9]*; do
      pid=${pid#/proc/}
      read -r _ comm state _ 2>/dev/null <"/proc/$pid/stat" || continue
      [[ $comm == '(tclone)' && $state == T ]] && break 2
      pid=
    done
    sleep 0.1
  done
  if [[ ! $pid ]]; then wait $timeout_pid; status=$?; return 1; fi
  dd if=/dev/zero of="$(dev ballast)" bs=1M oflag=direct status=none 2>/dev/null
  kill -CONT "$pid"
  status=0
  wait $timeout_pid || status=$?
  out=$(</tmp/stopped) err=
}

case_space_that_runs_out_in_the_middle_of_a_command_is_said_and_undone() {
  local what point full=0 done_anyway=0 refused=0 turn=0
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 288M --when-full error
  expect_ok tclone create db --size 64M
  mnt db
  fill /mnt/db/kept a 2
  sync
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  expect_ok tclone create ballast --size 1G --fs none --plain
  local sum before
  sum=$(checksum /mnt/db/kept)
  fill /tmp/image image 24
  local -a points=('step#2' 'commit')
  [[ ${LAB_TORTURE-} ]] && points=('step#1' 'step#2' 'step#4' 'key.made' 'commit' 'committed')
  for what in "create x --size 32M" "create x --from /tmp/image" "clone db@1 x" "publish db web"; do
    for point in "${points[@]}"; do
      # A plain run takes the two points in turn.
      [[ ${LAB_TORTURE-} || $point == "${points[turn++ / 2 % 2]}" ]] || continue
      # shellcheck disable=SC2086 # words
      filled_during "$point" tclone $what || { [[ $status == 0 ]] || lost "$what did not reach $point and failed ($status)"; }
      case $status in
        0) done_anyway=$((done_anyway + 1)) ;;
        6)
          refused=$((refused + 1))
          expect_text 'full|No space|free|reserve'
          ;;
        *) lab_show; lost "status $status of $what with the pool full since $point" ;;
      esac
      [[ $(pool_mode) == out_of_data_space || $(pool_mode) == rw ]] || lost "the outer pool is $(pool_mode)"
      full=$((full + 1))
      inner_pools_are_well
      expect_ok blkdiscard "$(dev ballast)"
      ! journal_is_open /var/lib/tclone/p || expect_ok tclone recover
      outer_pool_has_space
      records_agree
      expect_equal "$sum" "$(checksum /mnt/db/kept)" "a file of before"
      if [[ $what == *' x '* || $what == *' x' ]]; then
        run tclone show x
        ((status == 0)) && expect_ok tclone rm x --yes
      fi
    done
  done
  say "filled up in $full commands under way: $refused said so, $done_anyway were done"
  ((refused > 0)) || lost "no command ran out of space: nothing was tried"
  umnt db
  fsck_ok db
  expect_ok tclone pool grow p --size 1G
  expect_ok tclone create x --from /tmp/image
  expect_ok tclone pool check p
  expect_text 'nothing is wrong'
}

case_several_clones_that_fill_the_pool_together_go_on_when_it_has_grown() {
  local i pids=() n
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 200M
  expect_ok tclone create db --size 128M --fs none
  expect_ok tclone publish db
  for i in 1 2 3; do expect_ok tclone clone db@1 "c$i"; done
  head -c 4M /dev/urandom >/tmp/image
  for i in 1 2 3; do
    (for ((n = 0; n < 12; n++)); do
      dd if=/tmp/image of="$(dev "c$i")" bs=1M seek=$((n * 4)) conv=notrunc,fsync status=none || exit 1
    done) &
    pids+=($!)
  done
  for ((n = 0; n < 120; n++)); do [[ $(pool_mode) == out_of_data_space ]] && break; sleep 0.1; done
  [[ $(pool_mode) == out_of_data_space ]] || lost "three writers of 48 MiB each did not fill the pool"
  expect_exit 6 tclone clone db@1 more
  expect_text 'pool grow'
  expect_ok tclone list
  expect_ok tclone pool grow p --size 512M
  for i in "${pids[@]}"; do wait "$i" || lost "a writer got an error although the pool was grown in time"; done
  inner_pools_are_well
  local sum
  sum=$(for ((n = 0; n < 12; n++)); do cat /tmp/image; done | b2sum)
  for i in 1 2 3; do expect_equal "${sum%% *}" "$(checksum "$(dev "c$i")" 50331648)" "what clone c$i wrote"; done
  expect_ok tclone clone db@1 more
  expect_ok tclone pool check p
}

# XFS tries a metadata write that failed again and again: on a pool that gives errors this must end, by growing or by unmounting.
case_an_xfs_on_a_full_pool_goes_on_when_it_has_grown_and_can_be_unmounted_when_it_has_not() {
  local turn sum i
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 480M --when-full error
  expect_ok tclone create x --size 320M --fs xfs
  mnt x
  fill /mnt/x/kept a 2
  sync
  umnt x
  expect_ok tclone publish x
  expect_ok tclone create ballast --size 2G --fs none --plain
  for turn in grown unmounted; do
    expect_ok tclone clone x@1 "$turn"
    mnt "$turn"
    sum=$(checksum "/mnt/$turn/kept")
    run dd if=/dev/zero of="$(dev ballast)" bs=1M oflag=direct status=none
    [[ $(pool_mode) == out_of_data_space ]] || lost "the pool is $(pool_mode), not full"
    # Many small files: new places for data and for metadata, in the log first.
    (for ((i = 0; i < 80; i++)); do head -c 140000 /dev/zero >"/mnt/$turn/$i" || exit 1; done; sync -f "/mnt/$turn") >/dev/null 2>&1 &
    local writer=$!
    sleep 2
    if [[ $turn == grown ]]; then expect_ok tclone pool grow p --size 640M; fi
    for ((i = 0; i < 600; i++)); do [[ -e /proc/$writer ]] || break; sleep 0.1; done
    [[ ! -e /proc/$writer ]] || lost "a writer on an xfs hangs for a minute: $(cat "/proc/$writer/stack" 2>/dev/null)"
    run timeout 60 tclone umount "$turn"
    ((status == 0)) || lost "an xfs on a pool that is $turn cannot be unmounted (exit $status): $out $err"
    inner_pools_are_well
    expect_ok blkdiscard "$(dev ballast)"
    # The kernel looks for space at a commit, and a status makes one.
    for ((i = 0; i < 50; i++)); do [[ $(pool_mode) == rw ]] && break; sleep 0.1; done
    mnt "$turn"
    expect_equal "$sum" "$(checksum "/mnt/$turn/kept")" "a file of before on the xfs that was $turn"
    umnt "$turn"
    fsck_ok "$turn" xfs
  done
}

# --- metadata --------------------------------------------------------------------------------------------------------

crowd_next=1000000
# crowd DEVICE COUNT: adds COUNT thins to the metadata of a pool that is down: a block of 4 KiB each.
crowd() {
  thin_dump "$1" >/tmp/crowd.xml || lost "thin_dump of $1"
  sed -i '/<\/superblock>/d' /tmp/crowd.xml
  # Each with a tree of its own over one block that they share.
  seq $crowd_next $((crowd_next + $2 - 1)) | sed 's,.*,  <device dev_id="&" mapped_blocks="1" transaction="0" creation_time="0" snap_time="0">\
    <single_mapping origin_block="0" data_block="0" time="0"/>\
  </device>,' >>/tmp/crowd.xml
  crowd_next=$((crowd_next + $2))
  echo '</superblock>' >>/tmp/crowd.xml
  dd if=/dev/zero of="$1" bs=4096 count=1 conv=notrunc,fsync status=none
  thin_restore -i /tmp/crowd.xml -o "$1" >/dev/null || lost "thin_restore to $1"
  rm /tmp/crowd.xml
}

case_outer_metadata_near_their_end_are_seen_and_new_things_refused() {
  local start length
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  read -r _ length _ _ start < <(dmsetup table tclone-p-_meta)
  expect_equal 32768 "$length" "the length of the outer metadata, in sectors: 4096 blocks"
  crowded() {
    expect_ok tclone pool deactivate p
    dmsetup create crowd --table "0 $length linear ${disk[0]} $start"
    crowd /dev/mapper/crowd "$1"
    dmsetup remove crowd
    expect_ok tclone pool activate p
  }
  crowded 3100
  expect_ok tclone doctor
  expect_text 'metadata is more than eight tenths full'
  expect_text 'to mend: .*tclone rm'
  expect_ok tclone create more --size 16M --fs none
  expect_ok tclone rm more --yes
  crowded 450
  local id
  refused 6 'metadata is nine tenths full.*tclone rm' tclone create more --size 16M --fs none
  refused 6 'metadata is nine tenths full' tclone clone db@1 more
  refused 6 'metadata is nine tenths full' tclone publish db
  # What is there goes on, and what makes room may be done.
  expect_ok tclone activate db
  expect_ok dd if=/dev/urandom of="$(dev db)" bs=1M count=4 oflag=direct conv=notrunc status=none
  expect_ok tclone rm db@1 --yes
  expect_ok tclone pool status p
  # The strangers go again, so that the pool is as its records say.
  expect_ok tclone pool deactivate p
  dmsetup create crowd --table "0 $length linear ${disk[0]} $start"
  thin_dump /dev/mapper/crowd | sed '/dev_id="1[0-9]\{6\}"/,/<\/device>/d' >/tmp/crowd.xml
  dd if=/dev/zero of=/dev/mapper/crowd bs=4096 count=1 conv=notrunc,fsync status=none
  thin_restore -i /tmp/crowd.xml -o /dev/mapper/crowd >/dev/null || lost "thin_restore"
  dmsetup remove crowd
  expect_ok tclone pool activate p
  expect_ok tclone create more --size 16M --fs none
}

case_inner_metadata_grow_with_the_versions_that_fill_them() {
  local meta=/dev/mapper/tclone-p-_1.meta
  pool_up
  expect_ok tclone create db --size 16M --fs none
  fill "$(dev db)" seed 4
  expect_ok tclone publish db
  local sum before
  sum=$(checksum "$(dev db)")
  before=$(blockdev --getsz $meta)
  expect_ok tclone deactivate db
  # A repair that is killed leaves the layers below the inner pool.
  TCLONE_FAULT=repair.opened=kill tclone pool repair p --vault db >/dev/null 2>&1
  expect_file $meta
  crowd $meta $((before * 78 / 800))
  expect_ok tclone activate db
  expect_ok tclone doctor
  expect_text 'inner metadata of vault db are more than eight tenths full'
  expect_text 'to mend: .*tclone publish'
  expect_ok tclone publish db
  (($(blockdev --getsz $meta) > before * 3 / 2)) || lost "the inner metadata did not grow: $before then $(blockdev --getsz $meta) sectors"
  expect_ok tclone doctor
  expect_text 'nothing is wrong'
  inner_pools_are_well
  expect_equal "$sum" "$(checksum "$(dev db)")" "the volume after its metadata grew"
  expect_ok tclone deactivate db
  expect_ok tclone activate db
  expect_equal "$sum" "$(checksum "$(dev db)")" "the volume after it was opened with larger metadata"
  # As the records have it.
  expect_ok tclone deactivate db
  TCLONE_FAULT=repair.opened=kill tclone pool repair p --vault db >/dev/null 2>&1
  thin_dump $meta | sed '/dev_id="1[0-9]\{6\}"/,/<\/device>/d' >/tmp/crowd.xml
  dd if=/dev/zero of=$meta bs=4096 count=1 conv=notrunc,fsync status=none
  thin_restore -i /tmp/crowd.xml -o $meta >/dev/null || lost "thin_restore"
  expect_ok tclone activate db
}
