#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs inside the lab machine, see order.sh. What starts another program is left out, because callgrind knows no pidfd_open(2);
# so is the guard of an active volume's publish, for whose clone(2) it has no provision.
set -euo pipefail
export TCLONE_POOL=order
read -ra disks <<<"$LAB_DISKS"
runs=0
watched() {
  runs=$((runs + 1))
  valgrind --tool=callgrind --demangle=no --trace-children=no --callgrind-out-file="$LAB_SHARE/called.$(printf %02d "$runs")" \
    tclone "$@" >/tmp/order.out 2>&1 || { cat /tmp/order.out; echo "order: failed: tclone $*" >&2; exit 1; }
}
tclone pool create order "${disks[0]}"
watched create db --size 64M --fs none
tclone deactivate db
watched publish db
watched clone db@1 s --shared-key
watched publish db
watched refresh s
watched revert s
watched clone db@2 o
watched revert o
watched deactivate o
watched activate o
watched path o
watched list
watched status
watched show o
watched version
watched rm s --yes
watched pool stock --keep 1
watched clone db@1 t
watched refresh t
