# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --lanes "uml debian" --timeout 300
# needs: tclone
# A pool outlives the machine: data by checksum after reboots on the same disk, one of them without a shutdown.
source "$(dirname "$0")/../driver.sh" "$@"

share=$driver_dir/share
disk=$driver_dir/disk
sums='sums() { local v; for v in db db@1 own deep side; do printf "%s %s\n" $v "$(sha256sum </dev/mapper/tclone-p-$v)"; done; }'
step "the first boot makes a pool, versions and clones of each kind" 0 --share "$share" --disk "$disk:1G" -- "
  set -e; $sums
  put() { openssl enc -aes-128-ctr -nosalt -pass pass:\$2 -pbkdf2 -iter 1 -in /dev/zero 2>/dev/null | head -c \$((\$3 << 20)) |
    dd of=/dev/mapper/tclone-p-\$1 bs=1M seek=\$4 iflag=fullblock conv=fsync,notrunc status=none || true; }
  tclone pool create p \$LAB_DISKS
  tclone create db --size 16M --fs none; put db a 8 0; tclone publish db --tag stable -m 'before the reboot'
  put db b 2 4
  tclone clone db@1 own; put own c 2 2; tclone clone own deep; put deep d 2 6
  tclone clone db@1 side --shared-key; put side e 2 8
  tclone activate db@1; sums >/lab/sums; cat /lab/sums
  tclone deactivate --all; tclone deactivate db@1 || true; tclone pool deactivate p; ! dmsetup ls | grep tclone"
step "after a reboot all of it is there again, and the machine then stops without taking anything down" 0 --share "$share" --disk "$disk" -- "
  set -e; $sums
  tclone pool activate p --volumes; tclone activate db@1; sums | diff /lab/sums -
  tclone log db | grep 'before the reboot'; tclone tree; tclone list; tclone doctor
  tclone publish own; tclone revert deep; tclone refresh side; tclone rename side branch; sync"
step "after a reboot without a shutdown records and kernel agree and go on" 0 --share "$share" --disk "$disk" -- "
  set -e
  tclone pool activate p --volumes; tclone doctor; tclone list
  [[ \$(sha256sum </dev/mapper/tclone-p-db) == \$(sed -n 's/^db //p' /lab/sums) ]]
  [[ \$(sha256sum </dev/mapper/tclone-p-own) == \$(sed -n 's/^own //p' /lab/sums) ]]
  [[ \$(sha256sum </dev/mapper/tclone-p-deep) == \$(sed -n 's/^own //p' /lab/sums) ]]
  [[ \$(sha256sum </dev/mapper/tclone-p-branch) == \$(sed -n 's/^db@1 //p' /lab/sums) ]]
  tclone clone db@stable again; tclone rm again --yes
  tclone pool destroy p --yes; ! dmsetup ls | grep tclone; ! ls /etc/tclone/keys | grep key"
driver_end
