#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh FUZZER CORPUS: fuzzes for a while, from the corpus and from what earlier runs in this build folder found. The input
# of a failure is kept beside the fuzzer: put it into CORPUS together with the fix, where unit_state replays it for ever.
# TCLONE_FUZZ_SECONDS (12), or a tenth of the time under ./dev test --torture.
set -euo pipefail
fuzzer=$1 corpus=$2
seconds=${TCLONE_FUZZ_SECONDS:-12}
if [[ ${LAB_TORTURE-} ]]; then seconds=$((LAB_TORTURE * 6 > seconds ? LAB_TORTURE * 6 : seconds)); fi
found=$fuzzer.found
mkdir -p "$found"
log=$fuzzer.log
if ! "$fuzzer" -max_total_time="$seconds" -artifact_prefix="$fuzzer.failed-" -print_final_stats=1 -verbosity=1 \
  "$found" "$corpus" >"$log" 2>&1; then
  tail -n 60 "$log"
  echo "fuzzing failed: the input is in $fuzzer.failed-*"
  exit 1
fi
grep -h -e '^stat::number_of_executed_units' -e '^stat::new_units_added' -e '^Done' "$log"
