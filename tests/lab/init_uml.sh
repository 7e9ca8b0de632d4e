#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# First program of a user-mode Linux machine: loads the modules, puts a writable overlay over the host's own root
# filesystem (so that /etc and /var can be written and nothing of the host changes), mounts the shared folder on
# /lab and goes on with second_stage.sh in the new root. Starting a program is slow here, hence builtins, one
# modprobe and one mount for everything. LAB_SHARE_HOST comes from the kernel's command line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
here=${0%/*}

mount -t proc proc /proc
# This kernel starts /sbin/hotplug for every event of a device, some thousands a suite, and nobody has that program.
echo >/proc/sys/kernel/hotplug
mount -t tmpfs -o mode=0755 lab /tmp
mkdir -p /tmp/{root,work,modules/lib} \
  /tmp/upper/{lab,proc,sys,dev,run,root,usr/lib/modules,etc/tclone,etc/systemd/system,var/lib/tclone}
# The host may have no /lib/modules, or another kernel's.
ln -s /usr/lib/uml/modules /tmp/modules/lib/modules
# aes and its modes first: the keyring code below dm-crypt does not ask for them by itself.
modprobe -d /tmp/modules -a overlay aes_generic cbc xts sha256_generic loop dm-mod dm-thin-pool dm-crypt dm-snapshot \
  dm-log-writes dm-flakey dm-dust

{
  echo "overlay /tmp/root overlay lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work 0 0"
  echo "/usr/lib/uml/modules /tmp/root/usr/lib/modules none bind 0 0"
  echo "proc /tmp/root/proc proc defaults 0 0"
  echo "sys /tmp/root/sys sysfs defaults 0 0"
  echo "dev /tmp/root/dev devtmpfs mode=0755 0 0"
  # /tmp stays part of the overlay: the source tree may be there.
  echo "run /tmp/root/run tmpfs mode=0755 0 0"
  echo "none /tmp/root/lab hostfs rw,$LAB_SHARE_HOST 0 0"
} >/tmp/fstab
# -c: paths that only come to be as we go must not be resolved beforehand.
mount -c -T /tmp/fstab -a || echo "lab: a mount failed"
exec switch_root /tmp/root "$here/second_stage.sh" 2>/dev/null
