# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x256M --var 2G --timeout 1100
# needs: tclone
# long: create_from_an_image create_plain clone_with_a_shared_key clone_of_a_volume publish_of_several
# long: revert_of_an_own_key_clone revert_to_an_own_version refresh rename rename_of_a_base tag resize
# long: rm_of_a_shared_clone rm_of_a_version activate deactivate umount_of_a_version
# long: what_fails_last_of_all_leaves_nothing_half_up recovery_of_a_publish_is_killed recovery_of_a_revert_is_killed
# long: recovery_of_an_rm_is_killed
# Every changing command is killed, or fails, at its named points; the next command must leave the pool as before or
# as after, in agreement with itself. LAB_TORTURE: at every single point.
source "$LAB_SOURCE/tests/lab/crash.sh"

suite_setup() {
  command -v pool_check >/dev/null || lost "no pool_check"
  crash_where='before any crash'
  crash_base
}
suite_teardown() { run tclone pool destroy p --yes; rm -rf "$crash_dir"; }

# Each takes its command through its points; the pool is as saved before and after.
crashes() {
  local back=$1
  shift
  crash_everywhere "$back" "$@"
}

case_create() { crashes 'tclone rm x --yes' tclone create x --size 16M --fs none; }
case_create_from_an_image() { crashes 'tclone rm x --yes' tclone create x --from "$crash_dir/db.1"; }
case_create_plain() { crashes 'tclone rm x --yes' tclone create x --size 16M --fs none --plain; }
case_clone_with_its_own_key() { crashes 'tclone rm x --yes' tclone clone db@1 x; }
case_clone_with_a_shared_key() { crashes 'tclone rm x --yes' tclone clone db@1 x --shared-key; }
case_clone_of_a_volume() { crashes - tclone clone db x; }
case_publish() { crashes - tclone publish db; }
case_publish_of_several() { crashes - tclone publish db own plain; }
case_revert_of_an_own_key_clone() { crashes - tclone revert own; }
case_revert_of_a_shared_clone() { crashes - tclone revert shared --to db@1; }
case_revert_to_an_own_version() { crashes - tclone revert shared --to 1; }
case_refresh() { crashes - tclone refresh own; }
case_rename() { crashes 'tclone rename x own' tclone rename own x; }
case_rename_of_a_base() { crashes 'tclone rename x db' tclone rename plain x; }
case_tag() { crashes 'tclone untag db stable' tclone tag db@1 stable; }
case_resize() { crashes - tclone resize plain 48M; }
case_rm_of_a_shared_clone() { crashes - tclone rm shared --yes; }
case_rm_of_an_own_key_clone() { crashes - tclone rm own --yes; }
case_rm_of_a_version() { crashes - tclone rm shared@1 --yes; }
# Nothing in the records changes: what counts is that no layer is left half up and that the command can be given again.
# looks_unharmed BACK COMMAND…
looks_unharmed() {
  local back=$1 action n
  shift
  local -a points
  local crashes=0
  rm -f "$crash_dir/trace"
  expect_ok env TCLONE_FAULT_TRACE="$crash_dir/trace" "$@"
  mapfile -t points <"$crash_dir/trace"
  for action in kill fail; do
    for ((n = 1; n <= ${#points[@]}; n++)); do
      # A plain run is killed at every third point, and fails at those after it.
      [[ ${LAB_TORTURE-} ]] || { if [[ $action == kill ]]; then ((n % 3 == 1)); else ((n % 3 == 2)); fi; } || continue
      crashes=$((crashes + 1))
      run bash -c "$back"
      crash_where="after $* with $action at point $n (${points[n - 1]})"
      { TCLONE_FAULT="*#$n=$action" run "$@"; } 2>/dev/null
      crash_recovered now
      expect_ok "$@"
      crash_look now
      crash_equal same now before || lost "the records $crash_where"
    done
  done
  say "$*: ${#points[@]} points, $crashes crashes"
}
case_activate() {
  expect_ok tclone deactivate own
  looks_unharmed 'tclone deactivate own' tclone activate own
}
case_deactivate() {
  local layer
  looks_unharmed 'tclone activate own' tclone deactivate own
  for layer in own "_$(sed -n 's/^outer = //p' /var/lib/tclone/p/vaults/own.toml).thin"; do
    expect_no_file "/dev/mapper/tclone-p-$layer"
  done
  expect_ok tclone activate own
}
case_umount_of_a_version() {
  local version
  expect_ok tclone publish plain
  version=${out%%$'\n'*}
  expect_ok tclone mount "$version" /mnt/plain
  { TCLONE_FAULT=version.unmounted=kill run tclone umount "$version"; } 2>/dev/null
  expect_equal 137 "$status" "the kill"
  expect_file "/dev/mapper/tclone-p-$version"
  crash_where="after umount of a version was killed"
  crash_recovered now
  expect_no_file "/dev/mapper/tclone-p-$version"
  expect_ok tclone rm "$version" --yes
  crash_back -
}
case_mount() {
  expect_ok tclone deactivate plain
  looks_unharmed 'tclone umount plain; tclone deactivate plain' tclone mount plain /mnt/plain
  expect_ok tclone umount plain
}

# The journal is away, and the volume not yet active again: nobody comes back to it but the mark of a command at work.
case_what_fails_last_of_all_leaves_nothing_half_up() {
  local -a points
  crash_points tclone refresh own
  crash_back -
  crash_where="after tclone refresh own failed when its journal was away"
  expect_exit 1 env TCLONE_FAULT=journal.clear.done=fail tclone refresh own
  expect_text 'the next command goes on with it'
  crash_recovered now
  crash_equal same now after || { diff "$crash_dir/after.same" "$crash_dir/now.same"; lost "the refresh $crash_where"; }
  expect_file /dev/mapper/tclone-p-own
  crash_untouched
  crash_back -
  # What is only comfort fails with a warning; the last of it closes what nothing uses any more.
  crash_where="after tclone refresh own could not close what it had opened"
  local n steps=0
  for n in "${points[@]}"; do [[ $n == step ]] && steps=$((steps + 1)); done
  expect_ok env "TCLONE_FAULT=step#$steps=fail" tclone refresh own
  expect_text 'warning'
  crash_recovered now
  crash_equal same now after || { diff "$crash_dir/after.same" "$crash_dir/now.same"; lost "the refresh $crash_where"; }
  crash_back -
}

# A second crash, in the recovery from the first one: killed at its first point, then, going on, at its second…
# crash_twice POINT BACK COMMAND…
crash_twice() {
  local point=$1 back=$2 m
  shift 2
  local -a points
  crash_points "$@"
  crash_back "$back"
  crash_where="after $* killed at $point"
  { TCLONE_FAULT="$point=kill" run "$@"; } 2>/dev/null
  ((status == 137)) || { lab_show; lost "the kill at $point: status $status"; }
  for ((m = 1; m < 60; m++)); do
    crash_where="after $* killed at $point, and recovery at its points up to $m"
    { TCLONE_FAULT="*#$m=kill" run tclone recover; } 2>/dev/null
    ((status == 137)) || break
    crash_suspended
  done
  ((status == 0)) || { lab_show; lost "recovery $crash_where"; }
  crash_recovered now
  crash_untouched
  crash_equal same now before || crash_equal same now after || lost "neither done nor undone $crash_where"
  say "$* at $point: recovery killed $((m - 1)) times"
  crash_back "$back"
}
case_recovery_of_a_clone_is_killed() {
  crash_twice commit 'tclone rm x --yes' tclone clone db@1 x
  crash_twice recorded 'tclone rm x --yes' tclone clone db@1 x
}
case_recovery_of_a_publish_is_killed() { crash_twice commit - tclone publish db own; }
case_recovery_of_a_revert_is_killed() { crash_twice committed - tclone revert own; }
case_recovery_of_an_rm_is_killed() { crash_twice store.rename.done - tclone rm own --yes; }

case_a_killed_publish_resumes_mounted_filesystems() {
  local action prefix
  expect_ok tclone mount plain /mnt/fs
  # Last without the right to be spared by the OOM killer: the guard has memory of its own then.
  for action in kill fail term 'kill setpriv --bounding-set=-sys_resource'; do
    crash_where="after publish with $action while suspended" prefix=
    [[ $action == *' '* ]] && prefix=${action#* }
    # shellcheck disable=SC2086  # words of a command
    { run env TCLONE_FAULT="suspended=${action%% *}" $prefix tclone publish plain db; } 2>/dev/null
    crash_suspended
    # Hangs if it is not so.
    expect_ok timeout 20 dd if=/dev/zero of=/mnt/fs/file bs=4k count=4 conv=fsync
    expect_ok tclone recover
    crash_look now
  done
  expect_ok tclone umount plain
  expect_ok e2fsck -fn /dev/mapper/tclone-p-plain
  crash_back -
}
