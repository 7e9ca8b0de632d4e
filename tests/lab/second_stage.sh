#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# PID 1 in the new root of either kind of machine, /proc, /sys, /dev, /run and /lab being mounted: what is the
# same everywhere. Then runs the job, or hands over to systemd, which does.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Says what disks there are, whether systemd is wanted, and what to run.
. /lab/.lab/job
[[ $LAB_LANE == debian ]] && modprobe -a loop dm-mod dm-thin-pool dm-crypt dm-snapshot dm-log-writes dm-flakey
mkdir -p /dev/shm /dev/pts /etc/tclone /var/lib/tclone
{
  # Key files survive a reboot of the machine, and so does /var/lib/tclone on its disk; the rest is as new each time.
  echo "/lab/etc-tclone /etc/tclone none bind 0 0"
  [[ $lab_var_device ]] && echo "$lab_var_device /var/lib/tclone ext4 defaults 0 0"
  echo "shm /dev/shm tmpfs mode=1777 0 0"
  echo "pts /dev/pts devpts mode=0620 0 0"
} >/tmp/fstab
# Without udev nobody else does.
[[ -e /dev/fd ]] || { ln -s /proc/self/fd /dev/fd; ln -s /proc/self/fd/1 /dev/stdout; ln -s /proc/self/fd/2 /dev/stderr; }
mount -T /tmp/fstab -a || echo "lab: a mount failed"
((${#lab_bins[@]})) && cp "${lab_bins[@]}" /usr/local/bin/
echo tclone-lab >/proc/sys/kernel/hostname
echo tclone-lab >/etc/hostname
[[ $lab_systemd ]] || . "$LAB_SOURCE/tests/lab/inside.sh"

# systemd as PID 1. Its default target is ours, so nothing that this machine happens to have enabled is started;
# sockets, timers and udevd are there. An empty machine-id makes this a first boot.
rm -f /.dockerenv  # systemd would take this for a container and boot half of itself
: >/etc/machine-id
: >/etc/fstab
mkdir -p /etc/tmpfiles.d
: >/etc/tmpfiles.d/tmp.conf  # nothing in /tmp is old: the source tree may be there
cat >/etc/systemd/system/lab.target <<UNIT
[Unit]
Description=The lab
Requires=basic.target lab.service
AllowIsolate=yes
UNIT
cat >/etc/systemd/system/lab.service <<UNIT
[Unit]
Description=What the lab was asked to run
After=basic.target systemd-udevd.service systemd-udev-settle.service
Wants=systemd-udev-settle.service
[Service]
Type=oneshot
ExecStart=$LAB_SOURCE/tests/lab/inside.sh
TimeoutStartSec=infinity
UNIT
ln -sf lab.target /etc/systemd/system/default.target
# An empty unit file is a masked unit.
for unit in {apt-daily,apt-daily-upgrade,dpkg-db-backup,e2scrub_all,fstrim,logrotate,man-db}.timer \
  systemd-tmpfiles-clean.timer lvm2-{monitor.service,lvmpolld.socket} blk-availability.service dm-event.socket \
  systemd-{hwdb-update,binfmt,update-utmp}.service ldconfig.service; do
  : >/etc/systemd/system/"$unit"
done
exec /sbin/init
