# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by bench/inside.sh: which message or write makes the disk flush, operation by operation (bench/flush_trace.cpp).

traced() { # NAME COMMAND…
  local before
  sync
  : >/run/bench.flushes
  before=$(flushes)
  quietly env LD_PRELOAD="$BENCH_TRACE" FLUSH_TRACE_OUT=/run/bench.flushes \
    FLUSH_TRACE_STAT="/sys/class/block/$(basename "$(readlink -f "$bench_disk")")/stat" "${@:2}"
  {
    printf '%s: %s flushes\n' "$1" $(($(flushes) - before))
    sed 's/^/  /' /run/bench.flushes
  } >>"$BENCH_OUT/flushes"
}

series_flushes() {
  base_volume db
  traced 'shared-key clone' tclone clone db@1 s --shared-key
  traced 'publish' tclone publish db
  traced 'refresh of a shared-key clone' tclone refresh s
  traced 'revert of a shared-key clone' tclone revert s
  traced 'own-key clone' tclone clone db@1 o
  traced 'revert of an own-key clone' tclone revert o
  traced 'refresh of an own-key clone' tclone refresh o
  traced 'create' tclone create n --size "${BENCH_VOLUME_MIB}M" --fs none
  traced 'rm of an own-key clone' tclone rm o --yes
  traced 'rm of a shared-key clone' tclone rm s --yes
  quietly tclone pool stock --keep 2
  quietly tclone --lock-timeout 60 pool stock
  traced 'own-key clone from the stock' tclone clone db@1 o
  quietly tclone pool stock --keep 0
  gone o n
}
