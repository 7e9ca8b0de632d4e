# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by bench/run: a device of the user's own is taken only when nothing can be lost by it but its emptiness.

least_gib=32

# claim_whole_device DEV: prints its real path, or says on standard error why not and fails. Changes nothing.
claim_whole_device() {
  local device name held mounted signatures bytes
  device=$(realpath -e "$1" 2>/dev/null) || { echo "bench: $1 is not there" >&2; return 1; }
  [[ -b $device ]] || { echo "bench: $1 is no block device" >&2; return 1; }
  name=${device##*/}
  for held in "/sys/class/block/$name/holders/"* "/sys/class/block/$name/$name"*; do
    [[ -e $held ]] || continue
    echo "bench: $device is in use: ${held##*/} stands on it (or it is partitioned)" >&2
    return 1
  done
  # By number: lsblk goes by what a mount calls its source, which may be anything.
  mounted=$(awk -v dev="$(<"/sys/class/block/$name/dev")" '$3 == dev { print $5; exit }' /proc/self/mountinfo)
  [[ ! $mounted ]] || { echo "bench: $device is mounted on $mounted" >&2; return 1; }
  if ! signatures=$(wipefs -n "$device"); then
    echo "bench: $device cannot be looked at" >&2
    return 1
  fi
  if [[ $signatures ]]; then
    printf 'bench: %s carries something, and everything on it would be lost:\n%s\nIf it may go: wipefs -a %s\n' "$device" "$signatures" "$device" >&2
    return 1
  fi
  # The kernel's own claim: fails while a mount, swap, md or device-mapper has it, whatever the names above say.
  if ! bench_exclusive "$device"; then
    echo "bench: $device is in use: it cannot be opened exclusively" >&2
    return 1
  fi
  bytes=$(blockdev --getsize64 "$device")
  ((bytes >= least_gib << 30)) || { echo "bench: $device has $((bytes >> 30)) GiB; at least $least_gib are needed" >&2; return 1; }
  printf '%s\n' "$device"
}

# O_EXCL without O_CREAT, which no program of the shell asks for (open(2), block devices).
bench_exclusive() { perl -MFcntl -e 'sysopen(my $device, $ARGV[0], O_RDONLY | O_EXCL) or exit 1' "$1"; }
