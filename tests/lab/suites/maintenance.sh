# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 3x1G --var 2G --timeout 300
# needs: tclone
# Growing, checking and repairing a pool, and faulty devices under it.

suite_setup() { mkdir -p /mnt/a /mnt/b; }

case_teardown() {
  umount /mnt/a /mnt/b 2>/dev/null
  tclone pool destroy p --yes >/dev/null 2>&1
  rm -f /etc/tclone/pools/p.toml /var/lib/tclone/p.pool*
}

pool_size() { tclone pool status p --json | tr ',' '\n' | sed -n '/"data"/,/total/s/.*"total": *\([0-9]*\).*/\1/p' | head -1; }

# Two sparse files are enough for a full pool: the volume is larger than what the pool can hold.
case_a_full_pool_that_is_grown_lets_its_writer_go_on() {
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 256M
  expect_ok tclone create db --size 512M
  expect_ok tclone mount db /mnt/a
  echo before >/mnt/a/before
  sync
  dd if=/dev/zero of=/mnt/a/big bs=1M count=300 conv=fsync 2>/dev/null &
  local writer=$!
  local n=0
  while ! tclone pool status p --json | grep -q 'out of data space'; do
    ((++n < 200)) || lost "the pool did not run full"
    sleep 0.2
  done
  expect_exit 6 tclone create more --size 16M
  expect_ok tclone pool grow p --size 1G
  wait "$writer" || lost "the writer that waited for space got an error although the pool was grown in time"
  expect_equal before "$(</mnt/a/before)" "a file written before the pool ran full"
  expect_ok tclone umount db
  expect_ok e2fsck -fn /dev/mapper/tclone-p-db
  expect_ok tclone create more --size 16M
  expect_ok tclone pool check p
}

case_a_pool_grows_by_a_device_and_keeps_it_over_an_activation() {
  expect_ok tclone pool create p "${disk[0]}"
  local before
  before=$(pool_size)
  expect_ok tclone create db --size 64M
  expect_exit 4 tclone pool grow p --add "${disk[0]}"
  expect_text "part of the pool already"
  expect_ok tclone pool grow p --add "${disk[1]}"
  (($(pool_size) > before + (900 << 20))) || lost "the added device gave no space: $before then $(pool_size)"
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p
  (($(pool_size) > before + (900 << 20))) || lost "the added device was forgotten by an activation"
  expect_ok tclone pool export p
  expect_exit 2 tclone pool import "${disk[0]}"
  expect_text "was not named"
  expect_ok tclone pool import "${disk[1]}" "${disk[0]}"
  expect_ok tclone mount db /mnt/a
}

case_shrinking_and_a_size_for_a_device_are_refused() {
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 256M
  expect_exit 2 tclone pool grow p --size 200M
  expect_text "not shrunk"
  expect_ok tclone pool destroy p --yes
  expect_ok tclone pool create p "${disk[0]}"
  expect_exit 2 tclone pool grow p --size 2G
}

case_damaged_outer_metadata_is_found_and_repaired_into_the_spare_area() {
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok tclone create db --size 64M
  expect_ok tclone mount db /mnt/a
  echo kept >/mnt/a/f
  expect_ok tclone umount db
  expect_ok tclone pool check p
  # Where the metadata lies is asked of the kernel, and a block of it is spoilt while the pool is down.
  local start
  start=$(dmsetup table tclone-p-_meta) start=${start##* }
  expect_ok tclone pool deactivate p
  expect_ok tclone pool check p
  # The root of the mapping tree is named in the superblock at byte 320 (thin_disk_superblock, data_mapping_root).
  local root
  root=$(dd if="${disk[0]}" bs=1 skip=$((start * 512 + 320)) count=8 2>/dev/null | od -An -tu8 | tr -d ' ')
  printf 'spoilt' | dd of="${disk[0]}" bs=1 seek=$((start * 512 + root * 4096 + 512)) conv=notrunc,fsync 2>/dev/null
  expect_exit 8 tclone pool check p
  expect_text "pool repair"
  run tclone pool repair p
  if ((status == 0)); then
    expect_ok tclone pool check p
    expect_ok tclone pool activate p
    expect_ok tclone pool check p
  else
    # The root itself is gone: there may be nothing to save, but then nothing was touched either.
    expect_exit 8 tclone pool check p
  fi
}

case_what_is_mounted_on_a_pool_that_failed_can_be_taken_down() {
  local sectors
  sectors=$(blockdev --getsz "${disk[0]}")
  dmsetup create faulty --table "0 $sectors linear ${disk[0]} 0"
  expect_ok tclone pool create p /dev/mapper/faulty
  expect_ok tclone create db --size 32M
  expect_ok tclone mount db /mnt/a
  dmsetup suspend --noflush --nolockfs faulty
  dmsetup load faulty --table "0 $sectors error"
  dmsetup resume faulty
  run timeout 60 tclone publish db
  run timeout 60 tclone publish db
  ((status != 0 && status < 124)) || lost "a publish on a pool that is not there ended with $status"
  expect_ok timeout 60 tclone umount db
  mountpoint -q /mnt/a && lost "it is still mounted"
  run timeout 60 tclone pool deactivate p
  dmsetup remove faulty
  dmsetup create faulty --readonly --table "0 $sectors linear ${disk[0]} 0"
  expect_exit 1 tclone pool activate p
  expect_text 'it is read-only.*blockdev --setrw'
  expect_exit 8 tclone doctor
  expect_text 'to mend: find out why.*blockdev --setrw'
  dmsetup remove faulty
  dmsetup create faulty --table "0 $sectors linear ${disk[0]} 0"
  run tclone pool activate p
  ((status == 0)) || { expect_ok tclone pool repair p; expect_ok tclone pool activate p; }
  expect_ok tclone pool destroy p --yes
  dmsetup remove faulty
}

case_write_errors_below_the_pool_are_said_and_do_not_hang() {
  local sectors
  sectors=$(blockdev --getsz "${disk[0]}")
  dmsetup create faulty --table "0 $sectors linear ${disk[0]} 0"
  expect_ok tclone pool create p /dev/mapper/faulty
  expect_ok tclone create db --size 32M --fs none
  fill /dev/mapper/tclone-p-db seed 1
  # Nothing is promised of what was not flushed when the device failed.
  dd if=/dev/null of=/dev/mapper/tclone-p-db bs=1 count=0 conv=notrunc,fsync 2>/dev/null
  local sum
  sum=$(checksum /dev/mapper/tclone-p-db)
  dmsetup suspend --noflush --nolockfs faulty
  dmsetup load faulty --table "0 $sectors flakey ${disk[0]} 0 0 3600 1 error_writes"
  dmsetup resume faulty
  run timeout 60 tclone create other --size 16M --fs none
  ((status != 0 && status != 124)) || lost "a create over a device that takes no writes ended with $status"
  expect_no_text "terminate called"
  run timeout 60 tclone doctor
  ((status != 124)) || lost "doctor hung on a faulty device"
  dmsetup suspend --noflush --nolockfs faulty
  dmsetup load faulty --table "0 $sectors linear ${disk[0]} 0"
  dmsetup resume faulty
  expect_ok timeout 100 tclone pool deactivate p
  run timeout 60 tclone pool repair p
  expect_ok timeout 60 tclone pool activate p
  # The kernel may have asked for a check of the inner metadata: the refusal names the way out, and it works.
  run tclone activate db
  if ((status == 8)); then
    expect_text 'pool repair p --vault db'
    expect_ok tclone pool repair p --vault db
    expect_ok tclone activate db
  fi
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-db)" "a volume written before the device failed"
  expect_exit 3 tclone show other
  expect_ok tclone pool check p
  expect_ok tclone pool destroy p --yes
  dmsetup remove faulty
}

# finds CAUSE CONSEQUENCE MEND: doctor says all three of one finding, each matched as a pattern; its mending text is left in
# `mend`. The status is 8 where it is wrong, 0 where it is advice.
finds() {
  local line cause='' means='' found=''
  run tclone doctor
  ((status == 0 || status == 8)) || { lab_show; lost "doctor ended with $status"; }
  mend=
  while IFS= read -r line; do
    case $line in
      'wrong:  '* | 'advice: '*) cause=$line ;;
      '  means:   '*) means=$line ;;
      '  to mend: '*)
        [[ $cause =~ $1 && $means =~ $2 && $line =~ $3 ]] || continue
        found=$cause mend=$line
        ;;
    esac
  done <<<"$out"
  [[ $found ]] || { lab_show; lost "doctor does not say: $1 / $2 / $3"; }
  if [[ $found == wrong:* ]]; then expect_equal 8 "$status" "doctor's status"; fi
  findings=$((findings + 1))
}
# The commands that stand in the mending text, as they are.
do_as_it_says() {
  local rest=$mend command
  while [[ $rest == *'`'*'`'* ]]; do
    rest=${rest#*'`'}; command=${rest%%'`'*}; rest=${rest#*'`'}
    [[ ${1-} != first || $command ]] || continue
    expect_ok bash -c "$command"
    [[ ${1-} != first ]] || return 0
  done
}
all_is_well() {
  expect_ok tclone doctor
  expect_text 'nothing is wrong'
}

case_what_doctor_finds_is_mended_by_what_it_says() {
  local findings=0 mend state=/var/lib/tclone/p key
  expect_ok tclone pool create p "${disk[0]}" --force
  expect_ok tclone create db --size 64M --fs none
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web
  all_is_well
  { run env TCLONE_FAULT=commit=kill tclone publish db; } 2>/dev/null
  finds 'interrupted: publish db' 'finishes or undoes it' 'tclone recover --pool p'
  do_as_it_says; all_is_well
  dmsetup suspend tclone-p-web
  finds 'device tclone-p-web is suspended' 'whoever uses it waits' 'dmsetup resume tclone-p-web'
  do_as_it_says first; all_is_well
  dmsetup suspend tclone-p-_1.crypt
  finds 'device tclone-p-_1.crypt is suspended' 'whoever uses it waits' 'dmsetup resume tclone-p-_1.crypt'
  mend=${mend#*', or '}; do_as_it_says; all_is_well
  dmsetup message tclone-p-_pool 0 reserve_metadata_snap
  finds 'holds a metadata snapshot' 'not given back' 'release_metadata_snap'
  do_as_it_says first; all_is_well
  key=/etc/tclone/keys/$(sed -n 's/^uuid = "\(.*\)"/\1/p' "$state"/vaults/web.toml | head -n 1).key
  chmod 644 "$key"
  finds 'others may read the key file of vault web' 'refused as a key' 'chmod 600'
  do_as_it_says; all_is_well
  mv "$key" /tmp/moved.key
  finds 'key file of vault web is missing' 'cannot be activated once they are closed' 'from a backup'
  mv /tmp/moved.key "$key"; all_is_well
  doctor_and_the_header
  doctor_and_rekey
  doctor_and_records
  doctor_and_the_pools_record
  doctor_and_space
  doctor_and_the_whole_pool
  say "findings of doctor mended: $findings"
}

doctor_and_the_header() {
  local thin
  expect_ok tclone key backup web /tmp/web.header
  thin=$(sed -n 's/^outer = //p' "$state"/vaults/web.toml | head -n 1)
  expect_ok dd if=/dev/zero of="/dev/mapper/tclone-p-_$thin.thin" bs=1M count=2 oflag=direct conv=notrunc status=none
  finds 'LUKS2 header of vault web cannot be read' 'cannot be opened again once it is closed' 'tclone key restore'
  expect_ok tclone deactivate web
  expect_ok tclone key restore web /tmp/web.header --yes
  expect_ok tclone activate web
  rm -f /tmp/web.header
  all_is_well
}

doctor_and_rekey() {
  expect_ok tclone deactivate --all
  { run env TCLONE_FAULT=rekey.begun=kill tclone rekey web; } 2>/dev/null
  expect_ok tclone recover
  finds 'vault web is getting a new volume key' 'nothing in it can be activated' 'tclone rekey web'
  { run env TCLONE_FAULT=rekey.switched=kill tclone rekey web; } 2>/dev/null
  expect_ok tclone recover
  finds 'vault web has a new volume key' 'whoever has the old volume key may read' 'tclone rekey web'
  do_as_it_says; all_is_well
  expect_ok tclone activate --all
}

doctor_and_records() {
  cp -a "$state"/volumes/web.toml /tmp/record
  head -c 100 /tmp/record >"$state"/volumes/web.toml
  finds 'volumes/web.toml' 'commands on it are refused' 'bring it back from a copy'
  sed 's/^vault = .*/vault = "nowhere"/' /tmp/record >"$state"/volumes/web.toml
  finds 'volumes/web.toml' 'may be refused' 'bring the record back from a copy'
  cp -a /tmp/record "$state"/volumes/web.toml; all_is_well
  echo nonsense >"$state"/journal.toml
  finds 'journal.toml' 'no command can change the pool' 'from a copy of the whole pool'
  echo 'format = 2' >"$state"/journal.toml
  finds 'written by a newer tclone' 'no command can change the pool' 'update tclone'
  rm "$state"/journal.toml; all_is_well
  { run env TCLONE_FAULT=commit=kill tclone publish db; } 2>/dev/null
  journal_text "$state" | sed 's/^from = .*/from = 900/; s/^to = .*/to = 901/' >"$state"/journal.toml
  finds 'the journal of "publish db" is between transactions 900 and 901' 'commands are refused' 'matching copy of the whole'
  rm "$state"/journal.toml
  expect_ok tclone recover
  all_is_well
  cp -a "$state"/pool.toml /tmp/record
  sed 's/^transaction = .*/transaction = 1/' /tmp/record >"$state"/pool.toml
  finds 'the records are at transaction 1, the kernel' 'commands are refused' 'matching copy of the whole pool'
  cp -a /tmp/record "$state"/pool.toml; all_is_well
  mount -o remount,ro "$state"
  finds 'state area at .* is read-only' 'no command can change the pool' 'tclone pool deactivate p'
  mount -o remount,rw "$state"; all_is_well
}

# Of the whole pool, too: deactivated as it is it would not come up again.
doctor_and_the_pools_record() {
  cp "$state/pool.toml" /tmp/pool.toml
  sed -i '/^# end/d' "$state/pool.toml"
  finds "$state/pool.toml.*cut short" 'no command can use the pool' 'while the pool is active'
  expect_ok tclone pool deactivate p
  expect_exit 8 tclone pool activate p
  [[ $err =~ \`(mount -o loop,offset=[0-9]+ [^ ]+ /mnt)\` ]] || { lab_show; lost "activate does not say how to mend it"; }
  expect_ok ${BASH_REMATCH[1]}
  cp /tmp/pool.toml /mnt/pool.toml
  umount /mnt
  expect_ok tclone pool activate p
  expect_ok tclone activate --all
  all_is_well
  key=/etc/tclone/keys/$(sed -n '/^uuid = /{s/.*"\(.*\)"/\1/p;q}' "$state/vaults/db.toml").key
  cp -p "$key" /tmp/key
  : >"$key"
  finds 'key file of vault db is empty' 'cannot be activated once' 'from a backup'
  cp -p /tmp/key "$key"
  all_is_well
}

doctor_and_space() {
  local all free
  read -r _ _ _ _ _ all _ < <(dmsetup status tclone-p-_pool)
  free=$((${all#*/} - ${all%/*}))
  expect_ok tclone create ballast --size 1G --fs none --plain
  expect_ok dd if=/dev/zero of=/dev/mapper/tclone-p-ballast bs=1M count=$((free - 20)) oflag=direct status=none
  finds 'outer pool has .* left, less than its reserve' 'commands that need space are refused' 'tclone pool grow'
  { run env TCLONE_FAULT=grow.labelled=kill tclone pool grow p --add "${disk[1]}" --force; } 2>/dev/null
  finds 'grow. was interrupted' 'new space is not used' 'tclone pool grow p'
  do_as_it_says; all_is_well
  expect_ok tclone rm ballast --yes
}

doctor_and_the_whole_pool() {
  umount -l "$state"
  finds 'state area is not mounted' 'no command can use the pool' 'tclone pool deactivate p'
  do_as_it_says
  finds 'pool p is not active' 'its volumes cannot be used' 'tclone pool activate p'
  do_as_it_says
  expect_ok tclone activate --all
  all_is_well
  expect_ok tclone pool deactivate p
  printf X | dd of="${disk[0]}" bs=1 seek=28 conv=fsync,notrunc status=none
  finds 'bad label copy of' 'one more damage' 'activate it again'
  expect_ok tclone pool activate p
  all_is_well
  expect_ok tclone pool deactivate p
  sed -i 's,"/dev/[^"]*","/dev/nowhere",' /etc/tclone/pools/p.toml
  finds '/dev/nowhere' 'cannot be activated' 'tclone pool import'
  expect_ok tclone pool import "${disk[0]}" "${disk[1]}"
  all_is_well
}

case_doctor_takes_no_work_under_way_for_damage() {
  expect_ok tclone pool create p "${disk[0]}" --force
  expect_ok tclone create db --size 16M --fs none
  local record=/var/lib/tclone/p/vaults/db.toml
  cp -a "$record" /tmp/record
  # As another command leaves it between two of its records: the lock is held, and a count is not what it will be.
  exec 9>>/run/tclone/p.lock
  flock 9
  sed -i 's/^volumes = .*/volumes = 2/' "$record"
  { sleep 2; cp -a /tmp/record "$record"; } 9>&9 &
  local other=$!
  exec 9>&-
  expect_ok tclone doctor
  expect_text 'nothing is wrong'
  wait "$other"
  # Who keeps the lock is named, and what there is to find is told all the same.
  sed -i 's/^volumes = .*/volumes = 2/' "$record"
  flock --no-fork /run/tclone/p.lock sleep 20 &
  other=$!
  sleep 0.5
  expect_exit 8 tclone doctor
  expect_text 'counts 2 volumes'
  expect_text 'held by'
  kill "$other"
  cp -a /tmp/record "$record"
  rm /tmp/record
}

case_status_calls_no_work_under_way_unfinished() {
  expect_ok tclone pool create p "${disk[0]}" --force
  TCLONE_FAULT=committed=stop tclone create db --size 16M --fs none >/dev/null 2>&1 &
  local other=$! round
  for ((round = 0; round < 100; round++)); do
    [[ $(ps -o stat= -p $other) == T* ]] && break
    kill -0 $other 2>/dev/null || { say "left out: this tclone has no fail points"; return 0; }
    sleep 0.1
  done
  expect_ok tclone pool status p
  expect_no_text 'unfinished'
  expect_text 'under way +create db'
  { kill -KILL $other; wait $other; } 2>/dev/null
  expect_ok tclone pool status p
  expect_text 'unfinished +create db'
}

case_doctor_finds_a_missing_target_another_pools_label_and_a_status_that_cannot_be_read() {
  local findings=0 mend='' module sum
  expect_ok tclone pool create p --file /var/lib/tclone/p.pool --size 256M
  expect_ok tclone create db --size 16M --fs none
  fill /dev/mapper/tclone-p-db seed 2
  sync
  sum=$(checksum /dev/mapper/tclone-p-db)

  # Somebody has put another table under the pool. What stands on it waits for ever, which must not hold up doctor.
  swap_table() {
    dmsetup suspend --noflush --nolockfs tclone-p-_pool
    dmsetup load tclone-p-_pool --table "$1"
    dmsetup resume tclone-p-_pool
  }
  local table
  table=$(dmsetup table tclone-p-_pool)
  swap_table "0 $(blockdev --getsz /dev/mapper/tclone-p-_pool) error"
  finds 'tclone-p-_pool' 'state of the outer pool is unknown' 'tclone pool deactivate p'
  swap_table "$table"
  all_is_well
  expect_ok tclone deactivate db
  swap_table "0 $(blockdev --getsz /dev/mapper/tclone-p-_pool) error"
  finds 'tclone-p-_pool' 'state of the outer pool is unknown' 'tclone pool deactivate p'
  do_as_it_says
  expect_ok tclone activate db
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-db)" "the data after the pool had another table"
  all_is_well

  expect_ok tclone pool deactivate p
  module=$(modinfo -n dm_crypt)
  if [[ $module == /* ]] && modprobe -r dm_crypt; then
    mount --bind /dev/null "$module"
    finds 'target crypt: this kernel does not have it' 'no pool can be activated' 'modprobe dm_crypt'
    run tclone pool activate p
    local refused=$status
    umount "$module"
    expect_equal 9 "$refused" "the exit status of an activation without the target"
    do_as_it_says
    expect_ok tclone pool activate p
    expect_ok tclone pool deactivate p
  else
    say "left out: dm-crypt is no module that can be taken away"
  fi

  # The file has moved, and another pool's is where it was.
  expect_ok tclone pool create q --file /var/lib/tclone/q.pool --size 256M
  expect_ok tclone pool deactivate q
  mv /var/lib/tclone/p.pool /var/lib/tclone/p.pool.moved
  cp --sparse=always /var/lib/tclone/q.pool /var/lib/tclone/p.pool
  export TCLONE_POOL=p
  finds '/var/lib/tclone/p.pool holds another pool' 'the pool is not where it was' 'tclone pool import PATH'
  expect_exit 8 tclone pool activate p
  mend=${mend/PATH//var/lib/tclone/p.pool.moved}
  do_as_it_says
  expect_ok tclone activate db
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-db)" "the data of the pool that moved"
  all_is_well
  expect_ok tclone pool activate q
  expect_ok tclone pool destroy q --yes
  say "findings of doctor mended: $findings"
}
