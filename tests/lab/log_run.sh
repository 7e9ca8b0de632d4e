#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The busy run of drivers/crash_log_writes.sh, recorded below the whole pool, and what is checked of an image of it.
#   log_run.sh record ROUNDS           on ${disk[0]}, the log on ${disk[1]}
#   log_run.sh check                   every disk; /lab/expect.N lists what disk N must hold
source "$LAB_SOURCE/tests/lab/lib.sh"
lab_current="log-writes $1"
mkdir -p /mnt/db /mnt/web

# durable WHAT: everything written down so far is on the medium; a later image must hold it.
durable() { expect_ok dmsetup message logged 0 mark "$1"; }

# put VOLUME FILE: a file with fsync; what it holds follows from its name.
put() {
  fill "$lab_tmp/content" "$1$2" 1
  expect_ok dd if="$lab_tmp/content" of="/mnt/$1/$2" bs=64k conv=fsync
  durable "file:$1:$2"
}

record() {
  local i
  expect_ok dmsetup create logged --table "0 $(blockdev --getsz "${disk[0]}") log-writes ${disk[0]} ${disk[1]}"
  expect_ok tclone pool create p /dev/mapper/logged
  expect_ok tclone create db --size 64M
  expect_ok tclone mount db /mnt/db
  put db first
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  expect_ok tclone mount web /mnt/web
  durable ready
  for ((i = 1; i <= $1; i++)); do
    put db "d$((i % 6))-$i"
    put web "w$((i % 6))-$i"
    rm -f /mnt/db/d$((i % 6))-$((i - 6)) /mnt/web/w$((i % 6))-$((i - 6))
    dd if=/dev/urandom of=/mnt/web/first bs=64k count=2 seek=$((i % 8)) conv=notrunc 2>/dev/null
    case $((i % 3)) in
      0) expect_ok tclone publish db web; durable "version:db@$((i + 1))" ;;
      1) expect_ok tclone publish db; durable "version:db@$((i + 1))"; expect_ok tclone clone db x$i --shared-key; durable "volume:x$i" ;;
      2) expect_ok tclone publish db; durable "version:db@$((i + 1))"; expect_ok tclone clone db@1 x$i; durable "volume:x$i" ;;
    esac
  done
  sync
  # Vaults made ahead, and a new volume key for the vault that everything stands on.
  expect_ok tclone pool stock --keep 1
  expect_ok tclone umount db
  expect_ok tclone umount web
  expect_ok tclone deactivate --all
  keep_keys
  durable rekeying
  expect_ok tclone rekey db
  expect_ok tclone pool stock --keep 2
}

# Those of every moment: which of them an image needs is its own affair.
keep_keys() {
  mkdir -p /lab/keys
  cp -an /etc/tclone/keys/. /lab/keys/
}

# A rekey that the cut came into goes on, or is given up as long as that is possible.
settle_rekey() {
  local record=/var/lib/tclone/p/vaults/db.toml
  grep -q '^\[rekey\]' "$record" || return 0
  if (($1 % 2)) && grep -q '^stage = "copy"' "$record"; then
    expect_exit 4 tclone activate db
    expect_ok tclone rekey db --cancel
  else
    expect_ok tclone rekey db --compare
  fi
  grep -q '^\[rekey\]' "$record" && lost "the record still tells of a rekey"
  rekeys=$((rekeys + 1))
}

check_image() {
  local device=$1 what kind volume name version rekeys=0
  rm -rf /etc/tclone/keys
  cp -a /lab/keys /etc/tclone/keys
  expect_ok tclone pool import "$device" --takeover
  expect_ok tclone recover
  settle_rekey "$3"
  expect_ok tclone activate --all
  # Keys of vaults that are not made yet at this moment are there.
  run pool_check p --later-keys yes
  ((status == 0)) || { lab_show; lost "the pool is not consistent"; }
  expect_ok tclone mount db /mnt/db
  expect_ok tclone mount web /mnt/web
  while IFS=: read -r kind volume name; do
    case $kind in
      file)
        fill "$lab_tmp/content" "$volume$name" 1
        cmp -s "$lab_tmp/content" "/mnt/$volume/$name" || lost "the file $name, which was synced in $volume" ;;
      version) expect_file "/var/lib/tclone/p/versions/$volume.toml" ;;
      volume) expect_file "/var/lib/tclone/p/volumes/$volume.toml" ;;
    esac
  done <"$2"
  expect_ok tclone umount db
  expect_ok tclone umount web
  expect_ok e2fsck -fn /dev/mapper/tclone-p-db
  expect_ok e2fsck -fn /dev/mapper/tclone-p-web
  thin_check_all p
  expect_ok tclone pool export p
  ((rekeys == 0)) || say "a rekey that was cut off there was settled"
}

if [[ $1 == record ]]; then
  record "$2"
  keep_keys
else
  for ((n = 0; n < ${#disk[@]}; n++)); do
    (check_image "${disk[n]}" "/lab/expect.$n" "$n") || { echo "image $n: $(</lab/name.$n)"; exit 1; }
    say "image $n ($(</lab/name.$n)): $(wc -l </lab/expect.$n) promises kept"
  done
fi
