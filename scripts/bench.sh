#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev bench [ARG…]: builds optimised with fail points off and hands over to bench/run.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
need_packages "${packages_build[@]}" "${packages_lab[@]}"
configure release
build release
[[ -x bench/run ]] || { echo "dev bench: bench/run is not there" >&2; exit 1; }
exec bench/run build/release "$@"
