#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the machine that measures; see bench/run. Each series is a function series_NAME in bench/series_*.sh that
# leaves the machine as it found it, but for volumes in the pools bench1 and bench2.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
BENCH_OUT=$LAB_SHARE
read -ra lab_disk <<<"$LAB_DISKS"
# shellcheck source=bench/lib.sh
source "$here/lib.sh"
for file in "$here"/series_*.sh; do
  # shellcheck source=/dev/null
  source "$file"
done
bench_disk=${BENCH_DEVICE:-${lab_disk[0]-}}
[[ $bench_disk ]] || die "there is no disk to work on"
: >"$samples"
head -c 64 /dev/urandom >/run/bench.key
machine_facts

disk_mib=$(($(blockdev --getsize64 "$bench_disk") >> 20))
pool_mib=$((disk_mib - 16384))
((pool_mib > 40960)) && pool_mib=40960
pools_down() {
  local pool
  for pool in bench1 bench2; do
    tclone deactivate --all -p "$pool" --yes >/dev/null 2>&1 || tclone deactivate --all -p "$pool" >/dev/null 2>&1 || true
    tclone pool deactivate "$pool" >/dev/null 2>&1 || true
  done
  # What was measured goes with the slices.
  unslice pool2 pool1
}
if compgen -G "/dev/mapper/tclone-bench[12]-*" >/dev/null || compgen -G "/dev/mapper/bench-*" >/dev/null; then
  die "there are devices of an earlier benchmark (dmsetup ls): remove them first"
fi
slice pool1 "$pool_mib"
slice pool2 4096
trap pools_down EXIT
export TCLONE_POOL=bench1
quietly tclone pool create bench1 /dev/mapper/bench-pool1
quietly tclone pool create bench2 /dev/mapper/bench-pool2
pools_end=$sliced
for one in $BENCH_SERIES; do
  # Series whose work is done on the host itself have no function here.
  declare -F "series_$one" >/dev/null || continue
  note "series $one"
  sliced=$pools_end
  "series_$one"
done
note "measured"
