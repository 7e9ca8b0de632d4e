#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh FUZZER CORPUS: fuzzes CORPUS. A plain run tries the same inputs every time, so that one that fails is the doing of
# what was changed. Under ./dev test --torture, or with TCLONE_FUZZ_SECONDS, it goes on from a random seed and from what
# earlier runs in this build folder found, for a tenth of the time or those seconds. The input of a failure is kept beside
# the fuzzer: put it into CORPUS together with the fix, where unit_state replays it for ever.
set -euo pipefail
fuzzer=$1 corpus=$2
seconds=${TCLONE_FUZZ_SECONDS:-$((${LAB_TORTURE:-0} * 6))}
if ((seconds)); then
  found=$fuzzer.found
  length=(-max_total_time="$seconds")
else
  found=$(mktemp -d)
  trap 'rm -rf "$found"' EXIT
  length=(-seed=1 -runs=20000)
fi
mkdir -p "$found"
log=$fuzzer.log
if ! "$fuzzer" "${length[@]}" -artifact_prefix="$fuzzer.failed-" -print_final_stats=1 -verbosity=1 \
  "$found" "$corpus" >"$log" 2>&1; then
  tail -n 60 "$log"
  echo "fuzzing failed: the input is in $fuzzer.failed-*"
  exit 1
fi
grep -h -e '^stat::number_of_executed_units' -e '^stat::new_units_added' -e '^Done' "$log"
