# shellcheck shell=bash
# Commands kept in one variable are split into words on purpose.
# shellcheck disable=SC2086
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 2x1G --timeout 900
# needs: tclone
# long: a_device_that_was_renamed_by_hand_is_named_and_nothing_is_done_without_it a_state_area_with_no_files_left
# long: programs_that_are_known_to_be_wrong
# What tclone refuses: each with its exit code, a text that helps, nothing changed and nothing left over.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() {
  umount "$(readlink -f "$(command -v thin_check)")" 2>/dev/null  # the wrong one of a case below
  pool_away
}

state=/var/lib/tclone/p

case_bad_names_and_sizes() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  local name
  for name in Upper _x a/b 'a b' .a 'ä' "$(printf 'x%.0s' {1..64})"; do
    refused 2 "${name:0:5}" tclone create "$name" --size 16M
  done
  refused 2 '' tclone create '' --size 16M
  refused 2 '' tclone clone db@1 a@1
  refused 2 '' tclone rename db a@1
  refused 2 '' tclone tag db@1 7
  refused 2 '' tclone tag db@1 Bad
  refused 2 'latest' tclone tag db@1 latest
  refused 2 '' tclone publish db --tag 'a b'
  refused 2 '' tclone publish db -m $'two\nlines'
  refused 2 'twice' tclone publish db db
  local size
  for size in 0 1M -1 10X 1.5.5G 99999999999999999999G '' 17E; do
    refused 2 '' tclone create x --size "$size"
  done
  refused 2 'size' tclone create x
  refused 2 '' tclone create x --size 16M --fs btrfs
  refused 2 '' tclone frobnicate
  refused 2 '' tclone create x --size 16M --nonsense
  refused 2 '' tclone pool create a-b "${disk[1]}"
}

case_what_exists_and_what_does_not() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  refused 4 'exists already' tclone create db --size 16M
  refused 4 'exists already' tclone clone db@1 db
  refused 4 'exists already' tclone rename db db
  refused 4 'known here already' tclone pool create p "${disk[1]}"
  refused 3 'no volume' tclone clone no x
  refused 3 'no such version' tclone clone db@9 x
  refused 3 'no such tag' tclone clone db@stable x
  refused 3 'no volume' tclone publish db no
  refused 3 'no volume' tclone rm no --yes
  refused 3 'no such version' tclone rm db@9 --yes
  refused 3 'no volume' tclone resize no 32M
  refused 3 'no volume' tclone rename no x
  refused 3 'no volume' tclone activate no
  refused 3 'no volume' tclone mount no
  refused 3 'no volume' tclone path no
  refused 3 'no such version' tclone show db@9
  refused 3 'no such tag' tclone show db@x
  refused 3 'no volume' tclone log no
  refused 3 'no such tag' tclone revert db --to x
  refused 2 'not a clone' tclone refresh db
  refused 3 'not mounted' tclone umount db
  refused 3 '' tclone list -p other
  refused 3 '' tclone pool deactivate other
  refused 3 '' tclone pool destroy other --yes
  refused 2 'yes' tclone rm db
  refused 2 'yes' tclone pool destroy p
  refused 2 'not shrunk' tclone resize db 8M
  refused 3 '' tclone create x --from /no/such/image
  refused 3 '' tclone pool import /dev/nothing
  refused 3 'tclone pool' tclone pool import "${disk[1]}"
}

case_what_is_in_use_is_left_alone_and_the_user_is_named() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  mnt web
  local command
  for command in 'rm web --yes' 'revert web' 'refresh web' 'deactivate web' 'pool deactivate p' 'pool export p' \
    'pool destroy p --yes'; do
    refused 5 '/mnt/web' tclone $command
  done
  umnt web
  # shellcheck disable=SC2217  # it holds the device open
  sleep 600 </dev/mapper/tclone-p-web &
  local pid=$!
  for command in 'rm web --yes' 'revert web' 'refresh web' 'deactivate web' 'pool deactivate p' 'pool destroy p --yes'; do
    refused 5 "process $pid" tclone $command
  done
  kill "$pid"
  wait "$pid" 2>/dev/null
  # A shell that stands in the state area holds the pool.
  (cd "$state" && exec sleep 600) &
  pid=$!
  while [[ $(readlink "/proc/$pid/cwd") != "$state" ]]; do :; done
  for command in 'pool deactivate p' 'pool export p' 'pool destroy p --yes'; do
    refused 5 "$pid" tclone $command
  done
  kill "$pid"
  wait "$pid" 2>/dev/null
  expect_ok tclone mount db@1 /mnt/version
  refused 5 '/mnt/version' tclone deactivate db@1
  refused 5 '/mnt/version' tclone pool deactivate p
  expect_ok tclone umount db@1
}

# The name is gone, the uuid stays: a volume that is written to must be taken neither for inactive nor for another.
case_a_device_that_was_renamed_by_hand_is_named_and_nothing_is_done_without_it() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  expect_ok tclone publish web
  local command name
  expect_ok dmsetup rename tclone-p-web mine
  for command in 'publish web' 'publish db web' 'publish web --dry-run' 'revert web' 'refresh web' 'rm web --yes' 'rename web shop' \
    'resize web 64M' 'activate web' 'deactivate web' 'mount web /mnt/web' 'pool deactivate p' 'pool destroy p --yes'; do
    refused 8 'dmsetup rename mine tclone-p-web' tclone $command
  done
  run tclone doctor
  expect_equal 8 "$status" "doctor's status"
  expect_text 'dmsetup rename mine tclone-p-web'
  # What has nothing to do with it goes on.
  expect_ok tclone publish db
  expect_ok dmsetup rename mine tclone-p-web
  expect_ok tclone publish web
  expect_ok dmsetup rename tclone-p-db@1 mine
  for command in 'activate db@1' 'pool deactivate p'; do
    refused 8 'dmsetup rename mine tclone-p-db@1' tclone $command
  done
  expect_exit 8 tclone clone db@1 other
  expect_text 'dmsetup rename mine tclone-p-db@1'
  expect_ok dmsetup rename mine tclone-p-db@1
  for name in _pool _state _meta _data "_$(field vaults/web.toml outer).pool" "_$(field vaults/web.toml outer).crypt"; do
    expect_ok dmsetup rename "tclone-p-$name" mine
    run tclone doctor
    expect_equal 8 "$status" "doctor's status with $name renamed"
    expect_text "dmsetup rename mine tclone-p-$name"
    run tclone rm web --yes --dry-run
    expect_ok dmsetup rename mine "tclone-p-$name"
  done
  expect_ok dmsetup rename tclone-p-_pool mine
  for command in 'publish web' 'pool activate p' 'pool deactivate p'; do
    refused 8 'dmsetup rename mine tclone-p-_pool' tclone $command
  done
  expect_ok dmsetup rename mine tclone-p-_pool
  expect_ok tclone doctor
  # What somebody shows under a name of his own cannot be deleted, and the removal goes on when it is gone.
  expect_ok tclone deactivate web
  expect_ok dmsetup create mine --table "0 8192 thin /dev/mapper/tclone-p-_pool $(field vaults/web.toml outer)"
  expect_exit 5 tclone rm web --yes
  expect_text 'dmsetup remove mine'
  expect_ok dmsetup remove mine
  expect_ok tclone recover
}

# What goes through such a device waits in the kernel, where no signal ends it: said before anything does. A third of the
# commands for each layer, all of them for all with --torture.
# while_suspended LAYER COMMAND…
while_suspended() {
  local layer=tclone-p-$1 command before
  shift
  expect_ok dmsetup suspend "$layer"
  everything
  before=$lab_seen
  for command; do
    [[ ! ${LAB_TORTURE:-} ]] && ((nth++ % 3)) && continue
    expect_exit 5 timeout 60 tclone $command
    expect_text "dmsetup resume $layer"
  done
  everything
  [[ $before == "$lab_seen" ]] || { diff <(echo "$before") <(echo "$lab_seen"); lost "something changed while $layer was suspended"; }
}
case_a_layer_that_somebody_has_suspended_is_named_and_not_waited_for() {
  pool_up
  expect_ok tclone create db --size 32M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  local layer nth=0
  for layer in _pool _data _meta _state; do
    while_suspended $layer 'create x --size 16M' 'publish db' 'clone db@1 x' 'clone db@1 x --shared-key' 'revert web' 'rm web --yes' \
      'rename web shop' 'resize web 64M' 'deactivate web' 'mount web /mnt/web' 'tag db@1 good'
    run timeout 60 tclone recover --dry-run
    expect_text "resume device tclone-p-$layer"
    run timeout 60 tclone doctor
    expect_text "device tclone-p-$layer is suspended"
    expect_ok timeout 60 tclone recover
  done
  for layer in thin crypt meta data pool; do
    layer=_$(field vaults/web.toml outer).$layer
    while_suspended $layer 'publish web' 'publish db web' 'clone web x --shared-key' 'revert web' 'rm web --yes' 'resize web 64M' \
      'deactivate web' 'mount web /mnt/web' 'pool check p' 'rekey web'
    [[ $layer != *crypt ]] || expect_ok timeout 60 tclone publish db  # another vault's
    expect_ok timeout 60 tclone recover
  done
  expect_ok tclone publish db web
  expect_ok dmsetup suspend tclone-p-web
  expect_ok timeout 60 tclone mount web /mnt/web  # what is asked for is made usable
  expect_ok tclone umount web
  expect_ok dmsetup suspend "tclone-p-$layer"
  expect_ok timeout 60 tclone pool deactivate p  # what is to go away is resumed for it
  expect_ok tclone pool activate p --volumes
}

case_a_version_that_clones_stand_on() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  expect_ok tclone clone db@1 one
  expect_ok tclone clone db@1 two
  expect_ok tclone clone db@1 side --shared-key
  refused 4 'one, two' tclone rm db@1 --yes
  refused 4 'one, two' tclone rm db --yes
  # A version of a clone stands on the basis as well, and so does what shares its vault.
  expect_ok tclone publish one
  expect_ok tclone rm two --yes
  expect_ok tclone clone one@1 deep --shared-key
  refused 4 'one' tclone rm db@1 --yes
  expect_ok tclone rm deep --yes
  expect_ok tclone rm one --yes
  expect_ok tclone rm db@1 --yes
  expect_exit 3 tclone revert side
}

# vault_thin ID: the outer thin of a closed vault by hand, as /dev/mapper/by-hand.
vault_thin() { dmsetup create by-hand --table "0 65536 thin /dev/mapper/tclone-p-_pool $1"; }

case_keys_and_headers_that_are_not_right() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone create other --size 16M --fs none
  fill /dev/mapper/tclone-p-db x 4
  sync
  local sum uuid key
  sum=$(checksum /dev/mapper/tclone-p-db)
  expect_ok tclone deactivate --all
  uuid=$(field vaults/db.toml uuid)
  key=/etc/tclone/keys/$uuid.key
  # The key is gone.
  mv "$key" /tmp/key
  refused 7 "$uuid" tclone activate db
  expect_ok tclone activate other
  expect_ok tclone deactivate other
  # A wrong one.
  head -c 64 /dev/urandom >"$key"; chmod 600 "$key"
  refused 7 '' tclone activate db
  : >"$key"
  refused 7 '' tclone activate db
  cp /tmp/key "$key"; chmod 644 "$key"
  refused 7 '' tclone activate db
  chmod 600 "$key"
  # What it needs a key for fails, what it does not need one for works: removing a volume never needs one.
  # The header is damaged, then one that is not ours.
  expect_ok vault_thin 1
  expect_ok dd if=/dev/mapper/by-hand of=/tmp/header bs=1M count=2 status=none
  expect_ok dd if=/dev/zero of=/dev/mapper/by-hand bs=1M count=2 conv=fsync,notrunc status=none
  expect_ok dmsetup remove by-hand
  refused 8 '' tclone activate db
  expect_ok vault_thin 1
  expect_ok cryptsetup luksFormat -q --type luks2 --cipher cipher_null-ecb --sector-size 4096 --key-size 256 --pbkdf pbkdf2 \
    --pbkdf-force-iterations 1000 --offset 4096 --uuid "$(sed -n '/^\[header\]/,/^uuid/s/uuid = "\(.*\)"/\1/p' $state/vaults/db.toml)" --key-file "$key" /dev/mapper/by-hand
  expect_ok dmsetup remove by-hand
  refused 8 'null' tclone activate db
  expect_ok vault_thin 1
  expect_ok dd if=/tmp/header of=/dev/mapper/by-hand bs=1M conv=fsync,notrunc status=none
  expect_ok dmsetup remove by-hand
  expect_ok tclone activate db
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-db)" "the content once key and header are back"
  rm -f /tmp/key /tmp/header
}

case_a_removed_volume_needs_no_key() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone deactivate db
  rm -f /etc/tclone/keys/*
  expect_ok tclone rm db --yes
}

case_records_that_were_truncated_or_edited() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  expect_ok tclone create good --size 16M --fs none
  local file=$state/volumes/db.toml
  cp "$file" /tmp/record
  head -c 200 /tmp/record >"$file"
  refused 8 'volumes/db.toml' tclone show db
  refused 8 'volumes/db.toml' tclone publish db
  refused 8 'volumes/db.toml' tclone rm db --yes
  expect_ok tclone show good
  expect_ok tclone publish good
  expect_exit 8 tclone doctor
  expect_text 'volumes/db.toml'
  sed 's/^size = .*/size = "much"/' /tmp/record >"$file"
  refused 8 'db.toml:7: size' tclone show db
  sed 's/^thin = .*/thin = -4/' /tmp/record >"$file"
  refused 8 'db.toml.*thin' tclone activate db
  sed 's/^size = .*/size = 16777217/' /tmp/record >"$file"
  refused 8 'db.toml.*size' tclone clone db@1 x
  sed 's/^format = .*/format = 2/' /tmp/record >"$file"
  refused 8 'newer' tclone show db
  sed 's/^name = .*/name = "else"/' /tmp/record >"$file"
  refused 8 'db.toml.*name' tclone show db
  sed 's/^vault = .*/vault = "nowhere"/' /tmp/record >"$file"
  refused 8 'nowhere' tclone publish db
  printf 'surprise = 1\n' | cat /tmp/record - >"$file"
  run tclone show db
  ((status == 0 || status == 8)) || lost "exit status $status with an unknown field"
  : >"$file"
  refused 8 'volumes/db.toml' tclone show db
  cp /tmp/record "$file"
  expect_ok tclone show db
  # The pool's own record.
  cp $state/pool.toml /tmp/record
  sed 's/^format = .*/format = 3/' /tmp/record >$state/pool.toml
  refused 8 'newer' tclone list
  refused 8 'newer' tclone create x --size 16M
  sed 's/^transaction = .*/transaction = 99/' /tmp/record >$state/pool.toml
  refused 8 '99' tclone create x --size 16M
  : >$state/pool.toml
  refused 8 'pool.toml' tclone create x --size 16M
  cp /tmp/record $state/pool.toml
  # What the host remembers.
  cp /etc/tclone/pools/p.toml /tmp/record
  printf 'name = [' >/etc/tclone/pools/p.toml
  refused 8 'p.toml' tclone pool activate p
  cp /tmp/record /etc/tclone/pools/p.toml
  printf 'default_pool = 3\n' >/etc/tclone/tclone.toml
  refused 8 'tclone.toml.*1.*default_pool' tclone list
  rm /etc/tclone/tclone.toml /tmp/record
}

case_records_that_name_what_is_not_theirs() {
  pool_up
  expect_ok tclone create db --size 16M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  expect_ok tclone deactivate web db
  cp -a $state /tmp/records
  # edited WHAT FILE SED COMMAND…: refused, naming the file, and nothing is followed.
  edited() {
    local why=$1 file=$2 edit=$3
    shift 3
    sed -i "$edit" "$state/$file"
    refused 8 "$why" "$@"
    cp -a "/tmp/records/$file" "$state/$file"
  }
  edited 'volumes/web.toml.*thin = 77' volumes/web.toml 's/^thin = .*/thin = 77/' tclone activate web
  edited 'versions/db@1.toml.*thin 0' versions/db@1.toml 's/^thin = .*/thin = 0/' tclone activate web
  edited 'web.toml:.*reference' vaults/web.toml 's/^kind = .*/kind = "exec"/' tclone activate web
  # db is opened for web to stand on: its layers are not taken for web's.
  edited 'vaults/web.toml.*outer = 1' vaults/web.toml "s/^outer = .*/outer = $(field vaults/db.toml outer)/" tclone activate web
  gone() {
    local file=$1
    shift
    rm "$state/$file"
    refused 8 "$file.*no such record" "$@"
    cp -a "/tmp/records/$file" "$state/$file"
  }
  gone versions/db@1.toml tclone activate web
  gone versions/db@1.toml tclone log db
  gone versions/db@1.toml tclone show db@1
  gone versions/db@1.toml tclone rm db --yes
  gone vaults/web.toml tclone list
  gone vaults/web.toml tclone status
  # A volume that comes from itself still shows.
  local of
  of="origin = { version = \"db@1\", uuid = \"$(field versions/db@1.toml uuid)\" }"
  sed -i "/^own_key/i $of" $state/volumes/db.toml
  expect_ok tclone tree
  expect_text 'web'
  cp -a /tmp/records/volumes/db.toml $state/volumes/db.toml
  expect_ok tclone activate web
  rm -r /tmp/records
}

case_files_have_their_modes_whatever_the_umask() {
  pool_up
  expect_ok bash -c 'umask 777; tclone create db --size 16M'
  expect_equal 600 "$(stat -c %a /etc/tclone/keys/"$(field vaults/db.toml uuid)".key)" "the mode of the key file"
  expect_ok bash -c 'umask 777; tclone mount db'
  expect_equal 755 "$(stat -c %a /run/tclone/p/mnt)" "the mode of the folder of mount points"
  # Spellings of one folder are one folder.
  expect_ok tclone mount db /run/tclone/p/mnt/db/
  ln -s /run/tclone/p/mnt/db /tmp/link
  expect_ok tclone mount db /tmp/link
  expect_ok tclone umount /tmp/link
  rm /tmp/link
  refused 1 'standard output' bash -c 'tclone list >/dev/full'
}

case_who_is_not_root() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  local nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
  refused 7 'root' $nobody tclone create x --size 16M
  refused 7 'root' $nobody tclone list
  refused 7 'root' $nobody tclone pool deactivate p
  refused 7 'CAP_SYS_ADMIN' setpriv --bounding-set -sys_admin --inh-caps -sys_admin tclone list
  expect_ok $nobody tclone version
  expect_ok $nobody tclone create --help
}

case_a_full_state_area() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  dd if=/dev/zero of=$state/filler bs=64K status=none 2>/dev/null
  dd if=/dev/zero of=$state/filler2 bs=1K status=none 2>/dev/null
  refused 6 'state area' tclone create x --size 16M
  refused 6 '' tclone publish db
  refused 6 '' tclone clone db x
  expect_exit 8 tclone doctor
  expect_text 'state area at .* is full'
  run tclone tag db@1 x
  expect_ok tclone list
  expect_ok tclone deactivate db
  expect_ok tclone activate db
  run tclone rm db --yes
  ((status == 0 || status == 6)) || { lab_show; lost "exit status $status of rm in a full state area"; }
  local removed=$status
  rm $state/filler $state/filler2
  ((removed == 0)) || expect_ok tclone rm db --yes
  expect_ok tclone create x --size 16M --fs none
}

# 32,768 records of less than a KiB are fewer bytes than the state area has.
case_a_state_area_with_no_files_left() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  mkdir $state/filler
  # A fifo is one call, and a file of the shell's six.
  perl -MPOSIX -e 'for (1 .. 40000) { mkfifo("$ARGV[0]/$_", 0600) or exit }; exit 1' $state/filler || lost "40,000 files fit"
  refused 6 'state area' tclone publish db
  refused 6 'state area' tclone rename db x
  expect_exit 8 tclone doctor
  expect_text 'state area at .* is full'
  # Not enough for what makes something; enough to remove.
  rm $state/filler/{1..100}
  refused 6 'state area' tclone publish db
  expect_ok tclone rm db --yes
  rm -r $state/filler
}

# After the commit point the records must fit: where they do not, nothing may begin.
case_records_that_would_not_fit_are_not_begun() {
  local n=0
  pool_up
  expect_ok tclone create db --size 16M --fs none
  for ((n = 0; n < 40; n++)); do expect_ok tclone publish db; done
  dd if=/dev/zero of=$state/filler bs=64K status=none 2>/dev/null
  # The journal of the renaming would fit in there, and not the forty records that it holds.
  truncate -s -65536 $state/filler
  refused 6 'state area' tclone rename db x
  rm $state/filler
  expect_ok tclone rename db x
}

case_marks_and_records_that_are_no_files_hold_nobody_up() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  mkfifo /run/tclone/p.working
  expect_ok timeout 20 tclone publish db
  mkfifo /run/tclone/p.working /run/tclone/q.creating
  expect_ok timeout 20 tclone recover
  expect_ok timeout 20 tclone pool create q "${disk[1]}" --force
  expect_ok tclone pool destroy q --yes
  mkdir -p /run/tclone/p.pinned
  mkfifo /run/tclone/p.pinned/db@1
  expect_ok timeout 20 tclone activate db@1
  expect_ok tclone deactivate db@1
  mv $state/volumes/db.toml /tmp/db.toml
  mknod $state/volumes/db.toml c 1 5
  expect_exit 8 tclone doctor
  expect_text 'volumes/db.toml: is no regular file'
  rm $state/volumes/db.toml
  mv /tmp/db.toml $state/volumes/db.toml
  expect_ok tclone publish db
}

case_a_pool_that_cannot_be_remembered_is_not_made() {
  pool_up
  mkdir -p /tmp/pools
  cp -a /etc/tclone/pools/. /tmp/pools/
  mount -t tmpfs -o nr_inodes=4 tight /etc/tclone/pools
  cp -a /tmp/pools/. /etc/tclone/pools/
  : >/etc/tclone/pools/filler
  : >/etc/tclone/pools/filler2
  expect_exit 6 tclone pool create q "${disk[1]}" --force
  expect_text /etc/tclone/pools/q.toml
  rm /etc/tclone/pools/filler /etc/tclone/pools/filler2
  # Without --force: nothing is left on the device that looks like a pool.
  expect_ok tclone pool create q "${disk[1]}"
  expect_ok tclone pool destroy q --yes
  mount -o remount,ro /etc/tclone/pools
  expect_exit 1 tclone pool export p
  expect_text '/etc/tclone/pools/p.toml: cannot be removed'
  umount /etc/tclone/pools
  expect_ok tclone pool activate p
}

case_programs_that_are_known_to_be_wrong() {
  local program
  program=$(readlink -f "$(command -v thin_check)")
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone pool check p
  printf '#!/bin/sh\necho "thin_check 1.0.3"\n' >/tmp/thin_check
  chmod +x /tmp/thin_check
  mount --bind /tmp/thin_check "$program" || lost "no other thin_check"
  refused 9 '1\.0\.3.*known to be wrong' tclone pool check p
  expect_text 'install 1\.0\.6'
  expect_ok tclone publish db
  expect_ok tclone deactivate db
  # Before anybody is asked.
  refused 9 'known to be wrong' tclone rekey db --unlock 'exec:touch /tmp/asked'
  expect_no_file /tmp/asked
  umount "$program"
  expect_ok tclone pool check p
}

case_a_second_command_waits_and_then_names_the_first() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  TCLONE_FAULT='step#2=cut' TCLONE_FAULT_CUT=/tmp/cut tclone create x --size 16M &
  local pid=$!
  while [[ ! -e /tmp/cut ]]; do sleep 0.05; done
  expect_exit 5 tclone publish db --lock-timeout 1
  expect_text "$pid"
  expect_text 'tclone create'
  expect_ok tclone list
  expect_no_text 'x '
  expect_ok tclone status
  expect_text 'create x'
  expect_exit 5 tclone pool deactivate p --lock-timeout 0
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null
  rm /tmp/cut
  expect_ok tclone recover
  expect_ok tclone recover
  expect_ok tclone publish db
  expect_ok tclone create x --size 16M --fs none
}

case_devices_that_are_not_free() {
  local d=${disk[1]}
  expect_ok mkfs.ext4 -q -F "$d" 100M
  expect_exit 4 tclone pool create p "$d"
  expect_text ext4
  expect_no_file /etc/tclone/pools/p.toml
  mkdir -p /mnt/d
  expect_ok mount "$d" /mnt/d
  expect_exit 5 tclone pool create p "$d"
  expect_text /mnt/d
  expect_exit 5 tclone pool create p "$d" --force
  expect_text /mnt/d
  expect_ok umount /mnt/d
  expect_ok e2fsck -fn "$d"
  expect_ok dmsetup create small --table "0 16384 linear $d 0"
  expect_exit 2 tclone pool create p /dev/mapper/small --force
  expect_ok e2fsck -fn "$d"
  expect_exit 5 tclone pool create p "$d" --force
  expect_text small
  expect_ok dmsetup remove small
  expect_ok dmsetup create ro --readonly --table "0 1048576 linear $d 0"
  expect_exit 2 tclone pool create p /dev/mapper/ro --force
  expect_text 'read-only'
  expect_ok dmsetup remove ro
  expect_ok tclone pool create p "$d" --force
  # A pool is a known signature, too, active or not.
  expect_exit 5 tclone pool create q "$d" --force
  expect_ok tclone pool deactivate p
  expect_exit 4 tclone pool create q "$d"
  expect_exit 2 tclone pool create q "${disk[0]}" "${disk[0]}"
  expect_text twice
  expect_exit 3 tclone pool create q relative
  expect_exit 3 tclone pool create q /dev/nothing
  expect_exit 2 tclone pool create q /etc "${disk[0]}"
  expect_exit 2 tclone pool create q /dev/null
  expect_no_file /etc/tclone/pools/q.toml
  expect_ok tclone pool activate p
}

