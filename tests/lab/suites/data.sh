# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 2x2G --timeout 900 --mem 1500M
# needs: tclone
# long: an_own_key_clone_with_versions_goes_back_and_forth clones_in_a_named_vault
# long: publishing_several_while_they_are_written_is_one_point
# Data, by checksum, through every path: base, version, shared-key and own-key clones, four levels deep, and after
# revert, refresh, rename, resize and a whole deactivation of the pool.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { pool_away; }

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }
# same WANTED VOLUME WHAT: the checksum of the whole device.
same() { expect_equal "$1" "$(checksum "/dev/mapper/tclone-p-$2")" "the content of $2 $3"; }
# scribble VOLUME SEED OFFSET-MIB MIB
scribble() {
  fill "/tmp/$2.bin" "$2" "$4"
  expect_ok dd if="/tmp/$2.bin" of="$(dev "$1")" bs=1M seek="$3" conv=fsync,notrunc status=none
  rm "/tmp/$2.bin"
}

case_every_path_reads_what_was_written() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  scribble db one 0 10
  local v1 v2 web1 dev1 main
  v1=$(checksum "$(dev db)")
  expect_ok tclone publish db
  scribble db two 4 10
  v2=$(checksum "$(dev db)")
  expect_ok tclone publish db
  scribble db three 0 2
  main=$(checksum "$(dev db)")
  expect_ok tclone clone db@1 web
  expect_ok tclone clone db@1 side --shared-key
  same "$v1" web "of a new own-key clone"
  same "$v1" side "of a new shared-key clone"
  scribble web w 7 3
  scribble side s 1 5
  web1=$(checksum "$(dev web)")
  dev1=$(checksum "$(dev side)")
  expect_differ "$web1" "$v1" "the clone that was written to"
  expect_ok tclone activate db@1 db@2
  same "$v1" db@1 "after its clones were written to"
  same "$v2" db@2 "after the base was written to"
  same "$main" db "after its clones were written to"
  # Renamed, deactivated as a whole, activated: all of it again.
  expect_ok tclone rename db base
  expect_ok tclone rename web shop
  same "$main" base "after a rename"
  same "$web1" shop "after a rename"
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p --volumes
  expect_ok tclone activate base@1 base@2
  same "$v1" base@1 "after the pool was down"
  same "$v2" base@2 "after the pool was down"
  same "$main" base "after the pool was down"
  same "$web1" shop "after the pool was down"
  same "$dev1" side "after the pool was down"
  # Back and forth.
  expect_ok tclone revert shop
  same "$v1" shop "after a revert"
  expect_ok tclone refresh shop
  same "$v2" shop "after a refresh"
  expect_ok tclone refresh side
  same "$v2" side "after a refresh, shared key"
  scribble side x 3 3
  expect_ok tclone revert side
  same "$v2" side "after a revert, shared key"
  expect_ok tclone revert base --to 1
  same "$v1" base "after a revert to an older version"
  expect_ok tclone revert base
  same "$v2" base "after a revert to the newest version"
  expect_ok tclone deactivate --all
}

case_four_levels_of_own_keys() {
  pool_up
  expect_ok tclone create a --size 16M --fs none
  scribble a a 0 8
  local from=a to sums=()
  sums+=("$(checksum "$(dev a)")")
  for to in b c d e; do
    expect_ok tclone clone "$from" "$to"
    same "${sums[-1]}" "$to" "right after it was cloned of $from"
    scribble "$to" "$to" $((${#sums[@]} * 2)) 2
    sums+=("$(checksum "$(dev "$to")")")
    from=$to
  done
  local i=0
  for to in a b c d e; do same "${sums[i++]}" "$to" "with its clones written to"; done
  expect_ok tclone pool deactivate p
  refused 4 'not active' tclone activate e
  expect_ok tclone pool activate p
  expect_ok tclone activate e
  same "${sums[4]}" e "activated alone"
  expect_ok tclone revert e
  same "${sums[3]}" e "reverted"
  expect_ok tclone activate --all
  i=0
  for to in a b c d; do same "${sums[i++]}" "$to" "after the pool was down"; done
}

case_an_own_key_clone_with_versions_goes_back_and_forth() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  scribble db one 0 6
  expect_ok tclone publish db
  local base first second
  base=$(checksum "$(dev db)")
  expect_ok tclone clone db@1 web
  scribble web a 2 2
  first=$(checksum "$(dev web)")
  expect_ok tclone publish web --tag good
  scribble web b 8 4
  second=$(checksum "$(dev web)")
  expect_ok tclone publish web
  scribble web c 0 16
  expect_ok tclone revert web --to good
  same "$first" web "reverted to its own version 1"
  expect_ok tclone revert web --to 2
  same "$second" web "reverted to its own version 2"
  expect_ok tclone revert web
  same "$base" web "reverted to its origin"
  expect_ok tclone clone web@good child --shared-key
  expect_ok tclone clone web@good stranger
  same "$first" child "of a version of a clone, shared key"
  same "$first" stranger "of a version of a clone, own key"
  scribble db two 0 16
  expect_ok tclone publish db
  expect_ok tclone refresh web
  same "$(checksum "$(dev db)")" web "refreshed while its versions stay"
  same "$first" child "after its origin was refreshed"
  same "$first" stranger "after its origin was refreshed"
  expect_ok tclone refresh stranger --to 2
  same "$second" stranger "refreshed to web@2"
  expect_ok tclone activate web@1 web@2
  same "$first" web@1 "after the refresh"
  same "$second" web@2 "after the refresh"
  expect_ok tclone deactivate --all
}

case_clones_in_a_named_vault() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  scribble db one 0 6
  expect_ok tclone publish db
  local base
  base=$(checksum "$(dev db)")
  expect_ok tclone clone db@1 web
  expect_ok tclone clone db@1 web.b --vault web
  same "$base" web.b "in the vault of another clone"
  scribble web.b x 4 4
  local b
  b=$(checksum "$(dev web.b)")
  same "$base" web "with a neighbour written to"
  refused 3 'no vault' tclone clone db@1 x --vault nowhere
  refused 2 'vault has' tclone clone db@1 x --vault web --key file:/tmp/k
  expect_ok tclone rm web --yes
  same "$b" web.b "after its neighbour was removed"
  expect_ok tclone revert web.b
  same "$base" web.b "reverted, in a vault that has another's name"
}

case_filesystems_stay_whole_through_everything() {
  pool_up
  expect_ok tclone create e --size 64M
  expect_ok tclone create x --size 320M --fs xfs
  local v sum
  for v in e x; do mnt $v; fill /mnt/$v/data $v 8; done
  sum=$(checksum /mnt/e/data)
  # Of mounted filesystems; several volumes are one point.
  expect_ok tclone publish e x
  expect_equal $'e@1\nx@1' "$out" "what publish prints"
  for v in e x; do
    expect_ok tclone clone $v@1 $v.own
    expect_ok tclone clone $v@1 $v.shared --shared-key
  done
  fsck_ok e.own
  fsck_ok e.shared
  # A clone of a mounted xfs has a log to replay first; its UUID is the origin's.
  for v in e.own e.shared x.own x.shared; do
    mnt $v
    expect_equal "$(checksum "/mnt/${v%%.*}/data")" "$(checksum /mnt/$v/data)" "the file in $v"
    echo text >/mnt/$v/new
    sync
  done
  expect_ok tclone mount x@1 /mnt/xv
  expect_ok umount /mnt/xv
  expect_ok tclone resize e 96M
  expect_ok tclone resize x 400M
  expect_ok df --output=size -m /mnt/e /mnt/x
  expect_text ' (8[0-9]|9[0-9])'
  expect_text ' 3[2-9][0-9]'
  expect_equal "$sum" "$(checksum /mnt/e/data)" "the file after an online resize"
  for v in e e.own e.shared x x.own x.shared; do umnt $v; done
  for v in e e.own e.shared; do fsck_ok $v; done
  for v in x x.own x.shared; do fsck_ok $v xfs; done
  # Without being mounted.
  expect_ok tclone resize e.own 80M
  expect_ok tclone resize x.own 380M
  fsck_ok e.own
  fsck_ok x.own xfs
  mnt e.own
  expect_equal "$sum" "$(checksum /mnt/e.own/data)" "the file after an offline resize"
  umnt e.own
  # What could not be grown is grown when it is asked for again.
  expect_ok tclone mount x.own /mnt/x.own --read-only
  expect_ok tclone resize x.own 420M
  expect_text 'the same resize again grows it'
  umnt x.own
  expect_ok tclone resize x.own 420M
  expect_equal "$((420 << 20))" "$(xfs_db -r -c 'sb 0' -c 'p dblocks' "$(dev x.own)" | awk '{print $3 * 4096}')" "the xfs"
  expect_ok tclone revert e.own
  expect_ok tclone revert x.own
  fsck_ok e.own
  mnt x.own
  expect_no_file /mnt/x.own/new
  umnt x.own
  fsck_ok x.own xfs
  expect_ok tclone deactivate --all
  expect_ok tclone resize e.shared 100M
  expect_ok tclone activate e.shared
  fsck_ok e.shared
}

case_plain_volumes_hold_their_data_and_have_no_key() {
  pool_up
  expect_ok tclone create raw --size 16M --fs none --plain
  scribble raw one 0 8
  local sum keys
  sum=$(checksum "$(dev raw)")
  keys=(/etc/tclone/keys/*)
  expect_equal 0 ${#keys[@]} "the number of keys"
  expect_ok tclone publish raw
  expect_ok tclone clone raw@1 own
  expect_ok tclone clone raw@1 side --shared-key
  keys=(/etc/tclone/keys/*)
  expect_equal 1 ${#keys[@]} "the number of keys with an own-key clone"
  scribble own x 0 4
  same "$sum" side "of a plain volume"
  expect_ok tclone revert own
  same "$sum" own "reverted to a plain version"
  refused 2 'plain' tclone create z --size 16M --plain --key file:/tmp/k
}

case_publishing_several_while_they_are_written_is_one_point() {
  pool_up
  expect_ok tclone create a --size 32M
  expect_ok tclone create b --size 32M
  mnt a; mnt b
  # b is only ever written after a, each made durable: a version of b may never be ahead of that of a.
  # Overwritten in place: a file that is truncated first is empty for a moment.
  (n=100000; while [[ ! -e /tmp/stop ]]; do n=$((n + 1)); echo $n 1<>/mnt/a/n; sync /mnt/a/n; echo $n 1<>/mnt/b/n; sync /mnt/b/n; done) &
  local writer=$! i
  for i in 1 2 3 4; do expect_ok tclone publish a b; sleep 0.3; done
  touch /tmp/stop
  wait $writer
  rm /tmp/stop
  for i in 1 2 3 4; do
    expect_ok tclone clone a@$i ca
    expect_ok tclone clone b@$i cb
    fsck_ok ca; fsck_ok cb
    mnt ca; mnt cb
    local na nb
    na=$(cat /mnt/ca/n 2>/dev/null || echo 100000)
    nb=$(cat /mnt/cb/n 2>/dev/null || echo 100000)
    ((${na:-100000} == ${nb:-100000} || ${na:-100000} == ${nb:-100000} + 1)) || lost "version $i has a at '$na' and b at '$nb'"
    umnt ca; umnt cb
    expect_ok tclone rm ca --yes
    expect_ok tclone rm cb --yes
  done
  umnt a; umnt b
}

# Freezing a filesystem writes all that is cached of it, while every writer waits: with 300 MiB that was 2 s.
case_what_is_cached_is_written_before_writers_are_held_up() {
  pool_up
  expect_ok tclone create db --size 128M
  mnt db
  local knob
  local -a before=()
  for knob in dirty_ratio=90 dirty_background_ratio=90 dirty_expire_centisecs=360000 dirty_writeback_centisecs=0; do
    before+=("${knob%=*}=$(</proc/sys/vm/"${knob%=*}")")
    echo "${knob#*=}" >"/proc/sys/vm/${knob%=*}"
  done
  fill /mnt/db/f seed 48
  cached() { awk '/^(Dirty|Writeback):/ { kib += $2 } END { print kib }' /proc/meminfo; }
  (($(cached) > 40000)) || lost "48 MiB that were written are not cached, so nothing is tried here"
  { TCLONE_FAULT='*#1=kill' run tclone publish db; } 2>/dev/null  # at its first point, with nothing suspended yet
  (($(cached) < 8000)) || lost "$(cached) KiB were left for when writers wait"
  for knob in "${before[@]}"; do echo "${knob#*=}" >"/proc/sys/vm/${knob%=*}"; done
  expect_ok fsfreeze --freeze /mnt/db
  expect_exit 5 tclone publish db
  expect_text 'frozen already.*fsfreeze --unfreeze'
  expect_ok fsfreeze --unfreeze /mnt/db
  expect_ok tclone publish db
  umnt db
}

case_what_a_clone_discards_shows_its_basis_again() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  scribble db one 0 8
  expect_ok tclone publish db
  local base
  base=$(checksum "$(dev db)")
  expect_ok tclone clone db@1 web
  scribble web x 0 16
  expect_ok blkdiscard "$(dev web)"
  same "$base" web "after a discard of all of it"
  expect_ok blkdiscard -z "$(dev web)"
  expect_equal "$(head -c 16M /dev/zero | b2sum | cut -d' ' -f1)" "$(checksum "$(dev web)")" "zeroed"
}
