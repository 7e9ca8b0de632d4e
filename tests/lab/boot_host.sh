#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane "host": runs a command on this machine's own kernel, where it has dm-thin and dm-crypt, on loop devices and in
# a mount namespace in which /etc/tclone and /var/lib/tclone are the share's. Exit status 77 where that cannot be.
set -euo pipefail
# shellcheck source=tests/lab/boot.sh
source "$(dirname "$0")/boot.sh"

if [[ ${1-} == --possible ]]; then
  [[ $(id -u) == 0 ]] || exit 1
  modprobe -qa dm-thin-pool dm-crypt 2>/dev/null || true
  targets=$(dmsetup targets 2>/dev/null) || exit 1
  [[ $targets == *thin-pool* && $targets == *crypt* ]]
  exit
fi

lab_parse "$@"
"$0" --possible || { echo "lab: this machine's kernel has no dm-thin or dm-crypt, or this is not root" >&2; exit 77; }
[[ ! $lab_cut_flag ]] || { echo "lab: the host's power is not cut" >&2; exit 77; }
lab_write_job host "$lab_work/none"
loops=()
release_loops() {
  for loop in ${loops[@]+"${loops[@]}"}; do losetup -d "$loop" || true; done
  lab_cleanup
}
trap release_loops EXIT
for disk in ${lab_disks[@]+"${lab_disks[@]}"}; do loops+=("$(losetup --find --show --direct-io=on "$disk")"); done
[[ $lab_var ]] && { var=${loops[-1]}; shown=("${loops[@]:0:${#loops[@]}-1}"); } || shown=(${loops[@]+"${loops[@]}"})

export LAB_LANE=host LAB_SHARE=$lab_share LAB_SOURCE=$lab_source LAB_DISKS="${shown[*]-}"
export lab_var_device=${var-} lab_bins_list="${lab_bins[*]-}"
status=0
# shellcheck disable=SC2016  # expanded inside
timeout -k 5 "$lab_timeout" unshare --mount --propagation private bash -c '
  mkdir -p /etc/tclone /var/lib/tclone "$LAB_SHARE/var-tclone" /tmp
  mount --bind "$LAB_SHARE/etc-tclone" /etc/tclone
  if [[ $lab_var_device ]]; then mount "$lab_var_device" /var/lib/tclone
  else mount --bind "$LAB_SHARE/var-tclone" /var/lib/tclone; fi
  lane=$LAB_LANE share=$LAB_SHARE disks=$LAB_DISKS
  . "$LAB_SHARE/.lab/job"
  LAB_LANE=$lane LAB_SHARE=$share LAB_DISKS=$disks
  for bin in $lab_bins_list; do PATH=${bin%/*}:$PATH; done
  (lab_run)' </dev/null || status=$?
exit "$status"
