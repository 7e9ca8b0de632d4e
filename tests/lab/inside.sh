#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the job inside the machine, writes its exit status into the share, and powers off. Sourced by PID 1, or,
# with systemd, a unit of its own.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
. /lab/.lab/job
if [[ $lab_systemd ]]; then
  unset DM_DISABLE_UDEV
else
  # Nobody makes the nodes but libdevmapper itself.
  export DM_DISABLE_UDEV=1
fi
lab_out=/dev/ttyS0
[[ $LAB_LANE == debian ]] && lab_out=/dev/ttyS1
(lab_run) </dev/null >$lab_out 2>&1
echo $? >/lab/.lab/status
sync
# Quicker than poweroff, and there is nothing left to shut down.
echo o >/proc/sysrq-trigger
while :; do sleep 60; done
