#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev build [PRESET]
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
preset=${1:-dev}
need_packages "${packages_build[@]}"
configure "$preset"
build "$preset"
