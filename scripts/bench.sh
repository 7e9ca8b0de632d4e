#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev bench [ARG…]: builds optimised with fail points off and hands over to bench/run, which says what the arguments are.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
need_packages "${packages_build[@]}" "${packages_lab[@]}" "${packages_bench[@]}"
if [[ " $* " == *" debian "* ]]; then need_packages "${packages_debian_lane[@]}"; fi
configure release
build release bench
exec bench/run --build build/release "$@"
