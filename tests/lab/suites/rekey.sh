# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x384M --mem 640M --timeout 1150
# needs: tclone
# long: keys_are_carried_over_or_named other_commands_run_while_it_copies
# A new volume key for a vault: what lives in it stays, what the old key knew goes, and it may be cut off anywhere.
source "$LAB_SOURCE/tests/lab/tclone.sh"

case_teardown() { dmsetup remove -f old 2>/dev/null; dmsetup remove -f raw 2>/dev/null; pool_away; rm -rf /tmp/k; }

key_file() { echo "/etc/tclone/keys/$(field "vaults/$1.toml" uuid).key"; }
# half NAME FIELD: of the other half of a rekey under way.
half() { sed -n '/^\[rekey\]/,$s/^'"$2"' = "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "/var/lib/tclone/p/vaults/$1.toml" | head -n 1; }
mark() {
  (set +o pipefail; yes "$3" 2>/dev/null | head -c 1048576 | dd of="$1" bs=1M seek="$2" oflag=direct iflag=fullblock status=none) || lost "write to $1"
}
found() { grep -a -z -c -F "$2" "$1"; }

# A volume with two versions, a shared-key clone, and an own-key clone of another vault on a version of it. MIB is what
# the volume holds of random data besides.
populate() {
  pool_up
  mkdir -p /tmp/k
  expect_ok tclone create db --size $(($1 + 32))M --fs none
  mark /dev/mapper/tclone-p-db 4 FIRSTMARK
  expect_ok tclone publish db
  mark /dev/mapper/tclone-p-db 4 SECONDMARK
  mark /dev/mapper/tclone-p-db 20 OTHERMARK
  (($1 == 0)) || fill /tmp/k/data seed "$1"
  (($1 == 0)) || expect_ok dd if=/tmp/k/data of=/dev/mapper/tclone-p-db bs=1M seek=24 oflag=direct
  rm -f /tmp/k/data
  expect_ok tclone publish db
  expect_ok tclone clone db@1 dev --shared-key
  mark /dev/mapper/tclone-p-dev 8 SHAREDMARK
  expect_ok tclone clone db@1 web1
  mark /dev/mapper/tclone-p-web1 12 CLONEMARK
  sync
}
things=(db dev web1 db@1 db@2)
sums() {
  local one
  expect_ok tclone activate "${things[@]}" >&2
  for one in "${things[@]}"; do printf '%s %s\n' "$one" "$(checksum "/dev/mapper/tclone-p-$one")"; done
  down
}
down() { expect_ok tclone deactivate db dev web1 >&2; run tclone deactivate db@1; run tclone deactivate db@2; }

# A device "old" that shows what is under a volume key at the places of the disk where the vault now lies: under_key KEYHEX
# learn OUTER: where it lies, in /tmp/k/runs: sector of the payload, sector of the pool's data, sectors.
learn() {
  dmsetup message tclone-p-_pool 0 reserve_metadata_snap || lost "no metadata snapshot"
  thin_dump -m --dev-id "$1" /dev/mapper/tclone-p-_meta >/tmp/k/dump
  dmsetup message tclone-p-_pool 0 release_metadata_snap || lost "metadata snapshot"
  sed -n 's/.*single_mapping origin_block="\([0-9]*\)" data_block="\([0-9]*\)".*/\1 \2 1/p
          s/.*range_mapping origin_begin="\([0-9]*\)" data_begin="\([0-9]*\)" length="\([0-9]*\)".*/\1 \2 \3/p' /tmp/k/dump |
    while read -r at on count; do
      # The first two blocks are the header.
      while ((at < 2 && count > 0)); do at=$((at + 1)) on=$((on + 1)) count=$((count - 1)); done
      ((count == 0)) || echo $((at * 2048 - 4096)) $((on * 2048)) $((count * 2048))
    done >/tmp/k/runs
  [[ -s /tmp/k/runs ]] || lost "the vault maps nothing"
}
under_key() {
  local at on count start=0
  while read -r at on count; do
    echo "$start $count crypt aes-xts-plain64 $1 $at /dev/mapper/tclone-p-_data $on 1 sector_size:4096"
    start=$((start + count))
  done </tmp/k/runs >/tmp/k/table
  expect_ok dmsetup create old --readonly /tmp/k/table
}
# 16 bytes of the disk as grep takes them, none of them a zero or newline; nothing where it was never written: sample DEVICE SECTOR
sample() {
  local skip hex
  for skip in 0 64 128 192 256 320 384 448; do
    hex=$(dd if="$1" bs=512 skip="$2" count=1 status=none | od -An -v -tx1 -j "$skip" -N 16 | tr -d ' \n')
    [[ $(echo "$hex" | fold -w2) == *0[0a]* ]] && continue
    local i
    for ((i = 0; i < ${#hex}; i += 2)); do printf '\\x%s' "${hex:i:2}"; done
    return
  done
}

case_everything_stays_and_the_old_key_finds_nothing() {
  populate 4
  down
  local before outer old_file old_uuid at on count samples=() places=() quarter one
  before=$(sums)
  outer=$(field vaults/db.toml outer) old_file=$(key_file db) old_uuid=$(field vaults/db.toml uuid)
  cp "$old_file" /tmp/k/old.key
  expect_ok tclone key backup db /tmp/k/old.header
  expect_ok tclone activate db
  expect_ok cryptsetup luksDump --dump-volume-key --batch-mode --key-file "$old_file" --volume-key-file /tmp/k/volume.key \
    "/dev/mapper/tclone-p-_$outer.thin"
  local key
  key=$(od -An -v -tx1 /tmp/k/volume.key | tr -d ' \n')
  expect_ok tclone deactivate db
  learn "$outer"
  under_key "$key"
  for one in FIRSTMARK SECONDMARK OTHERMARK SHAREDMARK; do
    expect_differ 0 "$(found /dev/mapper/old $one)" "the positive control for $one under the old volume key"
  done
  expect_ok dmsetup remove old
  while read -r at on count; do
    for ((one = on; one < on + count; one += 1024)); do places+=("$one"); done
  done </tmp/k/runs
  # The whole disk is searched for them, and that takes long: four, from everywhere.
  ((quarter = ${#places[@]} / 4, quarter > 3)) || lost "only ${#places[@]} places"
  for ((one = 0; ${#samples[@]} < 4; one++)); do
    ((one < (${#samples[@]} + 1) * quarter)) || lost "no ciphertext in quarter ${#samples[@]} of what the vault maps"
    at=$(sample /dev/mapper/tclone-p-_data "${places[one]}")
    [[ $at ]] || continue
    samples+=("$at")
    one=$((${#samples[@]} * quarter - 1))
  done
  for one in "${samples[@]}"; do
    expect_differ 0 "$(grep -a -m 1 -z -c -P "$one" "${disk[0]}")" "the positive control for old ciphertext"
  done

  expect_ok tclone rekey db --compare
  expect_text 'backup'
  expect_differ "$outer" "$(field vaults/db.toml outer)" "the outer thin"
  expect_differ "$old_uuid" "$(field vaults/db.toml uuid)" "the vault's uuid"
  grep -q rekey /var/lib/tclone/p/vaults/db.toml && lost "the record still tells of a rekey"
  expect_no_file "$old_file"
  expect_file "$(key_file db)"
  sync; echo 3 >/proc/sys/vm/drop_caches; blockdev --flushbufs "${disk[0]}"
  under_key "$key"
  for one in FIRSTMARK SECONDMARK OTHERMARK SHAREDMARK; do
    expect_equal 0 "$(found /dev/mapper/old $one)" "pieces of $one under the old volume key"
  done
  expect_ok dmsetup remove old
  at=$(IFS='|'; echo "${samples[*]}")
  expect_equal 0 "$(grep -a -z -c -P "$at" "${disk[0]}")" "places of the disk that hold ciphertext of the old key"
  # Neither the old key file nor the old header opens it.
  refused 7 '' tclone key test db --key file:/tmp/k/old.key
  refused 8 'UUID' tclone key restore db /tmp/k/old.header --yes
  expect_equal "$before" "$(sums)" "checksums of volumes and versions"
  expect_ok tclone pool check p
  # Everything goes on as before.
  expect_ok tclone activate db web1
  expect_ok tclone publish db
  expect_ok tclone revert web1
  expect_ok tclone revert db --to 1
  expect_ok tclone clone db@2 more --shared-key
  expect_ok tclone clone db@3 own
  expect_ok tclone rm own --yes
  expect_ok tclone rename db data
  expect_ok tclone deactivate data web1 more
  expect_ok tclone rekey data
  expect_ok tclone activate data more web1
}

case_it_is_refused_where_it_cannot_be() {
  populate 0
  expect_ok tclone create open --size 16M --fs none --plain
  refused 2 'not encrypted' tclone rekey open
  refused 3 '' tclone rekey nothing
  refused 5 'tclone deactivate db dev web1' tclone rekey db
  expect_ok tclone deactivate db dev
  refused 5 'tclone deactivate web1' tclone rekey db
  expect_ok tclone deactivate web1
  expect_ok tclone activate db@1
  refused 5 'tclone deactivate db@1' tclone rekey db
  expect_ok tclone deactivate db@1
  refused 3 'no rekey' tclone rekey db --cancel
  refused 2 'token' tclone rekey db --key token
  expect_ok tclone rekey db --dry-run
  expect_text 'overwrite what'
  journal_is_open /var/lib/tclone/p && lost "a dry run began"
  local key
  key=$(key_file db)
  mv "$key" /tmp/k/away
  refused 7 '' tclone rekey db
  mv /tmp/k/away "$key"
  # Room for what the vault holds, and no more than half of that.
  fill /tmp/k/data seed 80
  expect_ok tclone create big --size 200M --fs none
  expect_ok dd if=/tmp/k/data of=/dev/mapper/tclone-p-big bs=1M oflag=direct
  expect_ok dd if=/tmp/k/data of=/dev/mapper/tclone-p-big bs=1M seek=80 oflag=direct
  rm /tmp/k/data
  expect_ok tclone deactivate big
  refused 6 'reserve' tclone rekey big
  expect_ok tclone activate big
}

case_keys_are_carried_over_or_named() {
  pool_up
  mkdir -p /tmp/k
  local one
  for one in a b c d; do head -c 48 /dev/urandom | base64 -w0 >/tmp/k/$one; done
  chmod 600 /tmp/k/*
  expect_ok tclone create db --size 16M --fs none
  mark /dev/mapper/tclone-p-db 4 MARK
  expect_ok tclone key add db --key file:/tmp/k/a
  expect_ok tclone key add db --key file:/tmp/k/b
  expect_ok bash -c 'echo a passphrase | tclone key add db --key stdin'
  expect_ok tclone deactivate db
  refused 4 'stdin' tclone rekey db
  mv /tmp/k/b /tmp/k/b.away
  refused 4 'file:/tmp/k/b; stdin' tclone rekey db
  expect_ok tclone rekey db --yes
  expect_text 'no longer opens.*file:/tmp/k/b'
  mv /tmp/k/b.away /tmp/k/b
  expect_ok tclone key test db --key file
  expect_ok tclone key test db --key file:/tmp/k/a
  refused 7 '' tclone key test db --key file:/tmp/k/b
  expect_exit 7 bash -c 'echo a passphrase | tclone key test db --key stdin'
  # Another source than before; the key file goes.
  local made
  made=$(key_file db)
  expect_ok tclone rekey db --key file:/tmp/k/c --unlock file:/tmp/k/a
  expect_no_file "$made"
  expect_no_file "$(key_file db)"
  expect_ok tclone activate db
  expect_ok tclone deactivate db
  expect_ok tclone key test db --key file:/tmp/k/a
  # A passphrase stays what it is.
  expect_ok bash -c 'echo a passphrase | tclone create pass --size 16M --fs none --key stdin'
  expect_ok tclone deactivate pass
  expect_exit 7 bash -c 'echo wrong | tclone rekey pass'
  expect_ok bash -c 'echo a passphrase | tclone rekey pass'
  expect_ok bash -c 'echo a passphrase | tclone activate pass'
  expect_ok tclone deactivate pass
  refused 2 'stdin' tclone rekey pass --key stdin
}

# Several turns for what is otherwise one; or, in a torture run, the turns that everyone has, of which 100 MiB take several.
some_turns() {
  if [[ ${LAB_TORTURE-} ]]; then populate 100; else populate 48; export TCLONE_FAULT_SHORT_TURNS=1; fi
}

refusals_tried=
# Cut off at a point, then gone on with; CLOSED says whether the vault may be used in between.
cut_off() {
  local point=$1 action=$2 usable=$3
  run env "TCLONE_FAULT=$point=$action" tclone rekey db --compare
  ((status != 0)) || lost "the fail point $point was not passed"
  [[ $action != int ]] || expect_text 'goes on where it was'
  run tclone recover
  ((status == 0)) || { lab_show; lost "recover after $point"; }
  (records_agree) || lost "the records after $point=$action"
  [[ $usable == no && ! ${LAB_TORTURE-} ]] || expect_ok tclone pool check p
  if [[ $usable == no && ! ${LAB_TORTURE-} && $refusals_tried ]]; then
    refused 4 'tclone rekey' tclone activate db
  elif [[ $usable == no ]]; then
    refusals_tried=1
    refused 4 'tclone rekey' tclone activate db
    refused 4 'tclone rekey' tclone publish db
    refused 4 'tclone rekey' tclone activate web1
    refused 4 'tclone rekey' tclone revert dev
    refused 4 'tclone rekey' tclone key add db --key file:/tmp/k/x
    expect_ok tclone doctor
    expect_text 'rekey db'
  else
    expect_ok tclone activate db web1
    down
  fi
}

case_cut_off_anywhere_it_goes_on() {
  some_turns
  down
  local before outer at point
  before=$(sums)
  head -c 48 /dev/urandom | base64 -w0 >/tmp/k/x; chmod 600 /tmp/k/x
  run env TCLONE_FAULT=rekey.begun=fail tclone rekey db
  ((status != 0)) || { say "left out: this tclone has no fail points"; return 0; }
  outer=$(field vaults/db.toml outer)
  refused 4 'keys are decided' tclone rekey db --key file:/tmp/k/x
  refused 4 'tclone rekey' tclone pool repair --vault db
  # In the middle of the copy: what was written down is not copied again.
  cut_off rekey.piece kill no
  expect_equal 0 "$(half db "done")" "what is copied before the first turn ends"
  cut_off rekey.copied kill no
  at=$(half db "done")
  ((at > 100 << 20)) || lost "the first turn copied up to $at only"
  cut_off rekey.piece kill no
  expect_equal "$at" "$(half db "done")" "what is copied"
  cut_off rekey.piece int no
  (($(half db "done") > at)) || lost "SIGINT lost the turn's work"
  # Another command between: a version that goes leaves its deletion to the new half.
  expect_ok tclone rm db@2 --yes
  things=(db dev web1 db@1)
  before=$(echo "$before" | grep -v db@2)
  for point in ${LAB_TORTURE:+rekey.copied#2 rekey.checked}; do cut_off "$point" kill no; done
  expect_equal "$outer" "$(field vaults/db.toml outer)" "the outer thin before the change-over"
  # The one commit point.
  run env "TCLONE_FAULT=commit=kill" tclone rekey db
  expect_ok tclone recover
  expect_equal "$outer" "$(field vaults/db.toml outer)" "the outer thin after a kill before the commit"
  cut_off committed kill yes
  expect_differ "$outer" "$(field vaults/db.toml outer)" "the outer thin after the change-over"
  expect_equal "$outer" "$(half db outer)" "the half that goes"
  refused 4 'new key already' tclone rekey db --cancel
  # The last of these may be the end of the last turn, after which there is nothing left to overwrite.
  for point in rekey.overwritten ${LAB_TORTURE:+rekey.overwritten} rekey.erased; do cut_off "$point" kill yes; done
  cut_off committed kill yes
  run tclone rekey db
  expect_equal "$before" "$(sums)" "checksums of volumes and versions"
  expect_ok tclone pool check p
  things=(db dev web1 db@1 db@2)
}

case_it_is_given_up() {
  populate 8
  down
  local before state key used
  before=$(sums) key=$(key_file db)
  used=$(tclone pool status p --json | tr ',' '\n' | sed -n 's/.*"used": *\([0-9]*\).*/\1/p' | head -n 1)
  run env TCLONE_FAULT=rekey.copied=kill tclone rekey db
  ((status != 0)) || { say "left out: this tclone has no fail points"; return 0; }
  expect_equal 3 "$(find /etc/tclone/keys -name '*.key' | wc -l)" "key files, with that of the half"
  expect_ok tclone status
  expect_text 'db +rekey '
  expect_ok tclone rekey db --cancel --dry-run
  expect_ok tclone rekey db --cancel
  expect_file "$key"
  expect_equal 2 "$(find /etc/tclone/keys -name '*.key' | wc -l)" "key files"
  grep -q rekey /var/lib/tclone/p/vaults/db.toml && lost "the record still tells of a rekey"
  expect_equal "$used" "$(tclone pool status p --json | tr ',' '\n' | sed -n 's/.*"used": *\([0-9]*\).*/\1/p' | head -n 1)" "what the pool holds"
  expect_equal "$before" "$(sums)" "checksums of volumes and versions"
  # A volume that is removed takes both halves with it; so does a pool.
  expect_ok tclone create solo --size 16M --fs none
  expect_ok tclone deactivate solo
  run env TCLONE_FAULT=rekey.copied=kill tclone rekey solo
  expect_ok tclone rm solo --yes
  (records_agree) || lost "the records after rm"
  expect_equal 2 "$(find /etc/tclone/keys -name '*.key' | wc -l)" "key files after rm"
  run env TCLONE_FAULT=rekey.copied=kill tclone rekey db
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p
  expect_ok tclone rekey db
  run env TCLONE_FAULT=rekey.copied=kill tclone rekey db
  expect_ok tclone pool destroy p --yes
  expect_equal 0 "$(find /etc/tclone/keys -name '*.key' | wc -l)" "key files after the pool has gone"
}

case_other_commands_run_while_it_copies() {
  some_turns
  down
  expect_ok tclone create other --size 16M --fs none
  tclone rekey db 2>/tmp/k/err &
  local pid=$! n=0
  while kill -0 $pid 2>/dev/null; do
    expect_ok tclone publish other
    n=$((n + 1))
  done
  wait $pid || { cat /tmp/k/err; lost "the rekey"; }
  ((n > 1)) || lost "only $n publishes while a rekey ran"
  say "$n publishes while the rekey ran"
  expect_ok tclone activate db dev web1
}
