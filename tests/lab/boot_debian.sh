#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lane "debian": runs a command on the distribution's own kernel (linux-image-amd64) under qemu's emulation, about
# six times slower than lane "uml", but SMP and configured as users have it. Options: see boot.sh.
set -euo pipefail
# shellcheck source=tests/lab/boot.sh
source "$(dirname "$0")/boot.sh"

lab_parse "$@"
lab_timeout=$((lab_timeout * 6))  # what is asked for is meant for lane uml
for program in qemu-system-x86_64 busybox; do
  command -v $program >/dev/null || { echo "lab: $program is missing (./dev lab --lane debian installs it)" >&2; exit 77; }
done
release=
for kernel in /boot/vmlinuz-*; do
  [[ -d /lib/modules/${kernel#/boot/vmlinuz-} ]] && release=${kernel#/boot/vmlinuz-}
done
[[ $release ]] || { echo "lab: no kernel in /boot with its modules (apt-get install linux-image-amd64)" >&2; exit 77; }
lab_write_job debian /dev/vd

# The initramfs: busybox, the modules that reach the root filesystem, and init_debian.sh.
tree=$lab_work/initramfs
mkdir -p "$tree"/{bin,modules,proc,sys,dev,tmp}
cp "$(command -v busybox)" "$tree/bin/"
{ printf '#!/bin/busybox sh\n'; tail -n +2 "$lab_here/init_debian.sh"; } >"$tree/init"
chmod +x "$tree/init"
for module in virtio_pci virtio_blk 9pnet_virtio 9p overlay; do modprobe -S "$release" --show-depends $module; done |
  awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$lab_work/modules"
n=100
while read -r module; do
  cp "$module" "$tree/modules/$((n++))-${module##*/}"
done <"$lab_work/modules"
printf '%s\n' "$lab_here/second_stage.sh" >"$tree/next"
(cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null) >"$lab_work/initrd"

disks=()
for disk in ${lab_disks[@]+"${lab_disks[@]}"}; do
  disks+=(-drive "file=$disk,if=virtio,format=raw,cache=writeback,discard=unmap")
done
status=0
lab_watch qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$lab_mem" -display none -monitor none \
  -no-reboot -net none -serial file:/dev/stdout -serial "file:$lab_work/out" \
  -kernel "/boot/vmlinuz-$release" -initrd "$lab_work/initrd" -append "console=ttyS0 quiet panic=-1" \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
  -virtfs "local,path=$lab_share,mount_tag=share,security_model=none,multidevs=remap" \
  ${disks[@]+"${disks[@]}"} || status=$?
exit "$status"
