#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev order: writes cli/link_order.ld anew. Runs the commands that people wait for in the lab machine under callgrind and
# lists the code they execute, so that the linker puts it side by side: a command then touches half as many pages
# (bench/EXPERIMENTS.md). A list that is somewhat old does no harm: what it names and is no more is passed over.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
need_packages "${packages_build[@]}" "${packages_lab[@]}" "${packages_bench[@]}"
out=$(mktemp -d)
trap 'rm -rf "$out"; configure release -DTCLONE_LINK_MAP=OFF' EXIT
configure release -DTCLONE_LINK_MAP=ON
build release tclone
tests/lab/boot_uml.sh --mem 2G --timeout 1800 --share "$out" --disks 1x8G --bin "$PWD/build/release/tclone" -- bash scripts/order_inside.sh
scripts/order.pl build/release/tclone build/release/tclone.map "$out"/called.* >"$out/link_order.ld"
mv "$out/link_order.ld" cli/link_order.ld
echo "written: cli/link_order.ld ($(grep -c '^ ' cli/link_order.ld) places)" >&2
