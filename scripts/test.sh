#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ./dev test [--lane uml|debian|host] [--all] [--torture [MINUTES]] [FILTER]
# In lane debian, where all is emulated, without a FILTER and --torture: the demo and the suites of the main job.
# --all: also the cases that suites call long. --torture: these, and random crash points and loads.
# The last lines are ctest's summary; the exit status is ctest's.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "$0")/common.sh"

lane=uml filter='' torture=''
while (($#)); do
  case $1 in
    --lane)
      lane=${2:?--lane wants uml, debian or host}
      shift
      ;;
    --torture)
      torture=10
      if [[ ${2-} =~ ^[0-9]+$ ]]; then torture=$2; shift; fi
      ;;
    --all) export LAB_ALL=1 ;;
    -*)
      echo "dev test: unknown option $1" >&2
      exit 2
      ;;
    *) filter=$1 ;;
  esac
  shift
done
[[ -x tests/lab/boot_$lane.sh ]] || { echo "dev test: no lane $lane" >&2; exit 2; }

need_packages "${packages_build[@]}" "${packages_lab[@]}" "${packages_docs[@]}" "${packages_fuzz[@]}"
if [[ $lane == debian ]]; then need_packages "${packages_debian_lane[@]}"; fi

configure asan-ubsan
configure fuzz
configure dev -DTCLONE_LAB_LANE="$lane" -DTCLONE_ALSO_TEST="$source_dir/build/asan-ubsan/tests;$source_dir/build/fuzz/tests/fuzz"
build dev
build asan-ubsan
build fuzz fuzzers

# Disks of lab machines and folders of unit tests are thrown away, so their syncs need not reach a disk: in memory unit_state takes
# 5 s instead of 35, suite main a quarter less. A power cut of a lab machine loses what the machine had not written, either way.
if [[ ! ${TMPDIR-} && $lane == uml ]] && in_memory=$(memory_folder); then export TMPDIR=$in_memory; fi

# A lab machine takes two of these places: one for each core, and what is no machine beside.
args=(--test-dir build/dev --output-on-failure --no-tests=error -j $(($(nproc) * 2 + 1)))
if [[ $lane == debian && ! $filter && ! $torture ]]; then
  filter='^(demo|lab_(kernel|kernel_power_cut|reboot|main|data|stock|keys|fido2))$'
fi
if [[ $filter ]]; then args+=(-R "$filter"); fi
if [[ $torture ]]; then
  # Random crash points and loads for that long; the suites that know how read LAB_TORTURE.
  export LAB_TORTURE=$torture
  args+=(--timeout $((torture * 60 + 1200)))
fi
exec ctest "${args[@]}"
