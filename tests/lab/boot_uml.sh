#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane "uml": runs a command on a real kernel (user-mode Linux, Debian package user-mode-linux) that has dm-thin and
# dm-crypt, with this machine's own root filesystem below a writable overlay. Options: see boot.sh.
set -euo pipefail
# shellcheck source=tests/lab/boot.sh
source "$(dirname "$0")/boot.sh"

lab_parse "$@"
uml=${TCLONE_UML:-$(command -v linux.uml || true)}
[[ $uml ]] || { echo "lab: linux.uml is missing (apt-get install user-mode-linux)" >&2; exit 77; }
lab_write_job uml /dev/ubd

# The machine hands over to another process of ours at every system call and page fault inside: on one core that takes
# half as long as between two (crash_kill, one case beside other work: 6.5 s instead of 13 to 17). So each machine takes a
# core that no other has, and any when all are taken.
lab_take_core() {
  local allowed part core lock
  local -a cores=()
  allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
  for part in ${allowed//,/ }; do
    for ((core = ${part%-*}; core <= ${part#*-}; core++)); do cores+=("$core"); done
  done
  for core in $(shuf -e "${cores[@]}"); do
    exec {lock}>>"${TMPDIR:-/tmp}/tclone-lab.$UID.core$core"
    flock -n "$lock" && break
    exec {lock}>&-
  done
  taskset -cp "$core" $$ >/dev/null || true
}

disks=()
for ((i = 0; i < ${#lab_disks[@]}; i++)); do disks+=("ubd$i=${lab_disks[i]}"); done
# The memory of the machine is a file in TMPDIR: in /dev/shm it never reaches a disk.
[[ -d /dev/shm ]] && export TMPDIR=/dev/shm
lab_take_core
status=0
# What half of the start would be: timing the variants of RAID 6, which nobody here uses, the loop for short delays, which only
# drivers of hardware need (lpj as it was found once), and 256 terminals of the old kind, which nobody opens.
lab_watch "$uml" "mem=$lab_mem" initcall_blacklist=raid6_select_algo lpj=19111936 pty.legacy_count=0 \
  rootfstype=hostfs rootflags=/ ro "init=$lab_here/init_uml.sh" \
  "uml_dir=$lab_work/" umid=lab con=null con0=null,fd:1 ssl=null ssl0=null,fd:3 quiet panic=-1 \
  "LAB_SHARE_HOST=$lab_share" \
  ${disks[@]+"${disks[@]}"} || status=$?
exit "$status"
