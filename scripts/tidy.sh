#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev tidy [FILE…]: clang-tidy over the rooms (or those files), shellcheck over the scripts; any finding fails.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
need_packages "${packages_build[@]}" "${packages_tools[@]}"
configure tidy
if (($#)); then
  files=("$@")
else
  mapfile -t files < <(git ls-files '*.cpp')
fi
status=0
printf '%s\0' "${files[@]}" | xargs -0 -r -n 1 -P "$(nproc)" clang-tidy -p build/tidy --quiet 2>/dev/null || status=1
if ((!$#)); then
  mapfile -t scripts < <(git ls-files dev '*.sh' .ci/run)
  shellcheck -x "${scripts[@]}" || status=1
fi
exit $status
