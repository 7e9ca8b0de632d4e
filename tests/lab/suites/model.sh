# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x1G --timeout 900
# needs: tclone
# Random operations with faults on a real pool, held against a model of what it must be: see model/main.cpp, which also
# says which variables choose the seed, the number of operations or a script. A failing list is made short and printed.

case_random_operations_end_as_the_model_says() {
  if [[ ${LAB_TORTURE-} ]]; then export TCLONE_MODEL_SECONDS=${TCLONE_MODEL_SECONDS:-$((LAB_TORTURE * 60))}; fi
  TCLONE_MODEL_SEED=${TCLONE_MODEL_SEED-${LAB_SEED-}} model_test "${disk[0]}" >"$lab_tmp/model" 2>&1 ||
    { sed 's/^/    /' "$lab_tmp/model"; lost "the pool is not what the model says it must be"; }
  say "$(<"$lab_tmp/model")"
}
