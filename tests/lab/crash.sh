# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Crashes of tclone at its named points (base/fault.h), for the suites: a pool, what it must look like before and
# after a command, and the way from a crash back to the pool as it was.

crash_pool=/var/lib/tclone/p.pool
crash_dir=/var/lib/tclone/crash
crash_covered=0   # points x commands, for the count that a case prints
RANDOM=${LAB_SEED:-42}


# crash_base: pool p with a base (db, two versions), a plain volume, an own-key clone and a shared one with a version.
crash_base() {
  mkdir -p "$crash_dir" /mnt/fs
  expect_ok tclone pool create p --file "$crash_pool" --size 400M
  expect_ok tclone create db --size 32M --fs none
  fill "$crash_dir/db.1" one 1
  expect_ok dd if="$crash_dir/db.1" of=/dev/mapper/tclone-p-db bs=1M conv=fsync,notrunc
  expect_ok tclone publish db
  expect_ok tclone create plain --size 16M --fs ext4 --plain
  expect_ok tclone clone db@1 own
  local name
  for name in spare third; do head -c 48 /dev/urandom >"$crash_dir/$name.key"; chmod 600 "$crash_dir/$name.key"; done
  expect_ok tclone key add own --key "file:$crash_dir/spare.key"
  expect_ok tclone clone db@1 shared --shared-key
  expect_ok tclone publish shared
  fill "$crash_dir/db.2" two 1
  expect_ok dd if="$crash_dir/db.2" of=/dev/mapper/tclone-p-db bs=1M conv=fsync,notrunc
  expect_ok tclone publish db
  crash_save
}

crash_save() {
  expect_ok tclone pool deactivate p
  expect_ok cp --sparse=always "$crash_pool" "$crash_dir/saved"
  rm -rf "$crash_dir/keys"
  expect_ok cp -a /etc/tclone/keys "$crash_dir/keys"
  crash_up
  crash_look before
}

crash_up() {
  expect_ok tclone pool activate p --volumes
  # The checksums of versions are taken from the one a clone keeps active.
  expect_file /dev/mapper/tclone-p-db@1
}

# Back to what crash_save saw.
crash_restore() {
  expect_ok tclone pool deactivate p
  expect_ok cp --sparse=always "$crash_dir/saved" "$crash_pool"
  rm -rf /etc/tclone/keys
  expect_ok cp -a "$crash_dir/keys" /etc/tclone/keys
  crash_up
}

# crash_look NAME: checks the pool, keeps how it looks as NAME.same, .exact and .room.
crash_look() {
  run pool_check p --same "$crash_dir/$1.same" --exact "$crash_dir/$1.exact" --room "$crash_dir/$1.room"
  ((status == 0)) || { lab_show; lost "the pool is not consistent $crash_where"; }
}

# Whether two looks were the same: crash_equal KIND NAME OTHER
crash_equal() {
  local one other
  IFS= read -r -d '' one <"$crash_dir/$2.$1"
  IFS= read -r -d '' other <"$crash_dir/$3.$1"
  [[ $one == "$other" ]]
}

# What no command here may touch.
crash_untouched() {
  cmp -s -n 1048576 "$crash_dir/db.2" /dev/mapper/tclone-p-db || lost "the contents of db $crash_where"
  [[ ! -e /dev/mapper/tclone-p-db@1 ]] || cmp -s -n 1048576 "$crash_dir/db.1" /dev/mapper/tclone-p-db@1 || lost "the contents of db@1 $crash_where"
}

# crash_recovered NAME: the next command recovers by itself; doing so again changes nothing.
crash_recovered() {
  run tclone recover
  ((status == 0)) || { lab_show; lost "recovery $crash_where"; }
  crash_look "$1"
  run tclone recover
  crash_look again
  crash_equal exact "$1" again ||
    { diff "$crash_dir/$1.exact" "$crash_dir/again.exact"; lost "recovering twice changed something $crash_where"; }
}

# crash_points COMMAND…: fills the array points with the names passed, and keeps how the pool looks afterwards.
crash_points() {
  rm -f "$crash_dir/trace"
  crash_where="after $* without a crash"
  expect_ok env TCLONE_FAULT_TRACE="$crash_dir/trace" "$@"
  points=()
  [[ -e $crash_dir/trace ]] && mapfile -t points <"$crash_dir/trace"
  crash_look after
  crash_untouched
}

# Which points of `points` to crash at, counted from 1, as `chosen`: all under half an hour of torture or
# more, a random third of them under less (the same with the same LAB_SEED). Else a kill with everything done
# but the commit, one with all records replaced but the last, and one at each point of special interest; and a
# failure while volumes are suspended (unit_engine fails every call).
crash_choose() {
  local action=$1 i
  declare -A last=()
  chosen=()
  for ((i = 0; i < ${#points[@]}; i++)); do
    if [[ ! ${LAB_TORTURE-} ]]; then
      last[${points[i]}]=$((i + 1))
    elif ((LAB_TORTURE >= 30 || RANDOM % 3 == 0)); then
      chosen+=($((i + 1)))
    fi
  done
  [[ ${LAB_TORTURE-} ]] && return
  for i in "${!last[@]}"; do
    case $action,$i in
      kill,commit | kill,store.rename.done | kill,suspended | kill,room.suspended | kill,key.made | kill,vault.shredded) ;;
      fail,suspended) ;;
      *) continue ;;
    esac
    chosen+=("${last[$i]}")
  done
}

# crash_everywhere BACK COMMAND…: crashes the command at its points, one after the other, recovers and checks. BACK is
# a command that takes back what COMMAND did, or "-".
crash_everywhere() {
  local back=$1 action n done_again
  shift
  local -a points chosen
  crash_points "$@"
  crash_back "$back"
  for action in kill fail; do
    crash_choose "$action"
    for n in "${chosen[@]}"; do
      crash_where="after $* with $action at point $n (${points[n - 1]})"
      { TCLONE_FAULT="*#$n=$action" run "$@"; } 2>/dev/null  # without the shell's "Killed"
      [[ $action == fail ]] || ((status == 137)) || { lab_show; lost "the kill: status $status $crash_where"; }
      crash_suspended
      crash_recovered now
      crash_untouched
      crash_covered=$((crash_covered + 1))
      if crash_equal same now before; then
        crash_all_up
        # What was prepared (room in a vault) stays when the rest is undone; the next crash shall find the same pool.
        crash_equal room now before || crash_restore
        continue
      fi
      crash_equal same now after || { diff "$crash_dir/after.same" "$crash_dir/now.same"; lost "neither done nor undone $crash_where"; }
      run "$@"   # it must be possible to go on
      crash_back "$back"
    done
  done
  say "$*: ${#points[@]} points, $crash_covered crashes"
}

# A command that takes a volume down for a while may leave it so; it must come up again, and be right.
crash_all_up() {
  local name missing=
  for name in db plain own shared; do [[ -e /dev/mapper/tclone-p-$name ]] || missing=1; done
  [[ $missing ]] || return 0
  expect_ok tclone activate --all
  crash_look now
  crash_untouched
}

# Nobody's writers may hang, however a command ended; its guard process needs a moment at most.
crash_suspended() {
  local round d name suspended any
  for round in 1 2 3 4 5 6 7 8 9 10; do
    any=
    for d in /sys/block/dm-*; do
      read -r suspended <"$d/dm/suspended" || continue
      [[ $suspended == 1 ]] || continue
      read -r name <"$d/dm/name"
      any=$name
    done
    [[ $any ]] || return 0
    sleep 0.2
  done
  lost "device $any stays suspended $crash_where"
}

# crash_back BACK: the pool as it was before, by BACK if that leads there.
crash_back() {
  if [[ $1 != - ]]; then
    run bash -c "$1"
    crash_where="after taking it back with $1"
    run pool_check p --same "$crash_dir/back.same"
    if ((status == 0)) && crash_equal same back before; then return; fi
  fi
  crash_restore
  crash_look back
  crash_equal same back before || { diff "$crash_dir/before.same" "$crash_dir/back.same"; lost "the way back to the saved pool"; }
}
