# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 3x1G --var 2G --timeout 300
# needs: tclone
# Growing, checking and repairing a pool, and faulty devices under it.

suite_setup() { mkdir -p /mnt/a /mnt/b; }

case_teardown() {
  umount /mnt/a /mnt/b 2>/dev/null
  tclone pool destroy p --yes >/dev/null 2>&1
  rm -f /etc/tclone/pools/p.toml /var/lib/tclone/p.pool*
}

pool_size() { tclone pool status p --json | tr ',' '\n' | sed -n '/"data"/,/total/s/.*"total": *\([0-9]*\).*/\1/p' | head -1; }

# Two sparse files are enough for a full pool: the volume is larger than what the pool can hold.
case_a_full_pool_that_is_grown_lets_its_writer_go_on() {
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 256M
  expect_ok tclone create db --size 512M
  expect_ok tclone mount db /mnt/a
  echo before >/mnt/a/before
  sync
  dd if=/dev/zero of=/mnt/a/big bs=1M count=300 conv=fsync 2>/dev/null &
  local writer=$!
  local n=0
  while ! tclone pool status p --json | grep -q 'out of data space'; do
    ((++n < 200)) || lost "the pool did not run full"
    sleep 0.2
  done
  expect_exit 6 tclone create more --size 16M
  expect_ok tclone pool grow p --size 1G
  wait "$writer" || lost "the writer that waited for space got an error although the pool was grown in time"
  expect_equal before "$(</mnt/a/before)" "a file written before the pool ran full"
  expect_ok tclone umount db
  expect_ok e2fsck -fn /dev/mapper/tclone-p-db
  expect_ok tclone create more --size 16M
  expect_ok tclone pool check p
}

case_a_pool_grows_by_a_device_and_keeps_it_over_an_activation() {
  expect_ok tclone pool create p "${disk[0]}"
  local before
  before=$(pool_size)
  expect_ok tclone create db --size 64M
  expect_exit 5 tclone pool grow p --add "${disk[0]}"
  expect_ok tclone pool grow p --add "${disk[1]}"
  (($(pool_size) > before + (900 << 20))) || lost "the added device gave no space: $before then $(pool_size)"
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p
  (($(pool_size) > before + (900 << 20))) || lost "the added device was forgotten by an activation"
  expect_ok tclone pool export p
  expect_exit 2 tclone pool import "${disk[0]}"
  expect_text "was not named"
  expect_ok tclone pool import "${disk[1]}" "${disk[0]}"
  expect_ok tclone mount db /mnt/a
}

case_a_crash_while_a_device_is_added_leaves_a_pool_that_activates() {
  local point
  for point in grow.remembered label.copy1 label.copy2 label.copy1.done grow.labelled; do
    expect_ok tclone pool create p "${disk[0]}"
    expect_ok tclone create db --size 16M --fs none
    fill /dev/mapper/tclone-p-db seed 1
    local sum
    sum=$(checksum /dev/mapper/tclone-p-db)
    TCLONE_FAULT="$point=kill" tclone pool grow p --add "${disk[1]}" >/dev/null 2>&1
    expect_ok tclone pool deactivate p
    expect_ok tclone pool activate p
    expect_ok tclone activate db
    expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-db)" "the volume after a crash at $point"
    expect_ok tclone pool check p
    expect_ok tclone pool destroy p --yes
    dd if=/dev/zero of="${disk[1]}" bs=1M count=1 conv=fsync 2>/dev/null
  done
}

case_shrinking_and_a_size_for_a_device_are_refused() {
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 256M
  expect_exit 2 tclone pool grow p --size 200M
  expect_text "not shrunk"
  expect_ok tclone pool destroy p --yes
  expect_ok tclone pool create p "${disk[0]}"
  expect_exit 2 tclone pool grow p --size 2G
}

case_damaged_outer_metadata_is_found_and_repaired_into_the_spare_area() {
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok tclone create db --size 64M
  expect_ok tclone mount db /mnt/a
  echo kept >/mnt/a/f
  expect_ok tclone umount db
  expect_ok tclone pool check p
  # Where the metadata lies is asked of the kernel, and a block of it is spoilt while the pool is down.
  local start
  start=$(dmsetup table tclone-p-_meta) start=${start##* }
  expect_ok tclone pool deactivate p
  expect_ok tclone pool check p
  # The root of the mapping tree is named in the superblock at byte 320 (thin_disk_superblock, data_mapping_root).
  local root
  root=$(dd if="${disk[0]}" bs=1 skip=$((start * 512 + 320)) count=8 2>/dev/null | od -An -tu8 | tr -d ' ')
  printf 'spoilt' | dd of="${disk[0]}" bs=1 seek=$((start * 512 + root * 4096 + 512)) conv=notrunc,fsync 2>/dev/null
  expect_exit 8 tclone pool check p
  expect_text "pool repair"
  run tclone pool repair p
  if ((status == 0)); then
    expect_ok tclone pool check p
    expect_ok tclone pool activate p
    expect_ok tclone pool check p
  else
    # The root itself is gone: there may be nothing to save, but then nothing was touched either.
    expect_exit 8 tclone pool check p
  fi
}

case_write_errors_below_the_pool_are_said_and_do_not_hang() {
  local sectors
  sectors=$(blockdev --getsz "${disk[0]}")
  dmsetup create faulty --table "0 $sectors linear ${disk[0]} 0"
  expect_ok tclone pool create p /dev/mapper/faulty
  expect_ok tclone create db --size 32M --fs none
  fill /dev/mapper/tclone-p-db seed 1
  # Nothing is promised of what was not flushed when the device failed.
  dd if=/dev/null of=/dev/mapper/tclone-p-db bs=1 count=0 conv=notrunc,fsync 2>/dev/null
  local sum
  sum=$(checksum /dev/mapper/tclone-p-db)
  dmsetup suspend --noflush --nolockfs faulty
  dmsetup load faulty --table "0 $sectors flakey ${disk[0]} 0 0 3600 1 error_writes"
  dmsetup resume faulty
  run timeout 60 tclone create other --size 16M --fs none
  ((status != 0 && status != 124)) || lost "a create over a device that takes no writes ended with $status"
  expect_no_text "terminate called"
  run timeout 60 tclone doctor
  ((status != 124)) || lost "doctor hung on a faulty device"
  dmsetup suspend --noflush --nolockfs faulty
  dmsetup load faulty --table "0 $sectors linear ${disk[0]} 0"
  dmsetup resume faulty
  expect_ok timeout 100 tclone pool deactivate p
  run timeout 60 tclone pool repair p
  expect_ok timeout 60 tclone pool activate p
  # The kernel may have asked for a check of the inner metadata: the refusal names the way out, and it works.
  run tclone activate db
  if ((status == 8)); then
    expect_text 'pool repair p --vault db'
    expect_ok tclone pool repair p --vault db
    expect_ok tclone activate db
  fi
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-db)" "a volume written before the device failed"
  expect_exit 3 tclone show other
  expect_ok tclone pool check p
  expect_ok tclone pool destroy p --yes
  dmsetup remove faulty
}
