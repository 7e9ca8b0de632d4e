#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab machine; see bench/run.
set -euo pipefail
read -ra disk <<<"$LAB_DISKS"
export LVM_SYSTEM_DIR=/run/lvm-bench LVM_SUPPRESS_FD_WARNINGS=1
mkdir -p "$LVM_SYSTEM_DIR"
cat >"$LVM_SYSTEM_DIR/lvm.conf" <<CONF
devices { filter = [ "a|^${disk[1]}\$|", "r|.*|" ] use_devicesfile = 0 }
activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }
global { use_lvmpolld = 0 event_activation = 0 }
CONF

tclone pool create p "${disk[0]}" >/dev/null
tclone create db --size 256M >/dev/null
tclone publish db >/dev/null
head -c 64 /dev/urandom >/run/bench.key
{
  pvcreate -y "${disk[1]}"
  vgcreate bench "${disk[1]}"
  lvcreate -y --type thin-pool -L 1G -n pool bench
  lvcreate -y -V 256M --thinpool pool -n db bench
} >/dev/null 2>&1

declare -A samples
# measure NAME COMMAND…: the whole process, in microseconds; what it prints is thrown away.
measure() {
  local name=$1 start=${EPOCHREALTIME/./}
  shift
  "$@" >/dev/null 2>&1 || { echo "bench: failed: $*" >&2; exit 1; }
  samples[$name]+="$((${EPOCHREALTIME/./} - start)) "
}
lvm_own_key() {
  lvcreate -y -V 256M --thinpool pool -n "$1" bench &&
    cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /run/bench.key "/dev/bench/$1" &&
    cryptsetup open --key-file /run/bench.key "/dev/bench/$1" "key-$1"
}

for ((i = 0; i < BENCH_RUNS; i++)); do
  measure "an empty process" /bin/true
  measure "tclone clone --shared-key" tclone clone db@1 s --shared-key
  measure "lvcreate -s, activated" lvcreate -y -s -kn -n s bench/db
  measure "tclone clone (own key)" tclone clone db@1 o
  measure "lvcreate -V, luksFormat, open" lvm_own_key o
  measure "tclone publish" tclone publish db
  measure "tclone revert (own key)" tclone revert o
  measure "tclone rm (own key)" tclone rm o --yes
  tclone rm s --yes >/dev/null
  cryptsetup close key-o
  lvremove -y bench/s bench/o >/dev/null 2>&1
done
# How long the operation itself takes inside the process: the sum of the steps that --timings shows.
inside() { "$@" --timings 2>&1 >/dev/null | awk '{ sum += $1 } END { printf "%d", sum * 1000 }'; }
for ((i = 0; i < BENCH_RUNS; i++)); do
  samples["inside: clone --shared-key"]+="$(inside tclone clone db@1 s --shared-key) "
  samples["inside: clone (own key)"]+="$(inside tclone clone db@1 o) "
  samples["inside: publish"]+="$(inside tclone publish db) "
  samples["inside: revert (own key)"]+="$(inside tclone revert o) "
  tclone rm s --yes >/dev/null
  tclone rm o --yes >/dev/null
done

printf 'kernel %s, %s, %s runs each, volume 256M\n\n' "$(uname -r)" "$(sed -n 's/^host\s*: *//p;s/^model name\s*: *//p' /proc/cpuinfo | head -1)" "$BENCH_RUNS"
printf '| what | median ms | minimum | maximum |\n|---|---|---|---|\n'
for name in "an empty process" "tclone clone --shared-key" "lvcreate -s, activated" "tclone clone (own key)" \
  "lvcreate -V, luksFormat, open" "tclone publish" "tclone revert (own key)" "tclone rm (own key)" \
  "inside: clone --shared-key" "inside: clone (own key)" "inside: publish" "inside: revert (own key)"; do
  tr ' ' '\n' <<<"${samples[$name]}" | sed '/^$/d' | sort -n | awk -v name="$name" '
    { v[NR] = $1 / 1000 }
    END { printf "| %s | %.1f | %.1f | %.1f |\n", name, NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2, v[1], v[NR] }'
done
