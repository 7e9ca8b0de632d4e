#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What needs no device-mapper is measured on this machine itself, after the lab: starting, and listing 10,000 volumes.
# Set by bench/run.
set -euo pipefail
samples=$BENCH_OUT/samples
tool=$BENCH_BIN/bench/bench_tool
wanted() { [[ " $BENCH_SERIES " == *" $1 "* ]]; }

# Instructions of a process in user space: by the processor's counter, or where a virtual machine has none by callgrind.
instructions() { # KEY COMMAND…
  local count
  count=$(perf stat -x, -e instructions:u "${@:2}" 2>&1 >/dev/null | awk -F, '/instructions/ { print $1 }')
  if ! [[ $count =~ ^[0-9]+$ ]]; then
    count=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "${@:2}" 2>&1 >/dev/null | awk '/Collected/ { print $NF }')
  fi
  [[ $count =~ ^[0-9]+$ ]] || { echo "bench: neither perf nor valgrind counts instructions here" >&2; return 0; }
  printf '%s %s\n' "$1" "$count" >>"$samples"
}

if wanted start; then
  "$tool" alternate $((BENCH_RUNS * 20)) start.true true -- start.tclone "$BENCH_BIN/tclone" version >>"$samples"
  printf 'start.tclone: tclone version\nstart.true: true\n' >>"$BENCH_OUT/commands"
  instructions start.true.instructions /bin/true
  instructions start.tclone.instructions "$BENCH_BIN/tclone" version
fi
if wanted list; then
  store=$BENCH_OUT/store
  mkdir -p "$store/run"
  "$tool" records "$store/bench" "$BENCH_RECORDS"
  sleep 3 # what is younger than two seconds is in no index
  for ((i = 0; i < BENCH_RUNS; i++)); do
    rm -f "$store/run/bench-index"
    "$tool" resident list.native.first "$tool" list "$store" list
    "$tool" list "$store" tree >/dev/null # a listing leaves versions out
    "$tool" resident list.native "$tool" list "$store" list
    "$tool" resident tree.native "$tool" list "$store" tree
  done >>"$samples"
  for ((i = 0; i < BENCH_RUNS; i++)); do
    for record in vaults/base0 volumes/base0; do
      cp "$store/bench/$record.toml" "$store/bench/$record.new"
      mv "$store/bench/$record.new" "$store/bench/$record.toml"
    done
    "$tool" resident list.native.changed "$tool" list "$store" list
  done >>"$samples"
  printf 'list.native: bench_tool list STORE list\n' >>"$BENCH_OUT/commands"
fi
