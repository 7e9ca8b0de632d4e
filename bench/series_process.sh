# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by bench/inside.sh: tclone, its floor and its peers, operation by operation, alternating.

floor_up() { # aes|null
  slice floor 2048
  quietly floor setup /dev/mapper/bench-floor $((BENCH_VOLUME_MIB << 20)) "$@"
}
floor_down() {
  quietly floor teardown
  unslice floor
}
base_volume() { # NAME [OPTION…]: a volume without a filesystem, and a version of it
  tclone show "$1@1" >/dev/null 2>&1 && return 0
  quietly tclone create "$1" --size "${BENCH_VOLUME_MIB}M" --fs none "${@:2}"
  quietly tclone publish "$1"
}

series_process() {
  local i
  base_volume db
  floor_up aes
  peers_up
  # One round more than asked for: the first reads programs and modules in, and is not counted.
  local counted=$samples
  samples=/dev/null
  for ((i = 0; i <= BENCH_RUNS; i++)); do
    ((i % 5)) || note "  round $i"
    one_round_of_shared "$i"
    one_round_of_own "$i"
    one_round_of_files
    quietly floor drop "$i"
    gone s o n
    samples=$counted
  done
  peers_down
  floor_down
}

one_round_of_shared() {
  timed "an-empty-process" true
  timed tclone.shared tclone --timings clone db@1 s --shared-key
  timed floor.shared floor shared "$1"
  timed lvm.snapshot lvcreate -y -s -kn -n s bench/db
  timed dmsetup.snapshot dmsetup message floor-1.pool 0 "create_snap $((100000 + $1)) 1" ++ \
    dmsetup create peer --table "0 $((BENCH_VOLUME_MIB << 11)) thin /dev/mapper/floor-1.pool $((100000 + $1))"
  timed tclone.revert-shared tclone --timings revert s
  timed floor.revert floor revert "$1"
  timed tclone.publish tclone --timings publish db
  timed floor.publish floor publish "$1"
  timed tclone.refresh-shared tclone --timings refresh s
  timed floor.refresh floor refresh "$1"
  quietly lvremove -y bench/s
  quietly dmsetup remove peer
  quietly dmsetup message floor-1.pool 0 "delete $((100000 + $1))"
}

one_round_of_own() {
  timed tclone.own tclone --timings clone db@1 o
  timed floor.own floor own "$1"
  timed lvm.own lvcreate -y -V "${BENCH_VOLUME_MIB}M" --thinpool pool -n o bench ++ \
    cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /run/bench.key /dev/bench/o ++ \
    cryptsetup open --key-file /run/bench.key /dev/bench/o bench-key-o
  timed tclone.own-revert tclone --timings revert o
  timed floor.own-revert floor own-revert "$1"
  timed tclone.create tclone --timings create n --size "${BENCH_VOLUME_MIB}M" --fs none
  timed floor.create floor create "$1"
  quietly cryptsetup close bench-key-o
  quietly lvremove -y bench/o
}

one_round_of_files() {
  rm -f /run/bench-xfs/copy /run/bench-ext4/copy /run/bench-ext4/copy.qcow2
  timed qemu.create qemu-img create -q -f qcow2 -b image -F raw /run/bench-ext4/copy.qcow2
  timed xfs.reflink cp --reflink=always /run/bench-xfs/image /run/bench-xfs/copy
  timed ext4.copy cp /run/bench-ext4/image /run/bench-ext4/copy ++ sync -d /run/bench-ext4/copy
}

# The images hold 64 MiB: reflink and qcow2 do not care how much, cp does.
peers_up() {
  slice lvm 3072
  lvm_setup /dev/mapper/bench-lvm "$BENCH_VOLUME_MIB"
  local fs
  for fs in xfs ext4; do
    slice "$fs" 1024
    quietly "mkfs.$fs" "/dev/mapper/bench-$fs"
    mkdir -p "/run/bench-$fs"
    mount "/dev/mapper/bench-$fs" "/run/bench-$fs"
    head -c 64M /dev/urandom >"/run/bench-$fs/image"
  done
  sync
}
peers_down() {
  umount /run/bench-xfs /run/bench-ext4
  quietly vgremove -ff -y bench
  unslice lvm xfs ext4
}

# From a stock of vaults made ahead. Whatever fills it up again in the background is waited for outside of the time.
series_stock() {
  local i
  base_volume db
  quietly tclone pool stock --keep 2
  for ((i = 0; i < BENCH_RUNS; i++)); do
    timed stock.own tclone --timings clone db@1 o
    timed stock.refill tclone --lock-timeout 60 pool stock
    timed stock.shared tclone --timings clone db@1 s --shared-key
    gone o s
  done
  quietly tclone pool stock --keep 0
}

# How often each operation makes the disk flush, and how often it asks for it.
series_durable() {
  local i
  base_volume db
  floor_up aes
  for ((i = 0; i < BENCH_ROUNDS; i++)); do each_operation flushed floor_flushed "$i"; done
  each_operation called floor_called "$i"
  floor_down
}
# each_operation HOW FLOOR-HOW ROUND
each_operation() {
  local one
  "$1" shared tclone clone db@1 s --shared-key
  "$1" revert-shared tclone revert s
  "$1" publish tclone publish db
  "$1" refresh-shared tclone refresh s
  "$1" own tclone clone db@1 o
  "$1" own-revert tclone revert o
  "$1" create tclone create n --size "${BENCH_VOLUME_MIB}M" --fs none
  for one in shared revert publish refresh own own-revert create; do "$2" "$one" "$3"; done
  quietly floor drop "$3"
  gone s o n
}
flushed() { # KEY COMMAND…
  local before
  sync
  before=$(flushes)
  quietly "${@:2}"
  sample "durable.tclone.$1" $(($(flushes) - before))
}
floor_flushed() { # OPERATION ROUND
  local before
  sync
  before=$(flushes)
  quietly floor "$1" "$2"
  sample "durable.floor.$1" $(($(flushes) - before))
}
# Not those of a header in memory, which libcryptsetup syncs like any other.
called() { # KEY COMMAND…
  local calls trace=fsync,fdatasync,syncfs,sync,msync,sync_file_range
  note_command "durable.calls.$1" strace -f -y -e trace=$trace "${@:2}"
  quietly strace -f -qq -y -o /run/bench.strace -e trace=$trace "${@:2}"
  calls=$(grep -E '^[0-9]+ +[a-z_]*sync[a-z_]*\(' /run/bench.strace | grep -vc '</memfd:' || true)
  sample "durable.calls.$1" "$calls"
}
floor_called() { called "floor.$1" floor "$1" "$2"; }
