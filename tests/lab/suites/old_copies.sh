# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x256M --var 3G --timeout 600
# needs: tclone
# Part of a pool comes back from an older copy: its state area, its metadata, its label, the host's keys. What no longer fits
# together is refused with both numbers and the way out, and nothing is changed or deleted on a guess.
source "$LAB_SOURCE/tests/lab/tclone.sh"

file=/var/lib/tclone/p.pool
old=/var/lib/tclone/old.pool
now=/var/lib/tclone/now.pool
keys=/var/lib/tclone/keys

case_teardown() {
  local name
  rm -f /var/lib/tclone/*.pool.sum
  [[ -e $now ]] && ! tclone pool status p >/dev/null 2>&1 && { tclone pool deactivate p >/dev/null 2>&1; cp --sparse=always "$now" "$file"; }
  tclone pool activate p >/dev/null 2>&1
  tclone pool destroy p --yes >/dev/null 2>&1
  for name in /etc/tclone/keys/*; do rm -f "$name"; done
  rm -rf "$file" "$old" "$now" "$keys" "$keys.now" /etc/tclone/pools/p.toml
}

# Where an area of the pool lies, in MiB: area LAYER sets at and length.
area() {
  local sectors start
  read -r _ sectors _ _ start < <(dmsetup table "tclone-p-_$1")
  at=$((start / 2048)) length=$((sectors / 2048))
}

# A pool of which $old is a copy, with the keys of then; then more happened, and $now is a copy of that.
two_times() {
  expect_ok tclone pool create p --file "$file" --size 400M
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone create going --size 16M --fs none
  expect_ok tclone publish db
  area state; state_at=$at state_length=$length
  area meta; meta_at=$at meta_length=$length
  expect_ok tclone pool deactivate p
  cp --sparse=always "$file" "$old"
  cp -a /etc/tclone/keys "$keys"
  expect_ok tclone pool activate p
  old_id=$(field pool.toml transaction)
  expect_ok tclone clone db@1 web
  expect_ok tclone publish db
  expect_ok tclone rm going --yes
  now_id=$(field pool.toml transaction)
  expect_ok tclone pool deactivate p
  cp --sparse=always "$file" "$now"
  cp -a /etc/tclone/keys "$keys.now"
}

# part FROM AT LENGTH: that stretch of the pool, in MiB, comes back from another copy.
part() { expect_ok dd if="$1" of="$file" bs=1M skip="$2" seek="$2" count="$3" conv=notrunc,fsync status=none; }

# records_of FILE: the records in a copy of the pool, as text.
records_of() {
  mkdir -p /mnt/state
  expect_ok mount -o "ro,noload,loop,offset=$((state_at << 20)),sizelimit=$((state_length << 20))" "$1" /mnt/state
  (cd /mnt/state && grep -r '' -- *.toml */ | sort)
  umount /mnt/state
}

# Whether two files are the same from that byte on. A mebibyte at a time: cmp takes blocks of 4 KiB, of hundreds of MiB.
same_from() {
  perl -e 'my ($from, @names) = @ARGV;
    my ($one, $other) = map { open(my $f, "<:raw", $_) or die "$_: $!"; sysseek($f, $from, 0); $f } @names;
    for (;;) {
      my $n = sysread($one, my $a, 1 << 20) // die;
      my $m = sysread($other, my $b, 1 << 20) // die;
      exit 1 if $a ne $b;
      exit 0 if !$n;
    }' "$@"
}
# Metadata, data, records and keys are as before. (The label says who has the pool active, and an ext4 when it was mounted.)
untouched() {
  same_from $((meta_at << 20)) "$1" "$file" || lost "something was written to the pool by commands that were refused"
  [[ $(records_of "$1") == "$(records_of "$file")" ]] || lost "a record was changed by commands that were refused"
  diff -r "$keys.now" /etc/tclone/keys >/dev/null || lost "key files were changed by commands that were refused"
}

# All that changes a pool, while it is one that cannot be used.
everything_refused() {
  local command
  for command in 'pool activate p' 'pool activate p --volumes' 'recover' 'create x --size 16M' 'clone db@1 x' 'publish db' 'revert db' \
    'rm db --yes' 'rm db@1 --yes' 'rename db x' 'tag db@1 t' 'resize db 32M' 'activate db' 'activate --all' 'mount db' 'key add db --key file'; do
    # shellcheck disable=SC2086
    run tclone $command
    ((status != 0)) || { lab_show; lost "tclone $command was not refused"; }
    expect_text 'not active|transaction'
  done
  # A pool that lost half of itself is not destroyed without being told apart from a good one either.
  run tclone pool destroy p --yes
  ((status != 0)) || lost "the pool was destroyed although its halves do not belong together"
  untouched "$before"
}

# comes_back AREA TEXT…: only that area is from the older copy.
comes_back() {
  local before=/var/lib/tclone/before.pool text at=${1}_at length=${1}_length
  part "$old" "${!at}" "${!length}"
  cp --sparse=always "$file" "$before"
  expect_exit 8 tclone pool activate p
  for text in "${@:2}" "$old_id" "$now_id" 'bring back'; do expect_text "$text"; done
  for d in /dev/mapper/tclone-p-*; do lost "$d is up although activating was refused"; done
  everything_refused
  # The way out that the message names.
  part "$now" "${!at}" "${!length}"
  expect_ok tclone pool activate p --volumes
  expect_ok tclone pool check p
  rm -f "$before"
}

case_an_older_state_area_is_refused_with_both_numbers() {
  two_times
  comes_back state "transaction $old_id" 'older copy'
}

case_older_metadata_is_refused_with_both_numbers() {
  two_times
  comes_back meta "transaction $now_id"
}

case_an_older_state_area_with_a_journal_is_refused_too() {
  local before=/var/lib/tclone/before.pool
  two_times
  expect_ok tclone pool activate p
  { run env TCLONE_FAULT="commit=kill" tclone publish db; } 2>/dev/null
  umount /var/lib/tclone/p
  dmsetup remove_all >/dev/null 2>&1
  losetup -D
  rm -rf /run/tclone
  cp --sparse=always "$file" "$old"
  expect_ok tclone pool activate p
  expect_ok tclone publish db
  expect_ok tclone publish db
  expect_ok tclone pool deactivate p
  cp --sparse=always "$file" "$now"
  part "$old" "$state_at" "$state_length"
  cp --sparse=always "$file" "$before"
  expect_exit 8 tclone pool activate p
  expect_text 'journal of "publish db"'
  expect_text "$now_id and $((now_id + 1))"
  expect_text "$((now_id + 2))"
  part "$now" "$state_at" "$state_length"
  expect_ok tclone pool activate p --volumes
  rm -f "$before"
}

case_a_pool_that_is_active_meanwhile_can_still_be_taken_down() {
  two_times
  expect_ok tclone pool activate p --volumes
  # The records go back in time while the pool is up: what the user did by hand, in the folder.
  mkdir -p /mnt/state
  expect_ok mount -o "ro,noload,loop,offset=$((state_at << 20)),sizelimit=$((state_length << 20))" "$old" /mnt/state
  cp /mnt/state/pool.toml /var/lib/tclone/p/pool.toml
  umount /mnt/state
  expect_exit 8 tclone publish db
  expect_text "transaction $old_id"
  expect_text "$now_id"
  exec 9</dev/mapper/tclone-p-db
  expect_exit 5 tclone pool deactivate p
  exec 9<&-
  expect_ok tclone pool deactivate p
  expect_text 'older copy'
  for d in /dev/mapper/tclone-p-*; do lost "$d is still up"; done
  expect_exit 8 tclone pool activate p
  part "$now" "$state_at" "$state_length"
  expect_ok tclone pool activate p --volumes
  expect_ok tclone pool check p
}

case_an_older_label_costs_nothing_that_the_pool_grew_by() {
  two_times
  expect_ok tclone pool activate p
  expect_ok tclone pool grow p --size 600M
  expect_ok tclone create late --size 16M --fs none
  fill /tmp/late.bytes late 16
  expect_ok dd if=/tmp/late.bytes of=/dev/mapper/tclone-p-late bs=1M conv=fsync,notrunc
  expect_ok tclone pool deactivate p
  cp --sparse=always "$file" "$now"
  part "$old" 0 1
  expect_exit 8 tclone pool activate p
  expect_text 'label was restored from an older copy'
  for d in /dev/mapper/tclone-p-*; do lost "$d is up although activating was refused"; done
  part "$now" 0 1
  expect_ok tclone pool activate p --volumes
  cmp /tmp/late.bytes /dev/mapper/tclone-p-late || lost "what was written after the pool had grown"
  rm -f /tmp/late.bytes
}

case_an_older_copy_of_the_whole_pool_is_a_pool() {
  local name
  two_times
  cp --sparse=always "$old" "$file"
  # The key of `going` was destroyed since: that vault stays closed, the others open.
  run tclone pool activate p --volumes
  expect_exit 7 tclone activate going
  expect_ok tclone activate db
  expect_exit 3 tclone activate web
  expect_exit 8 tclone doctor
  expect_text 'the key file of vault going is missing'
  # A key file of a vault that this copy does not know may belong to another copy of the pool.
  for name in "$keys.now"/*; do expect_file "/etc/tclone/keys/${name##*/}"; done
  expect_ok tclone pool deactivate p
  cp --sparse=always "$now" "$file"
  expect_ok tclone pool activate p --volumes
  expect_ok tclone pool check p
}

case_an_older_copy_of_the_keys_closes_only_newer_vaults() {
  two_times
  rm -rf /etc/tclone/keys/*
  cp -a "$keys"/* /etc/tclone/keys/
  run tclone pool activate p --volumes
  expect_exit 7 tclone activate web
  expect_text 'key'
  expect_ok tclone activate db
  expect_ok tclone publish db
  expect_file "$(printf '%s' "/etc/tclone/keys/$(cd "$keys" && echo *)" | cut -d' ' -f1)"
  rm -rf /etc/tclone/keys/*
  cp -a "$keys.now"/* /etc/tclone/keys/
  expect_ok tclone activate web
}

# Where on the raw disk a LUKS2 header begins, by either copy of it: vaults begin at whole MiB.
headers() {
  perl -e 'open my $d, "<:raw", shift or die; for (my $at = 0; sysseek($d, $at, 0) && sysread($d, my $head, 16390) == 16390; $at += 1 << 20) {
    print "$at\n" if $head =~ /^LUKS\xba\xbe/ || $head =~ /SKUL\xba\xbe$/ }' "${disk[0]}"
}
# opened KEYFILE…: how many headers on the raw disk the saved keys open.
opened() {
  local at loop key count=0
  sync; echo 3 >/proc/sys/vm/drop_caches; blockdev --flushbufs "${disk[0]}"
  for at in $(headers); do
    loop=$(losetup --find --show --read-only --offset "$at" "${disk[0]}") || lost losetup
    for key; do cryptsetup open --test-passphrase --key-file "$key" "$loop" 2>/dev/null && count=$((count + 1)); done
    losetup -d "$loop"
  done
  printf '%s\n' "$count"
}
# slot_of OUTER: 16 bytes of a key slot, as grep takes them.
slot_of() {
  dmsetup create look --readonly --table "0 4096 thin /dev/mapper/tclone-p-_pool $1" || lost "outer thin $1"
  dd if=/dev/mapper/look bs=4096 skip=8 count=1 iflag=direct status=none | xxd -p -c16 | grep -m 1 -vE '^(..)*0[0a]' | sed 's/../\\x&/g'
  dmsetup remove look
}

case_a_removal_in_the_middle_of_a_rekey_leaves_neither_half_to_saved_keys() {
  pool_up
  mkdir -p "$keys"
  local outer slots=()
  expect_ok tclone create copied --size 16M --fs none
  expect_ok tclone create switched --size 16M --fs none
  for outer in $(field vaults/copied.toml outer) $(field vaults/switched.toml outer); do slots+=("$(slot_of "$outer")"); done
  cp /etc/tclone/keys/*.key "$keys"
  expect_ok tclone deactivate copied switched
  run env TCLONE_FAULT=rekey.copied=kill tclone rekey copied
  ((status != 0)) || { say "left out: this tclone has no fail points"; return 0; }
  run env TCLONE_FAULT=rekey.switched=kill tclone rekey switched
  expect_ok tclone recover
  cp /etc/tclone/keys/*.key "$keys"
  for outer in $(sed -n '/^\[rekey\]/,$s/^outer = //p' /var/lib/tclone/p/vaults/copied.toml) $(field vaults/switched.toml outer); do
    slots+=("$(slot_of "$outer")")
  done
  # The positive control, and: what has its new key has lost the old header already.
  expect_equal 3 "$(opened "$keys"/*.key)" "headers that saved keys open before the removal"
  expect_differ 0 "$(grep -a -z -c -P "${slots[0]}|${slots[2]}|${slots[3]}" "${disk[0]}")" "places of the disk with a key slot before it"
  expect_ok tclone rm copied --yes
  expect_ok tclone rm switched --yes
  expect_equal 0 "$(opened "$keys"/*.key)" "headers that saved keys open after it"
  expect_equal 0 "$(IFS='|'; grep -a -z -c -P "${slots[*]}" "${disk[0]}")" "places of the disk with a key slot after it"
  expect_equal 0 "$(find /etc/tclone/keys -name '*.key' | wc -l)" "key files left"
}
