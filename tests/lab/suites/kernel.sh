# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 2x1G --var 512M --timeout 180
# The lab itself: that the kernel has what tclone stands on, and that the helpers notice what they must. No tclone.

# An outer thin-pool on the first disk (metadata in its first 16 MiB), named as tclone names it.
make_pool() {
  dmsetup create tclone-lab-_meta --table "0 32768 linear ${disk[0]} 0" || return
  dd if=/dev/zero of=/dev/mapper/tclone-lab-_meta bs=4096 count=1 conv=fsync status=none || return
  dmsetup create tclone-lab-_data --table "0 1048576 linear ${disk[0]} 32768" || return
  dmsetup create tclone-lab-_pool --table \
    "0 1048576 thin-pool /dev/mapper/tclone-lab-_meta /dev/mapper/tclone-lab-_data 2048 0 1 skip_block_zeroing"
}
drop_pool() { dmsetup remove tclone-lab-_pool && dmsetup remove tclone-lab-_data && dmsetup remove tclone-lab-_meta; }
# make_thin ID NAME SECTORS
make_thin() {
  dmsetup message tclone-lab-_pool 0 "create_thin $1" &&
    dmsetup create "$2" --table "0 $3 thin /dev/mapper/tclone-lab-_pool $1"
}

case_thin_snapshot_keeps_the_origin() {
  expect_ok make_pool
  expect_ok make_thin 1 tclone-lab-a 131072
  fill /dev/mapper/tclone-lab-a seed 8
  sync
  local before
  before=$(checksum /dev/mapper/tclone-lab-a 8388608)
  expect_ok dmsetup suspend tclone-lab-a
  expect_ok dmsetup message tclone-lab-_pool 0 "create_snap 2 1"
  expect_ok dmsetup resume tclone-lab-a
  expect_ok dmsetup create tclone-lab-b --table "0 131072 thin /dev/mapper/tclone-lab-_pool 2"
  expect_ok dd if=/dev/urandom of=/dev/mapper/tclone-lab-b bs=65536 count=4 conv=fsync,notrunc
  expect_equal "$before" "$(checksum /dev/mapper/tclone-lab-a 8388608)" "the origin"
  expect_differ "$before" "$(checksum /dev/mapper/tclone-lab-b 8388608)" "the snapshot"
  thin_check_outer lab
  expect_ok dmsetup remove tclone-lab-b
  expect_ok dmsetup remove tclone-lab-a
  expect_ok drop_pool
}

case_luks_on_thin_carries_ext4_and_xfs() {
  expect_ok make_pool
  expect_ok make_thin 1 tclone-lab-c 819200
  head -c 64 /dev/urandom >/tmp/key
  expect_ok cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --sector-size 4096 \
    --key-file /tmp/key /dev/mapper/tclone-lab-c
  expect_ok cryptsetup open --key-file /tmp/key /dev/mapper/tclone-lab-c tclone-lab-d
  mkdir -p /mnt/fs
  expect_ok mkfs.ext4 -q /dev/mapper/tclone-lab-d
  expect_ok mount /dev/mapper/tclone-lab-d /mnt/fs
  echo text >/mnt/fs/file
  expect_ok umount /mnt/fs
  expect_ok e2fsck -fn /dev/mapper/tclone-lab-d
  expect_ok mkfs.xfs -q -f /dev/mapper/tclone-lab-d
  expect_ok mount /dev/mapper/tclone-lab-d /mnt/fs
  echo text >/mnt/fs/file
  expect_ok umount /mnt/fs
  expect_ok xfs_repair -n /dev/mapper/tclone-lab-d
  expect_ok cryptsetup close tclone-lab-d
  expect_ok dmsetup remove tclone-lab-c
  expect_ok drop_pool
}

case_loop_device_with_direct_io_on_var() {
  truncate -s 64M /var/lib/tclone/file
  local loop
  loop=$(losetup --find --show --direct-io=on --sector-size 4096 /var/lib/tclone/file) || lost "losetup"
  expect_ok losetup --list --noheadings --output DIO "$loop"
  expect_text 1
  expect_ok losetup -d "$loop"
  rm /var/lib/tclone/file
}

case_leaks_are_noticed_and_wiped() {
  # In a suite of its own below this one: the helpers' own failure paths.
  expect_exit 1 bash -c "source '$LAB_SOURCE/tests/lab/lib.sh'
    case_leaky() {
      dmsetup create tclone-leak --table '0 8 linear ${disk[1]} 0'; dmsetup suspend tclone-leak
      mkdir -p /etc/tclone/keys; echo >/etc/tclone/keys/x.key
      mkdir -p /mnt/leak; mount -t tmpfs none /mnt/leak
      losetup -f /etc/hostname
    }
    case_wrong() { expect_ok false; }
    case_right() { expect_exit 1 false; }
    run_cases"
  expect_text 'left over: device-mapper device tclone-leak'
  expect_text 'left over: suspended device tclone-leak'
  expect_text 'left over: key file /etc/tclone/keys/x.key'
  expect_text 'left over: mount /mnt/leak'
  expect_text 'left over: loop device /dev/loop[0-9]+ of '
  expect_text 'LOST in wrong: exit status 1 of: false'
  expect_text '1 passed, 2 failed'
}
