# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 2x64M --timeout 300
# A benchmark that is given a device of the user's own takes it only when there is nothing on it and nobody has it.
# shellcheck source=bench/device.sh
source "$LAB_SOURCE/bench/device.sh"
least_gib=0

case_teardown() {
  umount /mnt/bench 2>/dev/null
  dmsetup remove bench_holder 2>/dev/null
  swapoff "${disk[0]}" 2>/dev/null
  head -c 2M /dev/zero | dd of="${disk[0]}" conv=notrunc status=none
  sync
}

case_an_empty_device_is_taken_and_nothing_is_written_to_it() {
  local before
  before=$(checksum "${disk[0]}")
  expect_ok claim_whole_device "${disk[0]}"
  expect_equal "${disk[0]}" "$out" "the device that was claimed"
  expect_equal "$before" "$(checksum "${disk[0]}")" "what is on the device"
}

case_a_device_with_a_filesystem_is_refused() {
  mkfs.ext4 -q "${disk[0]}" || lost "no filesystem was made"
  expect_exit 1 claim_whole_device "${disk[0]}"
  expect_text "carries something"
  # Nor when it is mounted.
  mkdir -p /mnt/bench
  mount "${disk[0]}" /mnt/bench || lost "it cannot be mounted"
  expect_exit 1 claim_whole_device "${disk[0]}"
  expect_text "mounted on /mnt/bench"
}

case_a_device_below_another_one_is_refused() {
  dmsetup create bench_holder --table "0 2048 linear ${disk[0]} 0" || lost "no linear device"
  expect_exit 1 claim_whole_device "${disk[0]}"
  expect_text "in use"
}

case_a_device_that_is_too_small_is_refused() {
  least_gib=32
  expect_exit 1 claim_whole_device "${disk[0]}"
  expect_text "at least 32"
}

case_what_is_no_whole_device_is_refused() {
  expect_exit 1 claim_whole_device /nowhere
  expect_exit 1 claim_whole_device /etc/hostname
  expect_text "no block device"
}
