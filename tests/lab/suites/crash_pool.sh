# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x1G --var 2G --timeout 600
# needs: tclone
# The commands on whole pools are killed, or fail, at their named points; the same command again (or the one that its
# message names) must lead to the end that the user wanted, and nothing may be left over.
source "$LAB_SOURCE/tests/lab/crash.sh"

file=/var/lib/tclone/q.pool
case_teardown() { rm -f "$file" "$file.unfinished"; }
make_pool() {
  expect_ok tclone pool create q --file "$file" --size 400M
  expect_ok tclone create a --size 16M --fs none
  expect_ok tclone publish a
  expect_ok tclone clone a@1 b
}
healthy() {
  run pool_check q
  ((status == 0)) || { lab_show; lost "the pool is not consistent $crash_where"; }
}
gone() {
  local d
  for d in /dev/mapper/tclone-q-* /etc/tclone/keys/* /etc/tclone/pools/q* "$file"* /run/tclone/q.creating; do
    [[ ! -e $d && ! -L $d ]] || lost "$d is left over $crash_where"
  done
}
# trace COMMAND…: fills points.
trace() {
  rm -f /tmp/trace
  expect_ok env TCLONE_FAULT_TRACE=/tmp/trace "$@"
  mapfile -t points </tmp/trace
}
# Which points of a command on a pool: all under torture, else the last of each name.
choose() {
  declare -A last=()
  local i
  chosen=()
  for ((i = 0; i < ${#points[@]}; i++)); do
    if [[ ${LAB_TORTURE-} ]]; then chosen+=($((i + 1))); else last[${points[i]}]=$((i + 1)); fi
  done
  for i in "${!last[@]}"; do
    case $i in
      store.* | label.* | journal.* | recover.*) ;;
      *) chosen+=("${last[$i]}") ;;
    esac
  done
}
# The same, in a plain run only those of these names: choose_of NAME…, the points between which something durable, or something
# of the kernel's, has changed.
choose_of() {
  local i name kept=()
  choose
  [[ ${LAB_TORTURE-} ]] && return
  for i in "${chosen[@]}"; do
    for name; do [[ ${points[i - 1]} != "$name" ]] || kept+=("$i"); done
  done
  chosen=("${kept[@]}")
}
# crash ACTION N COMMAND…
crash() {
  local action=$1 n=$2
  shift 2
  crash_where="after $* with $action at point $n (${points[n - 1]})"
  { run env TCLONE_FAULT="*#$n=$action" "$@"; } 2>/dev/null
  crash_covered=$((crash_covered + 1))
}

case_pool_create_can_be_repeated() {
  local -a points chosen
  local n action
  trace tclone pool create q --file "$file" --size 400M
  expect_ok tclone pool destroy q --yes
  choose
  for action in kill ${LAB_TORTURE:+fail}; do
    for n in "${chosen[@]}"; do
      crash "$action" "$n" tclone pool create q --file "$file" --size 400M
      if [[ $action == fail ]]; then gone; fi
      run tclone pool create q --file "$file" --size 400M
      if ((status != 0)); then
        # Complete but for being remembered: the message says how to have it.
        expect_text 'pool import'
        expect_ok tclone pool import "$file"
      fi
      healthy
      expect_ok tclone pool destroy q --yes
      rm -f "$file"  # an imported file is not ours to remove
      gone
    done
  done
  say "pool create: ${#points[@]} points, $crash_covered crashes"
}

case_pool_activate_and_deactivate_can_be_repeated() {
  local -a points chosen up down
  local n action
  make_pool
  trace tclone pool deactivate q; down=("${points[@]}")
  trace tclone pool activate q; up=("${points[@]}")
  for action in kill ${LAB_TORTURE:+fail}; do
    points=("${down[@]}"); choose
    for n in "${chosen[@]}"; do
      expect_ok tclone activate --all
      crash "$action" "$n" tclone pool deactivate q
      expect_ok tclone pool deactivate q
      for d in /dev/mapper/tclone-q-*; do lost "$d is still there $crash_where"; done
      expect_ok tclone pool activate q
      healthy
    done
    points=("${up[@]}"); choose
    for n in "${chosen[@]}"; do
      expect_ok tclone pool deactivate q
      crash "$action" "$n" tclone pool activate q
      expect_ok tclone pool activate q
      healthy
    done
  done
  expect_ok tclone pool destroy q --yes
  gone
  say "pool activate, deactivate: $crash_covered crashes"
}

case_pool_export_and_import_can_be_repeated() {
  local -a points chosen out_points in_points
  local n action
  make_pool
  trace tclone pool export q; out_points=("${points[@]}")
  trace tclone pool import "$file"; in_points=("${points[@]}")
  for action in kill ${LAB_TORTURE:+fail}; do
    points=("${out_points[@]}"); choose
    for n in "${chosen[@]}"; do
      crash "$action" "$n" tclone pool export q
      run tclone pool export q
      ((status == 0 || status == 3)) || { lab_show; lost "exporting again $crash_where"; }
      for d in /dev/mapper/tclone-q-*; do lost "$d is still there $crash_where"; done
      expect_ok tclone pool import "$file"
      healthy
    done
    points=("${in_points[@]}"); choose
    for n in "${chosen[@]}"; do
      expect_ok tclone pool export q
      crash "$action" "$n" tclone pool import "$file"
      expect_ok tclone pool import "$file"
      healthy
    done
  done
  expect_ok tclone pool destroy q --yes
  rm -f "$file"
  gone
  say "pool export, import: $crash_covered crashes"
}

case_pool_destroy_can_be_repeated() {
  local -a points chosen
  local n action
  make_pool
  trace tclone pool destroy q --yes
  choose_of destroy.begun vault.shredded vault.deleted pool.down.outer destroy.wiped destroy.unlinked
  for action in kill ${LAB_TORTURE:+fail}; do
    for n in "${chosen[@]}"; do
      make_pool
      crash "$action" "$n" tclone pool destroy q --yes
      run tclone pool destroy q --yes
      ((status == 0 || status == 3)) || { lab_show; lost "destroying again $crash_where"; }
      gone
    done
  done
  say "pool destroy: ${#points[@]} points, $crash_covered crashes"
}

# The same command again leads to the end, at once or after the pool was taken down, which is all that a crash leaves to do.
# grow_again WANTED-BLOCKS COMMAND…
grow_again() {
  local wanted=$1 blocks
  shift
  if ((crash_covered % 2)) || [[ ${LAB_TORTURE-} ]]; then
    run tclone doctor
    ((status == 0)) || expect_text 'older|was interrupted'
    expect_ok tclone pool deactivate q
    expect_ok tclone pool activate q --volumes
  fi
  run "$@"
  ((status == 0)) || expect_text 'part of the pool already'
  healthy
  blocks=$(blocks_of_q)
  ((blocks >= wanted)) || lost "the pool has $blocks blocks, not $wanted, $crash_where"
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-q-a)" "what was written before the pool grew, $crash_where"
  [[ ${LAB_TORTURE-} ]] || return
  expect_ok tclone doctor
  expect_text 'nothing is wrong'
}
first_of() {
  local i
  for ((i = 0; i < ${#points[@]}; i++)); do [[ ${points[i]} != "$1" ]] || break; done
  printf '%s\n' $((i + 1))
}
blocks_of_q() { local all; read -r _ _ _ _ _ all _ < <(dmsetup status tclone-q-_pool); printf '%s\n' "${all#*/}"; }

case_pool_grow_can_be_repeated() {
  local -a points chosen
  local n action size=400 sum
  make_pool
  fill /dev/mapper/tclone-q-a seed 4
  sum=$(checksum /dev/mapper/tclone-q-a)
  trace tclone pool grow q --size 410M; size=410
  choose_of grow.labelled grow.pool.loaded
  for action in kill ${LAB_TORTURE:+fail}; do
    for n in "${chosen[@]}"; do
      size=$((size + 10))
      crash "$action" "$n" tclone pool grow q --size "${size}M"
      grow_again $((size - 100)) tclone pool grow q --size "${size}M"
    done
  done
  say "pool grow of a file: ${#points[@]} points, $crash_covered crashes"
  expect_ok tclone pool destroy q --yes
  gone
}

# extra N: a small device of its own.
extra() {
  dmsetup create "extra$1" --table "0 16384 linear ${disk[0]} $((425984 + $1 * 16384))" || lost "device extra$1"
}

case_pool_grow_with_devices_can_be_repeated() {
  local -a points chosen
  local n action i=0 sum blocks sectors=409600
  dmsetup create growing --table "0 $sectors linear ${disk[0]} 0" || lost "a device that can grow"
  expect_ok tclone pool create q /dev/mapper/growing --force
  expect_ok tclone create a --size 16M --fs none
  fill /dev/mapper/tclone-q-a seed 4
  sum=$(checksum /dev/mapper/tclone-q-a)
  # The device itself.
  widen() {
    sectors=$((sectors + 2048))
    dmsetup suspend growing && dmsetup load growing --table "0 $sectors linear ${disk[0]} 0" && dmsetup resume growing
  }
  # In a plain run as with a file.
  points=() chosen=()
  if [[ ${LAB_TORTURE-} ]]; then widen; trace tclone pool grow q; choose; fi
  for action in kill ${LAB_TORTURE:+fail}; do
    for n in "${chosen[@]}"; do
      ((sectors < 423000)) || break
      blocks=$(($(blocks_of_q) + 1))
      widen
      crash "$action" "$n" tclone pool grow q
      grow_again "$blocks" tclone pool grow q
    done
  done
  # One that is added. Before it has a label it may go away again.
  extra $((++i))
  trace tclone pool grow q --add "/dev/mapper/extra$i" --force
  choose_of grow.remembered grow.labelled grow.pool.loaded
  # One copy of the new device's label; all of it, and one copy of another's.
  [[ ${LAB_TORTURE-} ]] || for n in label.copy1.done label.copy2.done; do chosen+=("$(first_of "$n")"); done
  for action in kill ${LAB_TORTURE:+fail}; do
    for n in "${chosen[@]}"; do
      # A pool has 32 devices at most, the one that grew among them: under --torture the last failures have no room.
      ((i < 31)) || break
      extra $((++i))
      blocks=$(($(blocks_of_q) + 6))
      crash "$action" "$n" tclone pool grow q --add "/dev/mapper/extra$i" --force
      if [[ ${points[n - 1]} == grow.remembered || ${points[n - 1]} == grow.cleared ]]; then
        dmsetup remove "extra$i"
        expect_ok tclone pool deactivate q
        expect_ok tclone pool activate q --volumes
        extra "$i"
      fi
      grow_again "$blocks" tclone pool grow q --add "/dev/mapper/extra$i" --force
    done
  done
  say "pool grow of a device, and by a device: ${#points[@]} points, $crash_covered crashes"
  expect_ok tclone pool destroy q --yes
  gone
  for ((; i > 0; i--)); do dmsetup remove "extra$i"; done
  dmsetup remove growing
}

case_a_failing_pool_create_leaves_nothing() {
  local point
  for point in pool.zeroed pool.up pool.named; do
    crash_where="after pool create failed at $point"
    expect_exit 1 env TCLONE_FAULT="$point=fail" tclone pool create q --file "$file" --size 400M
    gone
  done
}

case_what_is_being_destroyed_is_neither_activated_nor_forgotten() {
  local sectors=819200
  dmsetup create lost --table "0 $sectors linear ${disk[0]} 0" || lost "a device that can go away"
  expect_ok tclone pool create q /dev/mapper/lost --force
  expect_ok tclone create a --size 16M --fs none
  { run env TCLONE_FAULT="destroy.begun=kill" tclone pool destroy q --yes; } 2>/dev/null
  expect_ok tclone pool deactivate q
  expect_exit 8 tclone pool activate q
  expect_text 'pool destroy q'
  # With its device away it may be read again later, headers and all: that is not destroyed.
  dmsetup remove lost
  expect_exit 3 tclone pool destroy q --yes
  expect_text '/dev/mapper/lost'
  expect_file /etc/tclone/pools/q.toml
  dmsetup create lost --table "0 $sectors linear ${disk[0]} 0"
  crash_where='after a second try'
  expect_ok tclone pool destroy q --yes
  gone
  dmsetup remove lost
}

# What cannot be read is no reason to keep the rest: the pool is its own by the label, and every thin in it is the pool's.
case_a_pool_with_damaged_records_is_destroyed_headers_and_all() {
  local damage key state=/var/lib/tclone/q start
  # In the first blocks that the pool gives out.
  headers() { dd if=/dev/mapper/lost iflag=direct bs=1M skip=$((start / 2048)) count=32 status=none | tr -d '\0' | grep -ao LUKS | wc -l; }
  dmsetup create lost --table "0 819200 linear ${disk[0]} 0" || lost "a device"
  for damage in vaults/b.toml journal.toml ${LAB_TORTURE:+volumes/a.toml}; do
    expect_ok tclone pool create q /dev/mapper/lost --force
    expect_ok tclone create a --size 16M --fs none
    expect_ok tclone publish a
    expect_ok tclone clone a@1 b
    key=/etc/tclone/keys/$(sed -n 's/^uuid = "\(.*\)"/\1/p' "$state/vaults/b.toml" | head -n 1).key
    echo nonsense >"$state/$damage"
    sync
    start=$(dmsetup table tclone-q-_data) start=${start##* }
    (($(headers) >= 2)) || lost "the headers are not where this test looks for them"
    if [[ $damage == journal.toml ]]; then
      # Also with something in use: refused before anything is lost.
      exec 7</dev/mapper/tclone-q-a
      expect_exit 5 tclone pool destroy q --yes
      exec 7<&-
    fi
    expect_ok tclone pool destroy q --yes
    crash_where="after destroying a pool whose $damage is damaged"
    if [[ $damage == vaults/b.toml ]]; then
      expect_text "vault b is damaged.* stays in /etc/tclone/keys"
      expect_file "$key"
      rm "$key"
    fi
    gone
    expect_equal 0 "$(headers)" "headers on the device $crash_where"
  done
  # Of a pool whose device is gone for good, what this host remembers can be taken away.
  expect_ok tclone pool create q /dev/mapper/lost --force
  expect_ok tclone pool deactivate q
  dmsetup remove lost
  expect_exit 3 tclone pool destroy q --yes
  expect_ok tclone pool export q
  expect_text 'could not be released'
  gone
}
