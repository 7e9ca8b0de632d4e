# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 3x1G --var 5G --timeout 600
# needs: tclone
# long: labels_are_mended_or_refused a_pool_that_moved_or_was_swapped
# long: an_image_whose_blocks_are_smaller_than_the_sectors_is_told_of
# long: a_folder_of_settings_that_cannot_be_written_is_named every_volume_that_cannot_be_activated_is_told_of
# Pools: on one device, on several, in a file; labels, owners, import and export; images copied in.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { pool_away; rm -f /var/lib/tclone/*.pool; }

suite_setup() { [[ -e /etc/machine-id ]] || echo 0123456789abcdef0123456789abcdef >/etc/machine-id; }

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }
scribble() { fill "$(dev "$1")" "$2" "$3" && sync; }

case_a_pool_in_the_default_file() {
  # No argument at all: 80 % of the free space, sparse, called default.
  tc_pool=default
  expect_ok tclone pool create
  expect_file /var/lib/tclone/default.pool
  expect_ok tclone create db --size 16M
  local used
  used=$(stat -c %b /var/lib/tclone/default.pool)
  ((used < 100 * 2048)) || lost "the file of a new pool takes $used sectors"
  expect_ok tclone status
  expect_text '/var/lib/tclone/default.pool'
  expect_ok tclone pool deactivate
  expect_ok losetup -a
  expect_equal '' "$out" "the loop devices of a pool that is down"
  expect_ok tclone pool activate
  expect_ok tclone activate db
  fsck_ok db
  records_agree
  expect_ok tclone pool destroy default --yes
  expect_no_file /var/lib/tclone/default.pool
}

case_a_pool_in_a_file_of_a_given_size() {
  refused_file() { refused 2 "$1" tclone pool create p --file "$2" --size "$3"; }
  refused_file '' /var/lib/tclone/x.pool 8M
  expect_no_file /var/lib/tclone/x.pool
  refused 3 '' tclone pool create p --file /no/such/folder/x.pool --size 1G
  refused 2 '' tclone pool create p "${disk[0]}" --size 1G
  expect_ok tclone pool create p --file /var/lib/tclone/x.pool --size 600M
  expect_equal 629145600 "$(stat -c %s /var/lib/tclone/x.pool)" "the size of the file"
  refused 4 '' tclone pool create q --file /var/lib/tclone/x.pool --size 1G
  expect_ok tclone create db --size 16M
  fsck_ok db
}

case_a_pool_on_several_devices() {
  expect_ok tclone pool create p "${disk[0]}" "${disk[1]}" "${disk[2]}" --force
  expect_ok tclone status
  expect_text 'of 2\.[5-9]G'
  expect_ok tclone create db --size 1536M --fs none
  # More than one device holds, so that data lies on two.
  dd if=/dev/urandom of="$(dev db)" bs=1M count=8 seek=0 conv=fsync,notrunc status=none
  dd if="$(dev db)" of="$(dev db)" bs=1M count=8 seek=1400 conv=fsync,notrunc status=none
  local sum
  sum=$(head -c 8M "$(dev db)" | sha256sum)
  expect_ok tclone pool export p
  expect_no_file /etc/tclone/pools/p.toml
  refused 2 'not named' tclone pool import "${disk[0]}" "${disk[2]}"
  refused 2 '' tclone pool import "${disk[0]}" "${disk[0]}" "${disk[1]}" "${disk[2]}"
  # In any order.
  expect_ok tclone pool import "${disk[2]}" "${disk[0]}" "${disk[1]}"
  expect_ok tclone activate db
  expect_equal "$sum" "$(head -c 8M "$(dev db)" | sha256sum)" "the content after an import"
  # One device is missing at activation.
  expect_ok tclone pool deactivate p
  expect_ok dd if=/dev/zero of="${disk[1]}" bs=4096 count=256 conv=fsync,notrunc status=none
  expect_exit 3 tclone pool activate p
  expect_text "${disk[1]}"
  # Its label can be had from nowhere else; take what is left away by hand.
  rm /etc/tclone/pools/p.toml /etc/tclone/keys/*
}

case_labels_are_mended_or_refused() {
  pool_up
  expect_ok tclone create db --size 16M
  expect_ok tclone pool deactivate p
  expect_ok dd if=/dev/urandom of="${disk[0]}" bs=4096 count=1 conv=fsync,notrunc status=none
  expect_ok tclone pool activate p
  expect_text 'mended'
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p
  expect_no_text 'mended'
  expect_ok tclone pool deactivate p
  expect_ok dd if=/dev/urandom of="${disk[0]}" bs=4096 count=1 seek=128 conv=fsync,notrunc status=none
  expect_ok tclone pool activate p
  expect_text 'mended'
  expect_ok tclone activate db
  fsck_ok db
  expect_ok tclone pool deactivate p
  expect_ok dd if="${disk[0]}" of=/tmp/label bs=1M count=1 status=none
  # Both: one byte of each, so that the magic is still there.
  printf X | dd of="${disk[0]}" bs=1 seek=100 conv=fsync,notrunc status=none
  printf X | dd of="${disk[0]}" bs=1 seek=524388 conv=fsync,notrunc status=none
  refused 8 "${disk[0]}" tclone pool activate p
  refused 8 "${disk[0]}" tclone pool import "${disk[0]}"
  expect_ok dd if=/dev/zero of="${disk[0]}" bs=1M count=1 conv=fsync,notrunc status=none
  refused 8 "${disk[0]}.*both copies of its label" tclone pool activate p
  refused 3 "${disk[0]}" tclone pool import "${disk[0]}"
  expect_ok tclone pool export p
  expect_no_file /etc/tclone/pools/p.toml
  expect_ok dd if=/tmp/label of="${disk[0]}" bs=1M conv=fsync,notrunc status=none
  expect_ok tclone pool import "${disk[0]}"
  rm /tmp/label
}

case_another_host_has_it() {
  pool_up
  local mine
  mine=$(</etc/machine-id)
  expect_ok tclone create db --size 16M --fs none
  scribble db x 4
  local sum
  sum=$(checksum "$(dev db)")
  # Cut off from one host without being deactivated there: devices gone, the label still says that it is active.
  expect_ok dd if="${disk[0]}" of=/tmp/label bs=1M count=1 status=none
  expect_ok tclone pool deactivate p
  expect_ok dd if=/tmp/label of="${disk[0]}" bs=1M conv=fsync,notrunc status=none
  echo fedcba9876543210fedcba9876543210 >/etc/machine-id
  mv /etc/tclone/pools/p.toml /tmp/p.toml
  # The other host may be writing labels: not even a bad copy is mended from here.
  local bad=/tmp/label.bad
  expect_ok dd if=/dev/urandom of="$bad" bs=4096 count=1 status=none
  expect_ok dd if="$bad" of="${disk[0]}" bs=4096 seek=128 conv=fsync,notrunc status=none
  refused 5 "$mine" tclone pool import "${disk[0]}"
  cmp -s -n 4096 -i 0:524288 "$bad" "${disk[0]}" || lost "the label of a pool that another host has was written"
  expect_ok dd if=/tmp/label of="${disk[0]}" bs=1M conv=fsync,notrunc status=none
  rm "$bad"
  expect_ok tclone pool import "${disk[0]}" --takeover
  expect_ok tclone activate db
  expect_equal "$sum" "$(checksum "$(dev db)")" "the content after the takeover"
  expect_ok tclone pool deactivate p
  # Given up, the first one may have it again.
  echo "$mine" >/etc/machine-id
  mv /tmp/p.toml /etc/tclone/pools/p.toml
  expect_ok tclone pool activate p
  expect_ok tclone pool deactivate p
  echo fedcba9876543210fedcba9876543210 >/etc/machine-id
  expect_ok tclone pool activate p
  echo "$mine" >/etc/machine-id
  rm /tmp/label
}

case_a_machine_that_never_saw_it() {
  pool_up
  expect_ok tclone create db --size 16M --fs none
  scribble db x 4
  local sum
  sum=$(checksum "$(dev db)")
  expect_ok tclone publish db -m note --tag stable
  expect_ok tclone clone db@1 web
  expect_ok tclone pool deactivate p
  mkdir /tmp/tclone.etc
  cp -a /etc/tclone/. /tmp/tclone.etc
  rm -rf /etc/tclone/*
  rm -rf /run/tclone
  expect_ok tclone pool import "${disk[0]}" --name q
  tc_pool=q
  expect_ok tclone log db
  expect_text 'db@1.*stable.*note'
  # Names, lineage and history are in the pool, the keys are not.
  refused 7 '' tclone activate db
  mkdir -p /etc/tclone/keys
  cp -a /tmp/tclone.etc/keys/. /etc/tclone/keys/
  expect_ok tclone activate db web
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-q-db)" "the content on the new machine"
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-q-web)" "the clone on the new machine"
  expect_ok tclone publish db
  rm -rf /tmp/tclone.etc
  records_agree
  expect_ok tclone pool destroy q --yes
}

case_a_pool_is_known_by_one_name_and_at_one_place() {
  local folder=/var/lib/tclone
  expect_ok tclone pool create p --file $folder/a.pool --size 600M
  expect_ok tclone create db --size 16M
  refused 4 'known here as p' tclone pool import $folder/a.pool --name q
  expect_ok tclone pool import $folder/a.pool
  grep -q 'made_file = true' /etc/tclone/pools/p.toml || lost "the file is no longer tclone's own"
  refused 2 'no volume' tclone umount $folder/p
  refused 5 'itself' tclone create self --from $folder/a.pool
  expect_ok tclone pool deactivate p
  cp --sparse=always $folder/a.pool $folder/copy.pool
  refused 4 'a copy of the other' tclone pool import $folder/copy.pool
  refused 4 'known here as p' tclone pool import $folder/copy.pool --name q
  expect_ok tclone pool activate p
  refused 4 'a copy of the other' tclone pool import $folder/copy.pool
  # The same file by other names is no copy.
  ln -s $folder/a.pool /tmp/link.pool
  expect_ok tclone pool import /tmp/link.pool
  mv $folder/a.pool $folder/b.pool
  expect_ok tclone pool import $folder/b.pool
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p
  expect_ok tclone pool export p
  expect_ok tclone pool import $folder/copy.pool
  expect_ok tclone activate db
  rm /tmp/link.pool
}

case_a_dry_run_tells_the_steps_and_refuses_what_would_fail() {
  refused 2 'too small' tclone pool create p --size 1M --dry-run
  refused 3 '/no' tclone pool create p --file /no/p.pool --size 1G --dry-run
  expect_ok tclone pool create p --file /var/lib/tclone/a.pool --size 600M
  expect_ok tclone create db --size 16M
  refused 3 'nothing' tclone activate nothing --dry-run
  refused 3 'db@4' tclone deactivate db db@4 --dry-run
  local command
  for command in 'mount db' 'deactivate db' 'pool deactivate' 'pool export' 'pool destroy p --yes' 'pool activate --volumes'; do
    # shellcheck disable=SC2086  # one word each
    expect_ok tclone $command --dry-run
    expect_text '^ *1  '
    expect_file /dev/mapper/tclone-p-db
  done
  expect_ok tclone mount db
  for command in 'deactivate db' 'deactivate --all' 'pool deactivate' 'pool export' 'pool destroy p --yes'; do
    # shellcheck disable=SC2086  # one word each
    refused 5 'mounted at' tclone $command --dry-run
  done
  expect_ok tclone umount db
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  refused 5 'active clones stand on it' tclone deactivate db@1 --dry-run
  refused 5 'active clones stand on it' tclone deactivate db@1
  refused 4 'it is part of the pool already' tclone pool grow --add /var/lib/tclone/a.pool --dry-run
  expect_ok mkfs.ext4 -q -F "${disk[2]}" 100M
  refused 4 'ext4' tclone pool grow --add "${disk[2]}" --dry-run
  expect_ok tclone pool grow --add "${disk[2]}" --force --dry-run
}

case_a_pool_that_moved_or_was_swapped() {
  expect_ok tclone pool create p --file /var/lib/tclone/a.pool --size 600M
  expect_ok tclone create db --size 16M
  expect_ok tclone pool deactivate p
  mv /var/lib/tclone/a.pool /var/lib/tclone/b.pool
  refused 3 'a.pool' tclone pool activate p
  expect_ok tclone pool create q --file /var/lib/tclone/a.pool --size 600M
  expect_ok tclone pool deactivate q
  refused 8 'another pool' tclone pool activate p
  refused 4 '' tclone pool import /var/lib/tclone/b.pool --name q
  expect_ok tclone pool import /var/lib/tclone/b.pool
  expect_ok tclone activate db -p p
  expect_exit 2 tclone list
  expect_text 'p q'
  expect_ok tclone pool destroy q --yes
  expect_ok tclone list
}

case_images_are_copied_and_stay_sparse() {
  pool_up
  truncate -s 64M /tmp/image
  expect_ok mkfs.ext4 -q -F -b 4096 -E nodiscard /tmp/image
  mkdir -p /mnt/i
  expect_ok mount -o loop /tmp/image /mnt/i
  fill /mnt/i/data x 6
  expect_ok umount /mnt/i
  expect_ok tclone create a --from /tmp/image
  expect_equal "$(checksum /tmp/image)" "$(checksum "$(dev a)")" "the copy of an image file"
  expect_ok tclone show a
  expect_text ext4
  local mapped
  read -r _ _ _ mapped _ < <(dmsetup status tclone-p-a)
  ((mapped < 20 * 2048)) || lost "the copy of a sparse image file takes $mapped sectors"
  # A block device: its zeros are not written down.
  expect_ok losetup /dev/loop7 /tmp/image
  expect_ok tclone create b --from /dev/loop7 --size 96M
  expect_equal "$(checksum /tmp/image)" "$(checksum "$(dev b)" 67108864)" "the copy of a block device"
  read -r _ _ _ mapped _ < <(dmsetup status tclone-p-b)
  ((mapped < 20 * 2048)) || lost "the copy of a block device full of zeros takes $mapped sectors"
  expect_ok mount /dev/loop7 /mnt/i
  refused 5 '/mnt/i' tclone create c --from /dev/loop7
  expect_ok umount /mnt/i
  expect_ok losetup -d /dev/loop7
  refused 2 'more than the size' tclone create c --from /tmp/image --size 32M
  : >/tmp/empty
  refused 2 'empty' tclone create c --from /tmp/empty
  truncate -s 16M $'/tmp/image\xff'
  refused 2 "image's path must be valid UTF-8" tclone create c --from $'/tmp/image\xff'
  refused 2 '' tclone create c --from /tmp
  printf 'seven b' >/tmp/odd
  expect_ok tclone create odd --from /tmp/odd
  expect_equal 'seven b' "$(head -c 7 "$(dev odd)")" "the content of an odd image"
  fsck_ok a
  rm /tmp/image /tmp/empty /tmp/odd
}

case_an_image_whose_blocks_are_smaller_than_the_sectors_is_told_of() {
  expect_ok tclone pool create p --file /var/lib/tclone/a.pool --size 600M
  truncate -s 32M /tmp/small.img
  mkfs.ext4 -q -F -b 1024 /tmp/small.img
  expect_ok tclone create small --from /tmp/small.img
  [[ $err == *'blocks of 1K'*'--sector-size 512'* ]] || lost "no warning: $err"
  cmp /tmp/small.img "$(dev small)" || lost "the image was not copied whole"
  refused 1 'blocks of 1K.*sectors of 4K.*--sector-size 512' tclone mount small /tmp/small
  rm /tmp/small.img
}

case_sectors_of_512_bytes() {
  pool_up --sector-size 512
  truncate -s 64M /tmp/image
  expect_ok mkfs.ext4 -q -F -b 1024 /tmp/image
  expect_ok tclone create a --from /tmp/image
  expect_ok blockdev --getss "$(dev a)"
  expect_equal 512 "$out" "the sector size"
  fsck_ok a
  mnt a; echo text >/mnt/a/f; umnt a
  expect_ok tclone publish a
  expect_ok tclone clone a@1 b
  mnt b
  expect_equal text "$(</mnt/b/f)" "the file in the clone"
  umnt b
  fsck_ok b
  expect_ok tclone create x --size 320M --fs xfs
  fsck_ok x xfs
  refused 2 '' tclone pool create q "${disk[1]}" --sector-size 1024
  rm /tmp/image
}

case_a_file_that_somebody_has_behind_a_loop_device_is_left_alone() {
  local file=/var/lib/tclone/a.pool loop
  expect_ok tclone pool create p --file $file --size 600M
  expect_ok tclone create db --size 16M
  expect_ok tclone pool deactivate p
  # As tclone(7) says how to open a vault by hand: the state area is mounted, the metadata are in use.
  loop=$(losetup --find --show $file)
  expect_ok dmsetup create byhand --readonly --table "0 131072 linear $loop 2048"
  local command
  for command in 'pool activate p' 'pool check p' 'pool repair p' 'pool destroy p --yes' \
    "pool create q --file $file --force" "pool import $file"; do
    # shellcheck disable=SC2086  # one word each
    refused 5 'byhand' tclone $command
  done
  expect_ok dmsetup remove byhand
  expect_ok losetup -d "$loop"
  expect_ok tclone pool activate p --volumes
  fsck_ok db

  # Also where a piece of the file is shown, and where that is read-only.
  truncate -s 200M /var/lib/tclone/image
  loop=$(losetup --find --show --offset 1M /var/lib/tclone/image)
  expect_ok mkfs.ext4 -q "$loop"
  mkdir -p /mnt/d
  expect_ok mount -o ro "$loop" /mnt/d
  refused 5 '/mnt/d' tclone create x --from /var/lib/tclone/image
  refused 5 '/mnt/d' tclone pool create q --file /var/lib/tclone/image --force
  expect_ok umount /mnt/d
  expect_ok e2fsck -fn "$loop"
  # A loop device that nobody uses is no obstacle.
  expect_ok tclone create x --from /var/lib/tclone/image
  expect_ok losetup -d "$loop"
  rm /var/lib/tclone/image
}

case_every_volume_that_cannot_be_activated_is_told_of() {
  pool_up
  local name
  for name in a b c; do expect_ok tclone create $name --size 16M --fs none; done
  expect_ok tclone pool deactivate p
  mkdir -p /tmp/keys && mv /etc/tclone/keys/* /tmp/keys/
  expect_ok tclone pool activate p --volumes
  for name in a b c; do expect_text "key file of vault $name"; done
  expect_exit 7 tclone activate --all
  for name in a b c; do expect_text "key file of vault $name"; done
  expect_ok tclone pool activate p --volumes --json
  expect_equal 3 "$(jq '.warnings | length' <<<"$out")" "warnings"
  mv /tmp/keys/* /etc/tclone/keys/
  expect_ok tclone activate --all
}

case_a_folder_of_settings_that_cannot_be_written_is_named() {
  pool_up
  mount --bind /etc/tclone /etc/tclone && mount -o remount,bind,ro /etc/tclone || lost "cannot make it read-only"
  expect_exit 1 tclone pool export p
  expect_text '/etc/tclone/pools/p.toml: '
  [[ $err != *'state area'* ]] || lost "it names the state area: $err"
  expect_ok umount /etc/tclone
  expect_ok tclone pool activate p
}

case_a_volume_with_a_journal_to_replay_is_mounted_read_only_with_what_it_holds() {
  pool_up
  truncate -s 64M /var/lib/tclone/fs.img
  expect_ok mkfs.ext4 -q -b 4096 /var/lib/tclone/fs.img
  mkdir -p /mnt/d
  expect_ok mount -o loop /var/lib/tclone/fs.img /mnt/d
  echo synced >/mnt/d/file && sync /mnt/d/file
  # As after a power cut: the file is in the journal only.
  cp --sparse=always /var/lib/tclone/fs.img /var/lib/tclone/cut.img
  expect_ok umount /mnt/d
  expect_ok dumpe2fs -h /var/lib/tclone/cut.img
  expect_text needs_recovery
  expect_ok tclone create db --from /var/lib/tclone/cut.img
  expect_ok tclone mount db /mnt/d --read-only
  expect_equal synced "$(cat /mnt/d/file)" "the file that was synced"
  expect_ok tclone umount db
  rm /var/lib/tclone/*.img
}

case_what_cannot_be_mounted_or_unmounted_says_what_to_do() {
  pool_up
  expect_ok tclone create raw --size 16M --fs none
  expect_exit 1 tclone mount raw
  expect_text 'no filesystem'
  expect_text "mkfs.ext4 $(dev raw)"
  expect_ok mkfs.ext4 -q "$(dev raw)"
  cd /tmp && mkdir -p here || lost "no folder"
  expect_ok tclone mount raw here
  expect_exit 4 tclone mount raw here --read-only
  expect_text 'can be written to'
  expect_ok tclone mount raw here
  expect_exit 3 tclone umount here
  expect_text './here'
  expect_ok tclone umount ./here
  expect_ok tclone mount raw here --read-only
  expect_ok tclone mount raw here --read-only
  expect_exit 4 tclone mount raw here
  expect_text 'mounted there already, read-only'
  expect_ok tclone umount ./here
}

case_a_full_filesystem_below_a_sparse_file_costs_only_what_did_not_fit() {
  mkdir -p /mnt/d
  expect_ok mkfs.ext4 -q -F "${disk[2]}" 700M
  expect_ok mount "${disk[2]}" /mnt/d
  expect_ok tclone pool create p --file /mnt/d/p.pool --size 500M
  expect_ok tclone create db --size 200M --fs none
  fill "$(dev db)" 1 8 && sync
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  dd if=/dev/zero of=/mnt/d/filler bs=1M status=none 2>/dev/null
  sync
  dd if=/dev/urandom of="$(dev db)" bs=1M seek=100 count=60 conv=fsync,notrunc status=none 2>/dev/null &&
    lost "what cannot be stored is taken"
  dd if=/dev/urandom of="$(dev web)" bs=1M seek=100 count=60 conv=fsync,notrunc status=none 2>/dev/null
  refused 6 'make room in the filesystem of /mnt/d/p.pool' tclone create x --size 16M
  expect_ok tclone doctor
  expect_text 'filesystem of /mnt/d/p.pool'
  expect_ok tclone tag db@1 full
  rm /mnt/d/filler
  # Nothing asks for a check or a repair.
  dd if=/dev/urandom of="$(dev db)" bs=1M seek=100 count=60 conv=fsync,notrunc status=none || lost "no writes afterwards"
  dd if=/dev/urandom of="$(dev web)" bs=1M seek=100 count=60 conv=fsync,notrunc status=none || lost "no writes afterwards"
  expect_ok tclone create x --size 16M
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p --volumes
  expect_ok tclone doctor
  expect_text 'nothing is wrong'
  expect_ok tclone pool check
  expect_ok tclone pool destroy p --yes
  expect_ok umount /mnt/d
}
