# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 2x1G --timeout 900
# needs: tclone
# Metadata damaged for real, outer and inner: check finds it, repair mends it elsewhere and keeps what was there, and a
# repair that is killed at any step can be begun again.
source "$LAB_SOURCE/tests/lab/tclone.sh"
source "$LAB_SOURCE/tests/lab/faulty.sh"
case_teardown() { pool_away; }

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }

# A pool with a volume, a version and a clone whose contents are known.
filled_pool() {
  pool_up
  expect_ok tclone create db --size 32M --fs none
  fill "$(dev db)" base 4
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  fill "$(dev web)" clone 2
  sync
  sum_db=$(checksum "$(dev db)") sum_web=$(checksum "$(dev web)")
}
contents_are_back() {
  expect_ok tclone activate db web
  expect_equal "$sum_db" "$(checksum "$(dev db)")" "the volume $1"
  expect_equal "$sum_web" "$(checksum "$(dev web)")" "the clone $1"
  expect_ok tclone pool check p
  expect_text 'nothing is wrong'
  thin_check_all p
  expect_ok tclone publish db web
}
# Where the outer metadata lie on the first disk, in bytes; as long as the pool is active.
outer_start() { local kib; kib=$(linear_area meta); printf '%d\n' $((${kib%+*} * 1024)); }
# raw_sum BYTE: checksum of the 16 MiB from there on the disk.
raw_sum() { dd if="${disk[0]}" bs=1M skip=$(($1 / 1048576)) count=16 iflag=direct status=none | sha256sum; }

case_outer_metadata_are_repaired_and_a_killed_repair_begun_again() {
  local point sum_db sum_web start spare damaged killed=0
  filled_pool
  local points=(repair.outer.written label.copy1.done)
  [[ ${LAB_TORTURE-} ]] && points+=(repair.outer.zeroed repair.outer.labelled repair.outer.begun repair.outer.layers repair.outer.sound label.copy1 label.copy2 label.copy2.done)
  for point in "${points[@]}"; do
    start=$(outer_start)
    expect_ok tclone pool deactivate p
    # The areas change places with every repair; as new, the spare one is not in use.
    if ((killed == 0)); then spare=$((start + (16 << 20))); fi
    dd if=/dev/zero of="${disk[0]}" bs=4096 seek=$((spare / 4096)) count=1 oflag=direct conv=notrunc status=none
    spoil_space_map "${disk[0]}" "$start"
    damaged=$(raw_sum "$start")
    expect_exit 8 tclone pool check p
    expect_text 'thin_check finds damage'
    expect_text 'pool repair p'
    run env TCLONE_FAULT="$point=kill" tclone pool repair p
    ((status == 137)) || { lab_show; lost "the repair passed no point $point ($status)"; }
    killed=$((killed + 1))
    expect_equal "$damaged" "$(raw_sum "$start")" "the damaged metadata after a kill at $point"
    expect_ok tclone pool repair p
    expect_equal "$damaged" "$(raw_sum "$start")" "the damaged metadata, which are kept, after a kill at $point"
    expect_ok tclone pool activate p
    contents_are_back "after a repair that was killed at $point"
    spare=$start
  done
  say "outer repair killed at $killed points"
}

case_what_a_finished_repair_kept_is_not_overwritten_unasked() {
  local sum_db sum_web start
  filled_pool
  start=$(outer_start)
  expect_ok tclone pool deactivate p
  spoil_space_map "${disk[0]}" "$start"
  expect_ok tclone pool repair p
  expect_ok tclone pool activate p
  start=$(outer_start)
  expect_ok tclone pool deactivate p
  spoil_space_map "${disk[0]}" "$start"
  expect_exit 4 tclone pool repair p
  expect_text '--force'
  expect_ok tclone pool repair p --force
  expect_ok tclone pool activate p
  contents_are_back "after two repairs"
}

# thin_repair 0.9.0 can often, not always, do without: then nothing may be lost by trying.
case_a_lost_outer_superblock_is_not_formatted_over() {
  local sum_db sum_web start how damaged
  for how in zero ${LAB_TORTURE:+urandom}; do
    filled_pool
    start=$(outer_start)
    expect_ok tclone pool deactivate p
    dd if="${disk[0]}" of=/tmp/superblock bs=4096 skip=$((start / 4096)) count=1 iflag=direct status=none
    dd if="/dev/$how" of="${disk[0]}" bs=4096 seek=$((start / 4096)) count=1 oflag=direct conv=notrunc status=none
    damaged=$(raw_sum "$start")
    expect_exit 8 tclone pool check p
    run tclone pool activate p
    ((status != 0)) || lost "a pool without the superblock of its metadata was activated"
    run tclone pool repair p
    expect_equal "$damaged" "$(raw_sum "$start")" "the damaged metadata after an attempt at repair"
    if ((status != 0)); then
      expect_equal 8 "$status" "the exit status"
      expect_text 'thin_repair failed.*not touched'
      dd if=/tmp/superblock of="${disk[0]}" bs=4096 seek=$((start / 4096)) count=1 oflag=direct conv=notrunc status=none
      expect_ok tclone pool repair p
    fi
    expect_ok tclone pool activate p
    contents_are_back "after the superblock was lost ($how)"
    expect_ok tclone pool destroy p --yes
  done
}

# --- inner -----------------------------------------------------------------------------------------------------------

# The layers below the inner pool of vault db, put up by hand: what tclone does but for the inner pool.
spoil_inner() {
  local how=$1 layer=/dev/mapper/tclone-p-_1.meta
  # While the vault is open, past the kernel's pool, which has what it needs in memory; it writes nothing when it goes.
  expect_ok tclone deactivate web
  expect_file $layer
  sync
  case $how in
    space-map) spoil_space_map $layer 0 ;;
    superblock | checksum) : ;;  # after the pool is down: it writes its superblock with every commit
  esac
  expect_ok tclone deactivate db
  expect_no_file $layer
  if [[ $how == superblock || $how == checksum ]]; then
    TCLONE_FAULT="repair.opened=kill" tclone pool repair p --vault db >/dev/null 2>&1
    expect_file $layer
    if [[ $how == superblock ]]; then dd if=/dev/zero of=$layer bs=4096 count=1 oflag=direct conv=notrunc status=none
    else printf X | dd of=$layer bs=1 seek=300 conv=notrunc,fsync status=none; fi
  fi
}

case_inner_metadata_are_repaired_and_a_killed_repair_begun_again() {
  local point sum_db sum_web killed=0
  local points=(repair.written store.rename)
  [[ ${LAB_TORTURE-} ]] && points+=(repair.recorded repair.opened repair.zeroed repair.sound store.temp store.rename.done store.sync.done)
  for point in "${points[@]}"; do
    filled_pool
    spoil_inner space-map
    run env TCLONE_FAULT="$point=kill" tclone pool repair p --vault db
    ((status == 137)) || { lab_show; lost "the repair passed no point $point ($status)"; }
    killed=$((killed + 1))
    # Others are not concerned.
    expect_ok tclone create other --size 16M --fs none
    expect_ok tclone pool repair p --vault db
    contents_are_back "after a vault repair that was killed at $point"
    expect_ok tclone pool destroy p --yes
  done
  say "vault repair killed at $killed points"
}

case_a_lost_inner_superblock_is_not_formatted_over_and_can_be_repaired() {
  local sum_db sum_web
  filled_pool
  spoil_inner superblock
  expect_exit 8 tclone activate db
  expect_text 'pool repair p --vault db'
  expect_ok tclone pool repair p --vault db
  contents_are_back "after the superblock was lost"
}

case_a_superblock_with_a_bad_checksum_is_called_damage() {
  local sum_db sum_web start
  filled_pool
  spoil_inner checksum
  expect_exit 8 tclone activate db
  expect_text 'pool repair p --vault db'
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p
  start=$(outer_start)
  expect_ok tclone pool deactivate p
  printf X | dd of="${disk[0]}" bs=1 seek=$((start + 300)) conv=notrunc,fsync status=none
  expect_exit 8 tclone pool activate p
  expect_text 'pool repair p`'
  printf '\0' | dd of="${disk[0]}" bs=1 seek=$((start + 300)) conv=notrunc,fsync status=none
  expect_ok tclone pool activate p
}

case_a_vault_is_repaired_twice_only_when_that_is_asked_for() {
  local sum_db sum_web
  filled_pool
  spoil_inner space-map
  expect_ok tclone pool repair p --vault db
  expect_equal 1 "$(field vaults/db.toml repairs)" "the count of repairs"
  contents_are_back "after a repair"
  # Growing goes on in the upper half.
  expect_ok tclone resize db 2G
  expect_ok dd if=/dev/zero of="$(dev db)" bs=1M seek=1900 count=4 oflag=direct conv=notrunc status=none
  expect_ok tclone resize db 4G
  sum_db=$(checksum "$(dev db)" 4194304)
  spoil_inner space-map
  expect_exit 4 tclone pool repair p --vault db
  expect_text '--force'
  expect_ok tclone pool repair p --vault db --force
  expect_ok tclone activate db web
  expect_equal "$sum_db" "$(checksum "$(dev db)" 4194304)" "the volume after two repairs"
  expect_ok tclone pool check p
  # Started over, a vault whose metadata lie in the upper half is as good as a new one.
  expect_ok tclone revert web
  expect_equal "$(checksum "$(dev db)" 4194304)" "$(checksum "$(dev web)" 4194304)" "the clone that was started over"
}

case_open_vaults_and_sound_ones_are_left_alone() {
  local sum_db sum_web
  filled_pool
  expect_exit 5 tclone pool repair p --vault db
  expect_exit 5 tclone pool repair p
  expect_ok tclone deactivate web db
  expect_ok tclone pool repair p --vault db
  expect_equal '' "$(field vaults/db.toml repairs)" "the count of repairs of a sound vault"
  contents_are_back "after nothing was repaired"
}
