# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced inside the machine that measures: where samples go, how a command is timed, and the one disk cut into pieces.
# Set by bench/run: BENCH_OUT (folder for the results), BENCH_BIN (folder of tclone, floor and bench_tool),
# BENCH_RUNS and the sizes below.

bench_disk=
samples=$BENCH_OUT/samples
sliced=0  # MiB of the disk given out

note() { printf '%s  %s\n' "$(date +%T)" "$*" >&2; }
die() { printf 'bench: %s\n' "$*" >&2; exit 1; }
fact() { printf '%s\n' "$*" >>"$BENCH_OUT/facts"; }
sample() { printf '%s %s\n' "$1" "$2" >>"$samples"; }

declare -A command_noted
# What was run for a key is kept once, so that others can run the same.
note_command() {
  [[ ${command_noted[$1]-} ]] && return 0
  command_noted[$1]=1
  printf '%s: %s\n' "$1" "${*:2}" >>"$BENCH_OUT/commands"
}

# timed KEY COMMAND…: the whole process; tclone with --timings and floor give KEY.inside as well.
timed() {
  note_command "$@"
  bench_tool time "$@" >>"$samples" || die "$1: failed: ${*:2}"
}
quietly() { "$@" >/dev/null 2>/run/bench.err || { cat /run/bench.err >&2; die "failed: $*"; }; }

# slice NAME MIB: a piece of the disk as /dev/mapper/bench-NAME.
slice() {
  dmsetup create "bench-$1" --table "0 $(($2 << 11)) linear $bench_disk $(((sliced + 1) << 11))" || die "no room for $1"
  dmsetup mknodes "bench-$1" 2>/dev/null || true
  sliced=$((sliced + $2 + 1))
}
unslice() {
  local name
  for name in "$@"; do
    # Whatever was there, labels of pools included, so that the next benchmark finds an empty device.
    dd if=/dev/zero of="/dev/mapper/bench-$name" bs=1M count=4 oflag=direct status=none || true
    wipefs -qa "/dev/mapper/bench-$name" || true
    dmsetup remove --retry "bench-$name" || true
  done
}

# Flushes the disk has been sent; field 16 of its stat (Documentation/block/stat.rst), 0 where it has no cache.
flushes() {
  local fields
  read -ra fields <"/sys/class/block/$(basename "$(readlink -f "$bench_disk")")/stat"
  printf '%s\n' "${fields[15]:-0}"
}

# Where /dev/mapper is filled by nobody, the tools make nodes themselves (DM_DISABLE_UDEV, set by the lab).
lvm_setup() { # DEVICE VOLUME-MIB
  export LVM_SYSTEM_DIR=/run/lvm-bench LVM_SUPPRESS_FD_WARNINGS=1
  mkdir -p "$LVM_SYSTEM_DIR"
  local udev=1
  [[ ${DM_DISABLE_UDEV-} ]] && udev=0
  cat >"$LVM_SYSTEM_DIR/lvm.conf" <<CONF
devices { filter = [ "a|^$1\$|", "r|.*|" ] use_devicesfile = 0 scan_lvs = 0 }
activation { udev_sync = $udev udev_rules = $udev monitoring = 0 }
global { use_lvmpolld = 0 event_activation = 0 }
CONF
  quietly pvcreate -y "$1"
  quietly vgcreate bench "$1"
  quietly lvcreate -y --type thin-pool -l 80%FREE -n pool bench
  quietly lvcreate -y -V "$2M" --thinpool pool -n db bench
}
machine_facts() {
  local model cipher
  model=$(sed -n 's/^host\s*: *//p;s/^model name\s*: *//p' /proc/cpuinfo | sort | head -1)
  fact "kernel $(uname -r), lane $LAB_LANE, $(nproc) processor(s), $model${BENCH_CPU:+ on $BENCH_CPU}"
  # KiB/s of one request after the other; cryptsetup asks the kernel, as dm-crypt does.
  cipher=$(cryptsetup benchmark -c aes-xts-plain64 -s 512 2>/dev/null | awk '$1 == "aes-xts" { print "encrypting " $3 " " $4 ", decrypting " $5 " " $6 }')
  if [[ ! $cipher ]]; then
    openssl speed -elapsed -seconds 2 -bytes 4096 -evp aes-256-xts 2>/dev/null >/run/bench.speed || true
    cipher="the kernel's cannot be asked; in user space (openssl, 4 KiB) $(tail -1 /run/bench.speed | awk '{ print $2 }')"
  fi
  fact "aes-xts-plain64, 512 bits: $cipher"
  fact "a page fault costs $(bench_tool fault) µs in this machine"
  fact "tclone $(tclone version | head -1), LVM $(lvm version 2>/dev/null | awk '/LVM version/ { print $3 }'), $(cryptsetup --version | cut -d' ' -f1-2), $(fio --version)"
  fact "$BENCH_RUNS runs of each operation; volume of $BENCH_VOLUME_MIB MiB; many volumes and versions: $BENCH_MANY; own-key clones after a boot: $BENCH_VAULTS; mapped: $BENCH_MAPPED_MIB MiB; records to list: $BENCH_RECORDS"
}
