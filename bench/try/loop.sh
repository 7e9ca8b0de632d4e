#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An experiment, to be run on a quiet machine: `./dev lab --disks 2x4G -- bash $PWD/bench/try/loop.sh [ROUNDS]`. What a pool in a
# file (a loop device with direct I/O, on ext4) costs beside a pool on a disk, alternating. Requests a second, and ms.
set -euo pipefail
read -ra disk <<<"$LAB_DISKS"
rounds=${1:-5}

mkfs.ext4 -q "${disk[1]}"
mkdir -p /mnt/pool
mount "${disk[1]}" /mnt/pool
tclone pool create disk "${disk[0]}" --force >/dev/null
tclone pool create file --file /mnt/pool/file --size 3G >/dev/null
for pool in disk file; do
  tclone create -p $pool db --size 256M --fs none >/dev/null
  dd if=/dev/urandom of=/dev/mapper/tclone-$pool-db bs=1M count=256 oflag=direct status=none
  tclone publish -p $pool db >/dev/null
  tclone clone -p $pool db@1 c >/dev/null
  dd if=/dev/urandom of=/dev/mapper/tclone-$pool-c bs=1M count=256 oflag=direct status=none
done

# rate DEVICE RW BLOCK [OPTION…]
rate() {
  fio --name=try --minimal --terse-version=3 --direct=1 --ioengine=psync --filename="$1" --rw="$2" --bs="$3" --size=256M --time_based \
    --runtime=3 --norandommap "${@:4}" | awk -F';' '$1 == 3 { printf "%d", $8 + $49 }'
}
inside() { "$@" --timings 2>&1 | sed -n 's/^ *\([0-9.]*\) ms  altogether$/\1/p'; }

for ((i = 0; i < rounds; i++)); do
  for pool in disk file; do
    device=/dev/mapper/tclone-$pool-c
    printf 'pool on a %s: random write %s, random read %s, synced write %s, write %s, read %s' $pool "$(rate $device randwrite 4k)" \
      "$(rate $device randread 4k)" "$(rate $device randwrite 4k --fdatasync=1)" "$(rate $device write 1M)" "$(rate $device read 1M)"
    printf '; shared-key clone %s ms, publish %s ms\n' "$(inside tclone clone -p $pool db@1 s$i --shared-key)" \
      "$(inside tclone publish -p $pool db)"
  done
done
