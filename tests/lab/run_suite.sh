#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run_suite.sh LANE SUITE [TCLONE]: boots once and runs the cases of suites/SUITE.sh inside; or, when it is
# drivers/SUITE.sh, runs that on this side, where it boots as often as it likes (power cuts, replays).
# A suite says what it needs in a line "# lab: OPTION…" at its head, in the words of boot.sh, plus --lanes "uml host".
# Exit status 77: cannot be run here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lane=$1 suite=$2 tclone=${3-}

boot=$here/boot_$lane.sh
[[ -x $boot ]] || { echo "no lane $lane" >&2; exit 2; }
file=$here/suites/$suite.sh
[[ -e $file ]] || file=$here/drivers/$suite.sh
[[ -e $file ]] || { echo "no suite $suite" >&2; exit 2; }

# The head of the file is read as shell words, so that quoted options work.
declare -a options=() given=()
lanes=
eval "given=($(sed -n 's/^# lab: *//p' "$file" | head -n 1))"
for ((i = 0; i < ${#given[@]}; i++)); do
  if [[ ${given[i]} == --lanes ]]; then lanes=${given[++i]}; else options+=("${given[i]}"); fi
done
if [[ $lanes && " $lanes " != *" $lane "* ]]; then
  echo "suite $suite is for: $lanes"
  exit 77
fi
if [[ $tclone ]]; then options+=(--bin "$tclone"); fi
if [[ ${POOL_CHECK-} ]]; then options+=(--bin "$POOL_CHECK"); fi
if [[ ${MODEL_TEST-} ]]; then options+=(--bin "$MODEL_TEST"); fi
if [[ ${TCLONE_MODEL_SCRIPT-} ]]; then options+=(--env "TCLONE_MODEL_SCRIPT=$(realpath "$TCLONE_MODEL_SCRIPT")"); fi
for name in SEED OPS SECONDS SHRINK TELL; do
  name=TCLONE_MODEL_$name
  if [[ ${!name-} ]]; then options+=(--env "$name=${!name}"); fi
done
if [[ ${LAB_CASES-} ]]; then options+=(--env "LAB_CASES=$LAB_CASES"); fi
if [[ ${LAB_TORTURE-} ]]; then options+=(--env "LAB_TORTURE=$LAB_TORTURE" --timeout $((LAB_TORTURE * 60 + 1100))); fi
if [[ ${LAB_ALL-} ]]; then options+=(--env "LAB_ALL=$LAB_ALL"); fi
if [[ ${LAB_SEED-} ]]; then options+=(--env "LAB_SEED=$LAB_SEED"); fi

if [[ $file == */drivers/* ]]; then
  LAB_BOOT=$boot LAB_TCLONE=$tclone exec bash "$file" ${options[@]+"${options[@]}"}
fi
exec "$boot" ${options[@]+"${options[@]}"} -- \
  bash -c 'source "$1/lib.sh"; lab_suite_file=$2; source "$2"; run_cases' lab "$here" "$file"
