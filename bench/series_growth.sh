# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by bench/inside.sh: the same clone where there is little and where there is much, alternating.

# clones_of KEY POOL VERSION: a shared-key and an own-key clone, gone afterwards.
clones_of() {
  timed "$1.shared" tclone --timings -p "$2" clone "$3" gs --shared-key
  timed "$1.own" tclone --timings -p "$2" clone "$3" go
  quietly tclone -p "$2" rm gs --yes
  quietly tclone -p "$2" rm go --yes
}
# pair_of ROUND KEY POOL VERSION KEY POOL VERSION: either goes first every other time.
pair_of() {
  if (($1 % 2)); then
    clones_of "$2" "$3" "$4"
    clones_of "$5" "$6" "$7"
  else
    clones_of "$5" "$6" "$7"
    clones_of "$2" "$3" "$4"
  fi
}
bare_volume() { # NAME SIZE [OPTION…]
  quietly tclone create "$1" --size "$2" --fs none "${@:3}"
  quietly tclone publish "$1"
}
gone() {
  local name
  for name in "$@"; do quietly tclone rm "$name" --yes; done
}

series_growth() {
  # The first of all reads programs and modules in.
  base_volume db
  quietly tclone clone db@1 gs --shared-key
  quietly tclone clone db@1 go
  gone gs go
  growth_of_size
  growth_of_volumes
  growth_of_versions
  growth_of_depth
  growth_of_mapped
}

growth_of_size() {
  local i
  bare_volume g1 1G
  bare_volume g16 16T
  for ((i = 0; i < BENCH_RUNS; i++)); do
    pair_of "$i" growth.size.1G bench1 g1@1 growth.size.16T bench1 g16@1
  done
  gone g1 g16
}

# Pool bench2 has one volume, pool bench1 as many more as were asked for; all of them are active.
growth_of_volumes() {
  local i
  base_volume db
  quietly tclone -p bench2 create db --size "${BENCH_VOLUME_MIB}M" --fs none
  quietly tclone -p bench2 publish db
  note "  making $BENCH_MANY volumes"
  for ((i = 0; i < BENCH_MANY; i++)); do quietly tclone clone db@1 "many$i" --shared-key; done
  for ((i = 0; i < BENCH_RUNS; i++)); do
    pair_of "$i" growth.volumes.few bench2 db@1 growth.volumes.many bench1 db@1
  done
  for ((i = 0; i < BENCH_MANY; i++)); do quietly tclone rm "many$i" --yes; done
  quietly tclone -p bench2 rm db --yes
}

growth_of_versions() {
  local i
  bare_volume v1 "${BENCH_VOLUME_MIB}M"
  bare_volume vm "${BENCH_VOLUME_MIB}M"
  note "  making $BENCH_MANY versions"
  for ((i = 1; i < BENCH_MANY; i++)); do quietly tclone publish vm; done
  for ((i = 0; i < BENCH_RUNS; i++)); do
    pair_of "$i" growth.versions.few bench1 v1@latest growth.versions.many bench1 vm@latest
    timed growth.versions.few.publish tclone --timings publish v1
    timed growth.versions.many.publish tclone --timings publish vm
    quietly tclone rm v1@latest --yes  # so that few stay few
  done
  gone v1 vm
}

# An own-key clone of an own-key clone of…: each stands on a version of the one before it.
growth_of_depth() {
  local i below=d0
  bare_volume d0 "${BENCH_VOLUME_MIB}M"
  for ((i = 1; i < BENCH_DEPTH; i++)); do
    quietly tclone clone "$below@1" "d$i"
    quietly tclone publish "d$i"
    below=d$i
  done
  for ((i = 0; i < BENCH_RUNS; i++)); do
    pair_of "$i" growth.depth.flat bench1 d0@1 growth.depth.deep bench1 "$below@1"
  done
  for ((i = BENCH_DEPTH - 1; i >= 0; i--)); do gone "d$i"; done
}

# Plain, because mapping 10 GiB through AES in software would take longer than all the rest.
growth_of_mapped() {
  local i
  bare_volume m0 "${BENCH_MAPPED_MIB}M" --plain
  quietly tclone create mf --size "${BENCH_MAPPED_MIB}M" --fs none --plain
  note "  mapping $BENCH_MAPPED_MIB MiB"
  quietly dd if=/dev/zero of=/dev/mapper/tclone-bench1-mf bs=1M count="$BENCH_MAPPED_MIB" oflag=direct
  quietly tclone publish mf
  for ((i = 0; i < BENCH_RUNS; i++)); do
    pair_of "$i" growth.mapped.empty bench1 m0@1 growth.mapped.full bench1 mf@1
  done
  gone m0 mf
}
