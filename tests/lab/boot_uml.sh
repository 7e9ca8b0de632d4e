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

disks=()
for ((i = 0; i < ${#lab_disks[@]}; i++)); do disks+=("ubd$i=${lab_disks[i]}"); done
# The memory of the machine is a file in TMPDIR: in /dev/shm it never reaches a disk.
[[ -d /dev/shm ]] && export TMPDIR=/dev/shm
status=0
lab_watch "$uml" "mem=$lab_mem" rootfstype=hostfs rootflags=/ ro "init=$lab_here/init_uml.sh" \
  "uml_dir=$lab_work/" umid=lab con=null con0=null,fd:1 ssl=null ssl0=null,fd:3 quiet panic=-1 \
  "LAB_SHARE_HOST=$lab_share" \
  ${disks[@]+"${disks[@]}"} || status=$?
exit "$status"
