# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by bench/inside.sh: reading and writing, and what it takes in space and memory.

# io KEY DEVICE RW BLOCK OFFSET-MIB LENGTH-MIB [OPTION…]: requests a second, one after the other, direct.
io() {
  local line
  note_command "$1" fio --direct=1 --ioengine=psync --filename="$2" --rw="$3" --bs="$4" --offset="$5M" --size="$6M" "${@:7}"
  line=$(fio --name=bench --minimal --terse-version=3 --direct=1 --ioengine=psync --filename="$2" --rw="$3" --bs="$4" \
    --offset="$5M" --size="$6M" --allow_mounted_write=0 --invalidate=1 --randrepeat=0 --norandommap "${@:7}" 2>/run/bench.err) ||
    { cat /run/bench.err >&2; die "fio failed on $2"; }
  # Field 8 of its terse line is read IOPS, 49 write IOPS; the one that was not asked for is 0.
  sample "$1" "$(awk -F';' '$1 == 3 { print $8 + $49 }' <<<"$line")"
}
# fill DEVICE MIB
fill() { quietly dd if=/dev/urandom of="$1" bs=1M count="$2" oflag=direct conv=notrunc; }

# Half of the volume is the basis; the clone has written the first quarter itself. Short windows, either device first every
# other time: what the machine does besides changes within seconds.
series_io() {
  local i quarter=$((BENCH_VOLUME_MIB / 4)) key kind what first=plain second=clone
  local seconds=$(((BENCH_SECONDS + 1) / 2))
  local -A device=([plain]=/dev/mapper/bench-plain-crypt [clone]=/dev/mapper/tclone-bench1-ioc)
  quietly tclone create iodb --size "${BENCH_VOLUME_MIB}M" --fs none
  fill /dev/mapper/tclone-bench1-iodb $((quarter * 2))
  quietly tclone publish iodb
  quietly tclone clone iodb@1 ioc
  fill /dev/mapper/tclone-bench1-ioc "$quarter"
  slice plain 1024
  quietly cryptsetup luksFormat -q --type luks2 --sector-size 4096 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --cipher aes-xts-plain64 \
    --key-size 512 --key-file /run/bench.key /dev/mapper/bench-plain
  quietly cryptsetup open --key-file /run/bench.key --allow-discards /dev/mapper/bench-plain bench-plain-crypt
  fill /dev/mapper/bench-plain-crypt $((quarter * 2))
  for ((i = 0; i < BENCH_ROUNDS * 2; i++)); do
    for kind in 'rewrite randwrite 4k 0' 'read randread 4k 0' "basis randread 4k $quarter" 'seqwrite write 1M 0' 'seqread read 1M 0'; do
      read -ra what <<<"$kind"
      for key in $first $second; do
        io "io.$key.${what[0]}" "${device[$key]}" "${what[@]:1}" "$quarter" --time_based --runtime="$seconds"
      done
    done
    key=$first first=$second second=$key
  done
  quietly cryptsetup close bench-plain-crypt
  unslice plain
  gone ioc iodb
}

# One write of 4 KiB to every block of 64 KiB of the first half, in random order, on a fresh clone.
touch_blocks() { io "$1" "$2" randwrite 4k 0 $((BENCH_VOLUME_MIB / 2)) --blockalign=64k --io_size=$((BENCH_VOLUME_MIB / 32))M; }

series_touch() {
  local i half=$((BENCH_VOLUME_MIB / 2))
  floor_up null
  fill /dev/mapper/floor-db "$half"
  quietly floor version 0
  plain_thin_up cipher_null-ecb -
  for ((i = 0; i < BENCH_ROUNDS; i++)); do
    quietly floor own "$i"
    touch_blocks touch.clone.null /dev/mapper/floor-own
    quietly floor drop "$i"
    plain_thin_touch touch.plain.null $((10 + i)) cipher_null-ecb -
  done
  plain_thin_down
  floor_down

  quietly tclone create tdb --size "${BENCH_VOLUME_MIB}M" --fs none
  fill /dev/mapper/tclone-bench1-tdb "$half"
  quietly tclone publish tdb
  local hex
  hex=$(od -An -v -tx1 /run/bench.key | tr -d ' \n')
  plain_thin_up aes-xts-plain64 "$hex"
  for ((i = 0; i < BENCH_ROUNDS; i++)); do
    quietly tclone clone tdb@1 tc
    touch_blocks touch.clone.aes /dev/mapper/tclone-bench1-tc
    quietly tclone rm tc --yes
    plain_thin_touch touch.plain.aes $((10 + i)) aes-xts-plain64 "$hex"
  done
  plain_thin_down
  gone tdb
}
# What many do instead: thin snapshots, dm-crypt above each with the one key that all of them must share.
plain_thin_up() { # CIPHER KEY
  local sectors=$((BENCH_VOLUME_MIB << 11))
  slice tmeta 64
  slice tdata $((BENCH_VOLUME_MIB * 12))
  quietly dd if=/dev/zero of=/dev/mapper/bench-tmeta bs=4096 count=1 oflag=direct
  quietly dmsetup create bench-tpool --table "0 $((BENCH_VOLUME_MIB * 12 << 11)) thin-pool /dev/mapper/bench-tmeta /dev/mapper/bench-tdata 128 0"
  quietly dmsetup message bench-tpool 0 "create_thin 0"
  quietly dmsetup create bench-tbase --table "0 $sectors thin /dev/mapper/bench-tpool 0"
  plain_crypt bench-tbase "$@"
  fill /dev/mapper/bench-tcrypt $((BENCH_VOLUME_MIB / 2))
  quietly dmsetup remove --retry bench-tcrypt
}
plain_crypt() { # BELOW CIPHER KEY
  quietly dmsetup create bench-tcrypt --table "0 $((BENCH_VOLUME_MIB << 11)) crypt $2 $3 0 /dev/mapper/$1 0 1 sector_size:4096"
}
plain_thin_touch() { # KEY THIN CIPHER KEY
  quietly dmsetup suspend bench-tbase
  quietly dmsetup message bench-tpool 0 "create_snap $2 0"
  quietly dmsetup resume bench-tbase
  quietly dmsetup create bench-tsnap --table "0 $((BENCH_VOLUME_MIB << 11)) thin /dev/mapper/bench-tpool $2"
  plain_crypt bench-tsnap "${@:3}"
  touch_blocks "$1" /dev/mapper/bench-tcrypt
  quietly dmsetup remove --retry bench-tcrypt
  quietly dmsetup remove --retry bench-tsnap
  quietly dmsetup message bench-tpool 0 "delete $2"
}
plain_thin_down() {
  quietly dmsetup remove --retry bench-tbase
  quietly dmsetup remove --retry bench-tpool
  unslice tmeta tdata
}

# Windows with and without a publish a second, alternating, at a load the machine has no trouble with; and with what the kernel
# alone takes for one, on the floor's layers.
series_stall() {
  local i stall_publishes=0
  quietly tclone create st --size "${BENCH_VOLUME_MIB}M" --fs none
  fill /dev/mapper/tclone-bench1-st "$BENCH_VOLUME_MIB"
  floor_up aes
  fill /dev/mapper/floor-db "$BENCH_VOLUME_MIB"
  for ((i = 0; i < BENCH_ROUNDS; i++)); do
    bench_tool writer stall.quiet /dev/mapper/tclone-bench1-st "$BENCH_SECONDS" 20 >>"$samples"
    stalled stall.publish /dev/mapper/tclone-bench1-st tclone publish st
    bench_tool writer stall.floor.quiet /dev/mapper/floor-db "$BENCH_SECONDS" 20 >>"$samples"
    stalled stall.floor /dev/mapper/floor-db floor publish
  done
  floor_down
  gone st
}
# stalled KEY DEVICE COMMAND…: a window of writes with the command a second; the floor's wants a number that no other had.
stalled() {
  local writing
  bench_tool writer "$1" "$2" "$BENCH_SECONDS" 20 >/run/bench.stall &
  writing=$!
  while kill -0 "$writing" 2>/dev/null; do
    if [[ $3 == floor ]]; then quietly "${@:3}" $((stall_publishes++)); else quietly "${@:3}"; fi
    sleep 1
  done
  wait "$writing"
  cat /run/bench.stall >>"$samples"
}

# Blocks the outer pool has handed out, in KiB: used/total is field 6 of its status, block size field 6 of its table.
outer_used() {
  local status table
  read -ra status < <(dmsetup status tclone-bench1-_pool)
  read -ra table < <(dmsetup table tclone-bench1-_pool)
  printf '%s\n' $((${status[5]%/*} * table[5] / 2))
}
series_space() {
  local i before untouched writes=$((BENCH_VOLUME_MIB * 4))
  quietly tclone create sp --size "${BENCH_VOLUME_MIB}M" --fs none
  fill /dev/mapper/tclone-bench1-sp "$BENCH_VOLUME_MIB"
  quietly tclone publish sp
  quietly tclone clone sp@1 warm  # the version is up from here on
  for ((i = 0; i < BENCH_ROUNDS; i++)); do
    before=$(outer_used)
    quietly tclone clone sp@1 spc
    untouched=$(outer_used)
    sample space.untouched $((untouched - before))
    quietly fio --name=bench --direct=1 --ioengine=psync --filename=/dev/mapper/tclone-bench1-spc --rw=randwrite --bs=4k \
      --size="${BENCH_VOLUME_MIB}M" --io_size=$((writes * 4))k --randrepeat=0
    sync
    sample space.scattered $(($(outer_used) - before))
    sample space.written $((writes * 4))
    quietly tclone rm spc --yes
  done
  gone warm sp
}

free_kib() {
  sync
  echo 3 >/proc/sys/vm/drop_caches
  awk '/^MemAvailable:/ { print $2 }' /proc/meminfo
}
# A boot is played by taking everything down: the kernel has nothing of the pool any more.
series_boot() {
  local i before after
  base_volume db
  note "  making $BENCH_VAULTS own-key clones"
  for ((i = 0; i < BENCH_VAULTS; i++)); do quietly tclone clone db@1 "boot$i"; done
  for ((i = 0; i < BENCH_ROUNDS; i++)); do
    quietly tclone deactivate --all
    quietly tclone pool deactivate bench1
    before=$(free_kib)
    timed boot.pool tclone pool activate bench1
    timed boot.all tclone activate --all
    after=$(free_kib)
    sample boot.each "$(awk -v key=boot.all -v n="$BENCH_VAULTS" '$1 == key { last = $2 } END { print last / n }' "$samples")"
    sample boot.memory $(((before - after) / BENCH_VAULTS))
  done
  for ((i = 0; i < BENCH_VAULTS; i++)); do quietly tclone rm "boot$i" --yes; done
}

# Records without devices, in the pool's own store; and so last of all.
series_list() {
  local i
  quietly bench_tool records /var/lib/tclone/bench1 "$BENCH_RECORDS"
  sleep 3 # what is younger than two seconds is in no index
  for ((i = 0; i < BENCH_ROUNDS; i++)); do
    rm -f /run/tclone/bench1-index
    bench_tool resident list.lab.first tclone list
    tclone tree >/dev/null # a listing leaves versions out
    bench_tool resident list.lab tclone list
    bench_tool resident tree.lab tclone tree
  done >>"$samples"
  note_command list.lab tclone list
  find /var/lib/tclone/bench1 -name 'base[0-9]*' -delete
}
