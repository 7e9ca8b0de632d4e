#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev fmt [--check]: clang-format over every C++ file; --check changes nothing and fails if something would change.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"
need_packages clang-format
mode=(-i)
if [[ ${1-} == --check ]]; then mode=(--dry-run -Werror); fi
git ls-files -z '*.cpp' '*.h' | xargs -0 -r clang-format "${mode[@]}"
