#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One boot of drivers/crash_power.sh: looks at what the power cut before it left, and walks into the next one.
#   crash_inside.sh base               makes the pool
#   crash_inside.sh POINT COMMAND…     the power is cut at the last passing of POINT by COMMAND; "-": at none
source "$LAB_SOURCE/tests/lab/lib.sh"
source "$LAB_SOURCE/tests/lab/crash.sh"
lab_current='power cut'
doing=$crash_dir/doing

if [[ $1 == base ]]; then
  crash_where='before any power cut'
  crash_base
  exit 0
fi
point=$1
shift

crash_where='after a boot'
[[ -e $doing ]] && crash_where="after a power cut at $(<"$doing")"
# Activating the pool is what comes after a boot: it recovers by itself.
expect_ok tclone pool activate p --volumes
crash_recovered now
crash_untouched
if ! crash_equal same now before; then
  [[ -e $doing ]] || lost "the pool is not as it was saved"
  crash_equal same now after || { diff "$crash_dir/after.same" "$crash_dir/now.same"; lost "neither done nor undone $crash_where"; }
fi
# Growing shows in no look.
[[ -e $doing ]] && crash_back -
rm -f "$doing"
[[ $point == - ]] && exit 0

crash_points "$@"
crash_back -
for ((i = ${#points[@]}; i > 0; i--)); do
  [[ ${points[i - 1]} == "$point" ]] && break
done
((i > 0)) || lost "$* does not pass $point"
echo "$point in $*" >"$doing"
sync
TCLONE_FAULT="*#$i=cut" TCLONE_FAULT_CUT=/lab/cut tclone "${@:2}"
lost "$* was not stopped at $point"
