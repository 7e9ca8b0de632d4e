#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev demo: builds tclone and shows it at work (demo_inside.sh) on this machine's kernel if that has dm-thin and
# dm-crypt, else on user-mode Linux. Nothing of this machine is changed: the pool is a file in a folder that goes away.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

lane=
if [[ ${1-} == --lane ]]; then lane=${2:?}; shift 2; fi
need_packages "${packages_build[@]}" dmsetup sqlite3 cryptsetup-bin e2fsprogs perl-base
if [[ ! $lane ]]; then
  lane=uml
  if host_has_targets; then lane=host; fi
fi
if [[ $lane != host ]]; then need_packages "${packages_lab[@]}"; fi
if [[ $lane == debian ]]; then need_packages "${packages_debian_lane[@]}"; fi
configure dev
build dev tclone
case $lane in
  host) echo "Kernel: this machine's own, $(uname -r)." ;;
  uml) echo "Kernel: user-mode Linux, because this machine's own has no dm-thin and dm-crypt. Starting a program takes
30 to 70 ms there and encryption runs in software, so read the times as upper bounds." ;;
  debian) echo "Kernel: Debian's, emulated by qemu: far slower than real." ;;
esac
exec "tests/lab/boot_$lane.sh" --mem 1G --var 6G --timeout 900 --bin build/dev/tclone \
  -- "$source_dir/scripts/demo_inside.sh"
