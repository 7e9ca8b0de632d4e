# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --lanes "uml debian" --timeout 120
# The lab itself: disks and key files outlive a boot, a power cut happens where it is asked for, and a recorded log
# gives back the disk of an earlier moment. No tclone.
source "$(dirname "$0")/../driver.sh" "$@"

share=$driver_dir/share
step "first boot writes a disk and a key file" 0 --share "$share" --disk "$driver_dir/d0:256M" -- '
  set -e; set -- $LAB_DISKS; mkdir -p /etc/tclone/keys /mnt/d; echo secret >/etc/tclone/keys/a.key
  mkfs.ext4 -q $1; mount $1 /mnt/d; echo one >/mnt/d/one; umount /mnt/d'
step "second boot finds both; the power is cut while it writes" 99 --share "$share" --disk "$driver_dir/d0" \
  --cut-flag cut -- '
  set -e; set -- $LAB_DISKS; [[ $(</etc/tclone/keys/a.key) == secret ]]; mkdir -p /mnt/d; mount $1 /mnt/d
  [[ $(</mnt/d/one) == one ]]; echo two >/mnt/d/two; sync; echo three >/mnt/d/three; echo cut >$LAB_SHARE/cut; sleep 60'
step "third boot replays the journal and finds what was synced" 0 --share "$share" --disk "$driver_dir/d0" -- '
  set -e; set -- $LAB_DISKS; mkdir -p /mnt/d; mount $1 /mnt/d; [[ $(</mnt/d/two) == two ]]; umount /mnt/d; e2fsck -fn $1'

step "a run is recorded by dm-log-writes" 0 --disk "$driver_dir/d1:256M" --disk "$driver_dir/log:512M" -- '
  set -e; set -- $LAB_DISKS; mkdir -p /mnt/d
  dmsetup create logged --table "0 $(blockdev --getsz $1) log-writes $1 $2"
  mkfs.ext4 -q -E lazy_itable_init=1 /dev/mapper/logged; mount /dev/mapper/logged /mnt/d
  for i in 1 2 3; do echo $i >/mnt/d/$i; sync; dmsetup message logged 0 mark written-$i; done
  umount /mnt/d; dmsetup remove logged'
check "its marks are read" "$REPLAY_LOG" list "$driver_dir/log" marks
REPLAY_SIZE=$((256 << 20))
check "the disk as of the second mark" image_at --mark written-2 "$driver_dir/log" "$driver_dir/d2"
check "the disk at the end" image_at --mark dm-log-writes-end "$driver_dir/log" "$driver_dir/d3"
check "which is the one written to" cmp "$driver_dir/d1" "$driver_dir/d3"
step "a boot on the earlier disk finds the first two files and a sound filesystem" 0 --disk "$driver_dir/d2" -- '
  set -e; set -- $LAB_DISKS; mkdir -p /mnt/d; mount $1 /mnt/d; [[ -e /mnt/d/1 && -e /mnt/d/2 && ! -e /mnt/d/3 ]]
  umount /mnt/d; e2fsck -fn $1'
driver_end
