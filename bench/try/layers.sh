#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An experiment, to be run on a quiet machine: `./dev lab -- bash $PWD/bench/try/layers.sh`. What dm-crypt's workqueue
# flags and the block sizes of the outer and of the inner pool change, on bare layers, alternating. Prints requests a second.
set -euo pipefail
read -ra disk <<<"$LAB_DISKS"
key=$(head -c 64 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
rounds=${1:-5}

# rate DEVICE RW BLOCK [OPTION…]
rate() {
  fio --name=try --minimal --terse-version=3 --direct=1 --ioengine=psync --filename="$1" --rw="$2" --bs="$3" --randrepeat=0 \
    "${@:4}" | awk -F';' '$1 == 3 { print $8 + $49 }'
}
for_a_while() { rate "$@" --size=128M --time_based --runtime=3 --norandommap; }

workqueues() { # FLAG…
  dmsetup create try --table "0 $((256 << 11)) crypt aes-xts-plain64 $key 0 ${disk[0]} 0 $(($# + 2)) allow_discards sector_size:4096 $*"
  printf 'dm-crypt [%s]: random write %s, random read %s, synced write %s, write %s, read %s\n' "$*" \
    "$(for_a_while /dev/mapper/try randwrite 4k)" "$(for_a_while /dev/mapper/try randread 4k)" \
    "$(for_a_while /dev/mapper/try randwrite 4k --fdatasync=1)" "$(for_a_while /dev/mapper/try write 1M)" "$(for_a_while /dev/mapper/try read 1M)"
  dmsetup remove --retry try
}

# First writes through the null cipher: scattered over 1 GiB and synced, then one after the other.
outer_block() { # SECTORS
  local status name
  dd if=/dev/zero of="${disk[1]}" bs=4096 count=1 oflag=direct status=none
  dmsetup create try-meta --table "0 $((64 << 11)) linear ${disk[1]} 0"
  dmsetup create try-data --table "0 $((1536 << 11)) linear ${disk[1]} $((64 << 11))"
  dmsetup create try-pool --table "0 $((1536 << 11)) thin-pool /dev/mapper/try-meta /dev/mapper/try-data $1 0 1 skip_block_zeroing"
  dmsetup message try-pool 0 "create_thin 0"
  dmsetup create try-thin --table "0 $((1 << 30)) thin /dev/mapper/try-pool 0"
  dmsetup create try --table "0 $((1024 << 11)) crypt cipher_null-ecb - 0 /dev/mapper/try-thin 4096 1 sector_size:4096"
  printf 'outer block %s KiB: scattered %s, sequential %s' $(($1 / 2)) \
    "$(rate /dev/mapper/try randwrite 64k --size=1G --io_size=64M --fdatasync=1)" \
    "$(rate /dev/mapper/try write 64k --size=1G --io_size=256M --fdatasync=16)"
  read -ra status < <(dmsetup status try-pool)
  printf ', taken %s MiB of 320\n' $((${status[5]%/*} * $1 / 2048))
  for name in try try-thin try-pool try-data try-meta; do dmsetup remove --retry $name; done
}

# inner_vault NAME START-MIB KEY SECTORS [ORIGIN]: an inner pool behind dm-crypt, and a thin of 256 MiB in it.
inner_vault() {
  dmsetup create "$1-crypt" --table "0 $((512 << 11)) crypt aes-xts-plain64 $3 0 ${disk[1]} $(($2 << 11)) 2 allow_discards sector_size:4096"
  dmsetup create "$1-meta" --table "0 $((32 << 11)) linear /dev/mapper/$1-crypt 0"
  dmsetup create "$1-data" --table "0 $((480 << 11)) linear /dev/mapper/$1-crypt $((32 << 11))"
  dd if=/dev/zero of="/dev/mapper/$1-meta" bs=4096 count=1 oflag=direct status=none
  dmsetup create "$1-pool" --table "0 $((480 << 11)) thin-pool /dev/mapper/$1-meta /dev/mapper/$1-data $4 0 1 skip_block_zeroing"
  dmsetup message "$1-pool" 0 "create_thin 0"
  dmsetup create "$1" --table "0 $((256 << 11)) thin /dev/mapper/$1-pool 0 ${5-}"
}
# An own-key clone over a basis of 192 MiB: one write of 4 KiB in each 64 KiB of half of it, the same places again, reads of what
# it never wrote, and first writes where the basis has nothing.
inner_block() { # SECTORS
  local status name layer
  inner_vault basis 0 "$key" "$1"
  dd if=/dev/urandom of=/dev/mapper/basis bs=1M count=192 oflag=direct status=none
  inner_vault clone 512 "${key:64}${key:0:64}" "$1" /dev/mapper/basis
  printf 'inner block %s KiB: first touch %s' $(($1 / 2)) "$(rate /dev/mapper/clone write:60k 4k --size=128M --io_size=8M)"
  read -ra status < <(dmsetup status clone-pool)
  printf ', taken %s MiB by 8, rewrite %s, basis read %s, sequential %s\n' $((${status[5]%/*} * $1 / 2048)) \
    "$(rate /dev/mapper/clone write:60k 4k --size=128M --io_size=8M)" \
    "$(rate /dev/mapper/clone randread 4k --offset=128M --size=64M --io_size=32M)" \
    "$(rate /dev/mapper/clone write 1M --offset=192M --size=64M)"
  for name in clone basis; do
    for layer in '' -pool -data -meta -crypt; do dmsetup remove --retry $name$layer; done
  done
}

dd if=/dev/urandom of="${disk[0]}" bs=1M count=256 oflag=direct status=none
for ((i = 0; i < rounds; i++)); do
  workqueues
  workqueues no_read_workqueue
  workqueues no_write_workqueue
  workqueues no_read_workqueue no_write_workqueue
  workqueues same_cpu_crypt
  for block in 128 1024 2048 4096 8192; do outer_block $block; done
  for block in 128 256 512 1024 2048; do inner_block $block; done
done
