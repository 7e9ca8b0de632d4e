# shellcheck shell=bash
# Commands kept in one variable are split into words on purpose.
# shellcheck disable=SC2086
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 2x2G --timeout 600
# needs: tclone
# Every command as it is meant to be used, and what it prints.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { pool_away; }

# What is printed is gathered and looked at once: starting jq for each command would take longer than the commands.
json_ok() { expect_ok "$@" --json; printf '%s\n' "$out" >>/tmp/json; [[ $out == [\[\{]* ]] || { lab_show; lost "no JSON from: $*"; }; }

case_every_printing_command_prints_json() {
  json_ok tclone pool create p "${disk[0]}" --force
  json_ok tclone create db --size 32M
  json_ok tclone publish db -m 'a "quoted" message' --tag stable
  json_ok tclone clone db@1 web
  json_ok tclone list
  expect_text '"keying": "own"'
  json_ok tclone tree
  json_ok tclone log db
  expect_text 'a \\"quoted\\" message'
  json_ok tclone show web
  json_ok tclone show db@stable
  json_ok tclone status
  json_ok tclone pool status p
  json_ok tclone pool list
  json_ok tclone path web
  json_ok tclone mount web
  json_ok tclone umount web
  json_ok tclone revert web
  json_ok tclone refresh web
  json_ok tclone tag db@1 good
  json_ok tclone untag db good
  json_ok tclone rename web shop
  json_ok tclone resize shop 40M
  json_ok tclone deactivate shop
  json_ok tclone activate shop
  json_ok tclone rm shop --yes
  json_ok tclone recover
  json_ok tclone doctor
  json_ok tclone version
  json_ok tclone pool deactivate p
  json_ok tclone pool list
  json_ok tclone pool activate p
  expect_exit 3 tclone show nothing --json
  [[ $out ]] && printf '%s\n' "$out" >>/tmp/json
  expect_ok jq -c . /tmp/json
  rm /tmp/json
}

case_dry_run_prints_steps_and_changes_nothing() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  local before
  everything
  before=$lab_seen
  local command
  for command in 'create x --size 16M' 'clone db@1 x' 'clone db x --shared-key' 'publish db --tag t' 'revert web' 'refresh web' \
    'tag db@1 t' 'rename web x' 'rm web --yes' 'rm db@1' 'resize db 64M' 'deactivate web' 'activate db@1' \
    'mount web /mnt/dry' 'pool deactivate p' 'pool export p' 'pool destroy p --yes' 'recover'; do
    run tclone $command --dry-run
    [[ $command == 'rm db@1' ]] || ((status == 0)) || { lab_show; lost "exit status $status of: $command --dry-run"; }
    everything
    expect_equal "$before" "$lab_seen" "the pool after $command --dry-run"
  done
  expect_no_file /mnt/dry
  expect_ok tclone pool deactivate p
  lab_things
  before=$lab_seen
  expect_ok tclone pool activate p --dry-run
  lab_things
  expect_equal "$before" "$lab_seen" "what is there after pool activate --dry-run"
  expect_ok tclone pool create q "${disk[1]}" --dry-run
  lab_things
  expect_equal "$before" "$lab_seen" "what is there after pool create --dry-run"
  expect_no_file /etc/tclone/pools/q.toml
  expect_ok tclone pool activate p
}

case_names_tags_and_paths_are_printed() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_equal /dev/mapper/tclone-p-db "$out" "what create prints"
  expect_ok tclone publish db -m first
  expect_equal db@1 "$out" "what publish prints"
  expect_ok tclone publish db --tag stable --tag good
  expect_equal db@2 "$out" "what the second publish prints"
  expect_ok tclone log db
  expect_text 'db@2.*stable.*db@1.*first'
  expect_ok tclone path db@1
  expect_equal /dev/mapper/tclone-p-db@1 "$out" "the path of a version"
  expect_ok tclone path db@stable
  expect_equal /dev/mapper/tclone-p-db@2 "$out" "the path of a tag"
  expect_ok tclone tag db@1 stable
  expect_ok tclone path db@stable
  expect_equal /dev/mapper/tclone-p-db@1 "$out" "the path of a moved tag"
  expect_ok tclone untag db stable
  refused 3 'no such tag' tclone untag db stable
  refused 3 'no such tag' tclone clone db@stable x
  expect_ok tclone tag db newest
  expect_ok tclone show db@newest
  expect_text 'db@2'
  expect_ok tclone clone db@good web --follow good
  expect_ok tclone show web
  expect_text 'good'
  expect_ok tclone tree
  expect_text 'web \[own key\]'
  expect_ok tclone tag db@1 good
  expect_ok tclone refresh web
  expect_ok tclone list
  expect_text 'web +32M +db@1 +own'
  expect_ok tclone refresh web --if-newer
  expect_ok tclone refresh web --to latest
  expect_ok tclone list
  expect_text 'web +32M +db@2 +own'
  expect_ok tclone refresh web --to 1
  expect_ok tclone list
  expect_text 'web +32M +db@1 +own'
}

case_a_clone_of_a_volume_publishes_it_first() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone clone db web
  expect_equal /dev/mapper/tclone-p-web "$out" "what clone prints"
  expect_ok tclone list
  expect_text 'web +32M +db@1 +own'
  expect_ok tclone clone db test --shared-key
  expect_ok tclone list
  expect_text 'test +32M +db@2 +shared'
  expect_ok tclone log db
  expect_text 'db@2'
}

case_mounting_makes_the_folder_and_says_where() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone publish db
  expect_ok tclone mount db
  expect_equal /run/tclone/p/mnt/db "$out" "the folder"
  expect_ok tclone mount db
  expect_ok tclone umount db
  expect_exit 3 tclone umount db
  expect_ok tclone mount db@1 /mnt/version/deep
  run touch /mnt/version/deep/x
  ((status)) || lost "a version can be written to"
  expect_ok tclone umount /mnt/version/deep
  expect_ok tclone mount db@latest /mnt/version
  expect_ok tclone umount db@latest
  expect_no_file /dev/mapper/tclone-p-db@1
  expect_exit 5 tclone mount db /proc
  expect_ok tclone mount db /mnt/ro --options noatime --read-only
  run touch /mnt/ro/x
  ((status)) || lost "--read-only can be written to"
  umnt db
}

case_a_version_is_mounted_while_clones_stand_on_it() {
  pool_up
  expect_ok tclone create db --size 32M
  mnt db; echo text >/mnt/db/f; umnt db
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  mkdir -p /mnt/v
  expect_ok tclone mount db@1 /mnt/v
  expect_equal text "$(</mnt/v/f)" "the file in the version"
  # And the other way round: a clone is made, and activated, while it is mounted.
  expect_ok tclone clone db@1 more
  expect_ok tclone deactivate more
  expect_ok tclone activate more
  expect_ok tclone rename db base
  refused 4 'more, web' tclone rm base@1 --yes
  refused 5 '/mnt/v' tclone deactivate base@1
  expect_ok tclone rm more --yes
  expect_ok tclone rm web --yes
  refused 5 '/mnt/v' tclone rm base@1 --yes
  expect_ok tclone umount base@1
  expect_no_file /dev/mapper/tclone-p-base@1.view
  expect_no_file /dev/mapper/tclone-p-base@1
  # Unmounted by other means: it goes with the next chance.
  expect_ok tclone mount base@1 /mnt/v
  expect_ok umount /mnt/v
  expect_ok tclone rm base@1 --yes
}

case_a_basis_is_active_as_long_as_something_stands_on_it() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone publish db
  expect_no_file /dev/mapper/tclone-p-db@1
  expect_ok tclone clone db@1 a
  expect_file /dev/mapper/tclone-p-db@1
  expect_ok tclone clone db@1 b
  expect_ok tclone deactivate db
  expect_file /dev/mapper/tclone-p-db@1
  expect_file /dev/mapper/tclone-p-_1.pool
  expect_ok tclone deactivate a
  expect_file /dev/mapper/tclone-p-db@1
  expect_exit 5 tclone deactivate db@1
  expect_ok tclone deactivate b
  expect_no_file /dev/mapper/tclone-p-db@1
  expect_no_file /dev/mapper/tclone-p-_1.pool
  expect_no_file /dev/mapper/tclone-p-_1.crypt
  expect_ok tclone activate a
  expect_file /dev/mapper/tclone-p-db@1
  expect_ok tclone rm a --yes
  expect_no_file /dev/mapper/tclone-p-db@1
  expect_ok tclone activate db@1
  expect_file /dev/mapper/tclone-p-db@1
  expect_ok tclone activate b
  expect_ok tclone deactivate b
  expect_file /dev/mapper/tclone-p-db@1
  expect_ok tclone deactivate db@1
  expect_no_file /dev/mapper/tclone-p-db@1
  expect_ok tclone activate --all
  expect_file /dev/mapper/tclone-p-b
  expect_ok tclone deactivate --all
  expect_no_file /dev/mapper/tclone-p-_1.pool
  expect_no_file /dev/mapper/tclone-p-_2.pool
}

case_removing_gives_everything_back() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone publish db
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  expect_ok tclone clone web mirror
  expect_ok tclone rm db@2 --yes
  expect_ok tclone log db
  expect_no_text 'db@2'
  refused 4 'web' tclone rm db --yes
  refused 4 'mirror' tclone rm web --yes
  expect_ok tclone rm mirror --yes
  expect_ok tclone rm web --yes
  expect_ok tclone rm db --yes
  local keys=(/etc/tclone/keys/*)
  ((${#keys[@]} == 0)) || lost "keys are left: ${keys[*]}"
  local vaults=(/var/lib/tclone/p/vaults/*)
  ((${#vaults[@]} == 0)) || lost "vaults are left: ${vaults[*]}"
  local used
  read -r _ _ _ _ _ used _ < <(dmsetup status tclone-p-_pool)
  expect_equal 0 "${used%/*}" "the number of used blocks of the pool"
}

