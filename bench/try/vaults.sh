#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An experiment: what open vaults cost in threads and memory of the kernel, and whether two commands that activate at once are
# quicker than one after the other: `./dev lab --lane debian --disks 2x2G -- bash $PWD/bench/try/vaults.sh [VAULTS [ROUNDS]]`.
set -euo pipefail
read -ra disk <<<"$LAB_DISKS"
vaults=${1:-20} rounds=${2:-5}

threads() { local all=(/proc/[0-9]*); echo ${#all[@]}; }
# Of all kinds, but what can be given back at once.
kernel_kib() { awk '/^(Slab|KernelStack|PageTables|VmallocUsed|Percpu):/ { sum += $2 } /^SReclaimable:/ { sum -= $2 } END { print sum }' /proc/meminfo; }
now_ms() { local up; read -r up _ </proc/uptime; echo $((10#${up/./} * 10)); }

for i in 0 1; do
  tclone pool create "p$i" "${disk[i]}" --force >/dev/null
  tclone create -p "p$i" db --size 64M --fs none >/dev/null
  tclone publish -p "p$i" db >/dev/null
  for ((n = 0; n < vaults; n++)); do tclone clone -p "p$i" db@1 "c$n" >/dev/null; done
  tclone deactivate -p "p$i" --all >/dev/null 2>&1
done

sleep 5  # workers that have nothing to do end
before=$(threads) kib=$(kernel_kib)
tclone activate -p p0 db >/dev/null 2>&1
one=$(threads) one_kib=$(kernel_kib)
tclone activate -p p0 --all >/dev/null 2>&1
sleep 5
echo "threads: none open $before, one vault $one, $((vaults + 1)) vaults $(threads)"
echo "memory of the kernel, KiB: none open $kib, one vault $one_kib, $((vaults + 1)) vaults $(kernel_kib)"
# shellcheck disable=SC2009  # pgrep tells no names of kernel threads with their places
ps -e -o comm= | sed 's/[-:/0-9].*//' | sort | uniq -c | sort -rn | head -12
tclone deactivate -p p0 --all >/dev/null 2>&1

for ((i = 0; i < rounds; i++)); do
  start=$(now_ms)
  tclone activate -p p0 --all >/dev/null 2>&1
  tclone activate -p p1 --all >/dev/null 2>&1
  serial=$(($(now_ms) - start))
  tclone deactivate -p p0 --all >/dev/null 2>&1
  tclone deactivate -p p1 --all >/dev/null 2>&1
  start=$(now_ms)
  tclone activate -p p0 --all >/dev/null 2>&1 &
  tclone activate -p p1 --all >/dev/null 2>&1
  wait
  echo "activating $((2 * vaults + 2)) vaults on $(nproc) processors, ms: one after the other $serial, two at once $(($(now_ms) - start))"
  tclone deactivate -p p0 --all >/dev/null 2>&1
  tclone deactivate -p p1 --all >/dev/null 2>&1
done
