#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev lab [--lane LANE] [boot option…] [--] [COMMAND…]: a command in a lab machine with two 4 GiB disks (LAB_DISKS)
# and, when it is built, this tree's tclone. Without a command, what is on stdin is run. Options: tests/lab/boot.sh.
set -euo pipefail
caller=$PWD
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

lane=uml options=()
while (($#)); do
  case $1 in
    --lane) lane=$2; shift 2 ;;
    --systemd) options+=("$1"); shift ;;
    --) shift; break ;;
    --*) options+=("$1" "$2"); shift 2 ;;
    *) break ;;
  esac
done
need_packages "${packages_lab[@]}"
if [[ $lane == debian ]]; then need_packages "${packages_debian_lane[@]}"; fi
(($#)) || set -- "$(cat)"
for tclone in build/dev/tclone build/lab/tclone; do
  if [[ -x $tclone ]]; then options+=(--bin "$source_dir/$tclone"); break; fi
done
cd "$caller"
# Options of the caller come last: the later --timeout or --mem counts.
exec "$source_dir/tests/lab/boot_$lane.sh" --disks 2x4G --var 4G --timeout 3600 ${options[@]+"${options[@]}"} -- "$@"
