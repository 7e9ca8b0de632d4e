# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# First program of the emulated machine, in its initramfs: loads what reaches the root filesystem (the host's own,
# over 9p), puts a writable overlay over it, mounts the shared folder on /lab and goes on with second_stage.sh.
PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done
mkdir /host /root0 /scratch
# The host's files do not change under the machine, apart from the share: caching them is safe.
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
mount -t tmpfs -o mode=0755 lab /scratch
mkdir -p /scratch/upper /scratch/work
mount -t overlay -o lowerdir=/host,upperdir=/scratch/upper,workdir=/scratch/work overlay /root0
mkdir -p /root0/lab
mount -t tmpfs -o mode=0755 run /root0/run
mount -t 9p -o rw,trans=virtio,version=9p2000.L,msize=512000 share /root0/lab
for dir in proc sys dev; do mount --move /$dir /root0/$dir; done
read -r next </next
exec switch_root /root0 "$next"
