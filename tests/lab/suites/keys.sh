# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x1G --timeout 400 --mem 320M
# needs: tclone
# Where keys come from, and the commands that change them.
source "$LAB_SOURCE/tests/lab/tclone.sh"

case_teardown() { pool_away; rm -rf /tmp/k; }

begin() { mkdir -p /tmp/k; pool_up; }
# A secret of N bytes of text: secret FILE [BYTES]
secret() { head -c "${2:-48}" /dev/urandom | base64 -w0 >"$1"; chmod 600 "$1"; }
# thin_of NAME: the device that has the header, while the vault is open.
thin_of() { echo "/dev/mapper/tclone-p-_$(field "vaults/$1.toml" outer).thin"; }
key_file() { echo "/etc/tclone/keys/$(field "vaults/$1.toml" uuid).key"; }
again() { expect_ok tclone deactivate "$1"; expect_ok tclone activate "$1"; }
# keyslots NAME: numbers of its slots
slots() { tclone key list "$1" | sed -n 's/^\([0-9]\+\).*/\1/p' | tr '\n' ' '; }

case_files_commands_keyrings_and_credentials() {
  begin
  secret /tmp/k/file; secret /tmp/k/exec; secret /tmp/k/cred
  export CREDENTIALS_DIRECTORY=/tmp/k
  printf '#!/bin/sh\ncat /tmp/k/exec\n' >/tmp/k/give; chmod 755 /tmp/k/give
  local sources=(file:/tmp/k/file exec:/tmp/k/give credential:cred) source n=0
  if command -v keyctl >/dev/null; then
    keyctl padd user tclone:test @u </tmp/k/file >/dev/null || lost "keyctl"
    sources+=(keyring:tclone:test)
  else
    say "without keyctl (keyutils): keyrings are left out"
  fi
  for source in "${sources[@]}"; do
    n=$((n + 1))
    expect_ok tclone create "v$n" --size 16M --fs none --key "$source"
    expect_equal "${source%%:*}" "$(field "vaults/v$n.toml" kind)" "the recorded kind"
    expect_equal "${source#*:}" "$(field "vaults/v$n.toml" reference)" "the recorded reference"
    again "v$n"
    expect_ok tclone key test "v$n"
    expect_no_file "$(key_file "v$n")"
  done
  rm /tmp/k/cred
  expect_ok tclone deactivate v3
  refused 7 'credential' tclone activate v3
}

# Waits until the command of this name (15 characters) runs.
comm_runs() { [[ " $(cat /proc/[0-9]*/comm 2>/dev/null | tr '\n' ' ')" == *" $1 "* ]]; }

case_a_key_command_that_is_ended_leaves_nothing_behind() {
  begin
  secret /tmp/k/key
  cp "$(command -v sleep)" /tmp/k/key-sleep
  printf '#!/bin/sh\ncat /tmp/k/key\n' >/tmp/k/give; chmod 755 /tmp/k/give
  # Whoever starts tclone may ignore that children end.
  expect_ok env --ignore-signal=CHLD tclone create v --size 16M --fs none --key exec:/tmp/k/give
  expect_ok tclone deactivate v
  # What hangs is not the command itself, and is not in its session either; it keeps the command's output open.
  printf '#!/bin/sh\nsetsid /tmp/k/key-sleep 300 &\nwait\n' >/tmp/k/give
  local pid status=0
  tclone activate v 2>/tmp/k/said &
  pid=$!
  until comm_runs key-sleep; do sleep 0.1; done
  # Nobody waits for it.
  expect_ok tclone create w --size 16M --fs none --lock-timeout 1
  kill "$pid"
  wait "$pid" || status=$?
  expect_equal 1 "$status" "the exit status; it said: $(</tmp/k/said)"
  grep -q interrupted /tmp/k/said || lost "it said: $(</tmp/k/said)"
  comm_runs key-sleep && lost "what the key command started is still there"
  # One that leaves something behind and succeeds is not waited for.
  printf '#!/bin/sh\n/tmp/k/key-sleep 300 &\ncat /tmp/k/key\n' >/tmp/k/give
  expect_ok tclone activate v
  comm_runs key-sleep || lost "what the key command left running was ended"
  for pid in /proc/[0-9]*; do
    if [[ $(cat "$pid/comm" 2>/dev/null) == key-sleep ]]; then kill "${pid#/proc/}"; fi
  done
}

case_standard_input_and_the_terminal() {
  begin
  echo 'a passphrase' >/tmp/k/in1
  # At the usual cost, in a machine with little memory.
  expect_ok env -u TCLONE_FAULT_CHEAP_ARGON2 bash -c 'tclone create v1 --size 16M --fs none --key stdin </tmp/k/in1'
  expect_ok tclone deactivate v1
  expect_exit 7 tclone activate v1
  # One newline at the end is not part of it.
  expect_ok bash -c 'printf "a passphrase" | tclone activate v1'
  expect_ok tclone key list v1
  expect_text 'argon2id'
  # Nor is it for cryptsetup.
  expect_ok bash -c 'cryptsetup open --test-passphrase "$0" </tmp/k/in1' "$(thin_of v1)"
  expect_exit 7 tclone create v2 --size 16M --fs none --key prompt
  # Nobody has to wait for who types.
  while_asked='expect_ok tclone create v3 --size 16M --fs none --lock-timeout 1'
  on_tty 'tclone create v2 --size 16M --fs none --key prompt' 'long and winding' 'long and winding'
  while_asked=
  expect_equal 0 "$status" "the exit status of create"
  expect_ok tclone deactivate v2
  on_tty 'tclone activate v2' 'wrong'
  expect_equal 7 "$status" "the exit status with a wrong passphrase"
  on_tty 'tclone activate v2' 'long and winding'
  expect_equal 0 "$status" "the exit status of activate"
  grep -q 'winding' /tmp/k/tty && lost "the terminal shows the passphrase"
  return 0
}

case_a_token_opens_what_it_was_enrolled_for() {
  command -v keyctl >/dev/null || { say "left out: there is no keyctl"; return 0; }
  begin
  secret /tmp/k/tok
  keyctl padd user tclone:token @u </tmp/k/tok >/dev/null || lost "keyctl"
  expect_ok tclone create v --size 16M --fs none
  expect_exit 7 tclone key add v --key token
  expect_ok tclone key add v --key file:/tmp/k/tok
  expect_ok cryptsetup token add --key-description tclone:token "$(thin_of v)"
  expect_ok tclone key add v --key token
  expect_ok tclone key rm v --key file --use token
  expect_equal token "$(field vaults/v.toml kind)" "the recorded kind"
  again v
  expect_ok tclone key list v
  expect_text 'token'
  refused 4 'last one' tclone key rm v --key token
  # Without what it was enrolled with it opens nothing.
  expect_ok tclone deactivate v
  keyctl unlink "$(keyctl search @u user tclone:token)" @u >/dev/null || lost "keyctl"
  refused 7 'token' tclone activate v
  refused 7 'token' tclone key test v
  expect_ok tclone key test v --key file:/tmp/k/tok
  # No header can be made with one, whether for a new vault or for a new volume key.
  refused 2 'systemd-cryptenroll' tclone create w --size 16M --fs none --key token
  refused 2 'systemd-cryptenroll' tclone clone v w --key token
  refused 2 'enrol the token again' tclone rekey v
  expect_ok tclone rekey v --unlock file:/tmp/k/tok --key file
  expect_ok tclone activate v
  expect_ok tclone key test v --key file:/tmp/k/tok
}

case_keys_are_added_and_removed() {
  begin
  secret /tmp/k/a; secret /tmp/k/b; secret /tmp/k/c; secret /tmp/k/d
  expect_ok tclone create v --size 16M --fs none
  local made
  made=$(key_file v)
  expect_file "$made"
  refused 4 'last one' tclone key rm v 0
  refused 3 'no key slot 9' tclone key rm v 9
  refused 2 'missing' tclone key rm v
  refused 2 'missing' tclone key add v
  refused 7 '' tclone key test v --key file:/tmp/k/a
  expect_ok tclone key add v --key file:/tmp/k/a
  expect_ok tclone key add v --key file:/tmp/k/a
  expect_text 'nothing|already'
  expect_ok tclone key add v --key file:/tmp/k/b --unlock file:/tmp/k/a
  expect_ok tclone key add v --key file:/tmp/k/c
  expect_equal '0 1 2 3 ' "$(slots v)" "the slots"
  refused 6 'slot' tclone key add v --key file:/tmp/k/d
  refused 7 '' tclone key add v --key file:/tmp/k/d --unlock file:/tmp/k/d
  expect_ok tclone key list v --json
  expect_text '"reference": "/tmp/k/c"'
  # The generated key goes, with its file; the record turns to the last one added, closed or open.
  expect_ok tclone deactivate v
  expect_ok tclone key rm v --key file
  expect_no_file "$made"
  expect_equal /tmp/k/c "$(field vaults/v.toml reference)" "the recorded source"
  expect_ok tclone activate v
  expect_ok tclone key rm v 3 --use file:/tmp/k/a
  expect_equal /tmp/k/a "$(field vaults/v.toml reference)" "the recorded source"
  expect_ok tclone key rm v --key file:/tmp/k/b
  expect_equal '1 ' "$(slots v)" "the slots"
  again v
  refused 7 '' tclone key test v --key file:/tmp/k/c
  refused 4 'last one' tclone key rm v 1
  # A key file may be made again.
  expect_ok tclone key add v --key file
  expect_file "$made"
  expect_ok tclone key rm v 1
  again v
  expect_ok tclone key rm v --key file --yes
  expect_text 'nothing opens'
  refused 7 'no key slot left' tclone key list v
  expect_ok tclone deactivate v
  expect_exit 7 tclone activate v
  expect_exit 8 tclone doctor
  expect_text 'tclone rm'
  # Nobody can read it, and it can go.
  expect_ok tclone rm v --yes
}

case_a_clone_is_handed_over_to_a_tenant() {
  begin
  secret /tmp/k/tenant
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone clone db web1
  expect_ok tclone key add web1 --key file:/tmp/k/tenant
  expect_ok tclone key rm web1 --key file
  mv /tmp/k/tenant /tmp/tenant.away
  expect_ok tclone deactivate web1
  expect_exit 7 tclone activate web1
  expect_text '/tmp/k/tenant'
  mv /tmp/tenant.away /tmp/k/tenant
  expect_ok tclone activate web1
  # Also when the host cannot read the tenant's key at that moment.
  expect_ok tclone clone db web2
  expect_ok tclone key add web2 --key file:/tmp/k/tenant
  mv /tmp/k/tenant /tmp/tenant.away
  expect_ok tclone key rm web2 --key file
  expect_ok tclone deactivate web2
  expect_exit 7 tclone activate web2
  rm /tmp/tenant.away
}

case_headers_are_saved_and_brought_back() {
  begin
  expect_ok tclone create v --size 16M --fs none
  expect_ok tclone create w --size 16M
  fill /dev/mapper/tclone-p-v seed 4
  sync
  local sum
  sum=$(checksum /dev/mapper/tclone-p-v)
  expect_ok tclone key backup v /tmp/k/v.header
  expect_equal 600 "$(stat -c %a /tmp/k/v.header)" "the mode"
  refused 4 'exists' tclone key backup v /tmp/k/v.header
  refused 2 'in a pool' tclone key backup v /var/lib/tclone/p/v.header
  mnt w
  refused 2 'in a pool' tclone key backup v /mnt/w/v.header
  refused 5 'open' tclone key restore v /tmp/k/v.header --yes
  expect_ok tclone deactivate v
  refused 2 'yes' tclone key restore v /tmp/k/v.header
  umnt w
  expect_ok tclone deactivate w
  refused 8 'UUID' tclone key restore w /tmp/k/v.header --yes
  # The header is overwritten by accident.
  local outer
  outer=$(field vaults/v.toml outer)
  expect_ok dmsetup create victim --table "0 8192 thin /dev/mapper/tclone-p-_pool $outer"
  expect_ok dd if=/dev/urandom of=/dev/mapper/victim bs=1M count=2 conv=fsync
  local header
  header=$(head -c 2M /dev/mapper/victim | sha256sum)
  expect_ok dmsetup remove victim
  expect_exit 8 tclone activate v
  # A backup on a medium with a bad sector among its key slots: what is on the device may be better than that.
  local loop block
  truncate -s 16M /tmp/k/medium
  loop=$(losetup --find --show /tmp/k/medium)
  expect_ok dmsetup create bad --table "0 32768 linear $loop 0"
  expect_ok mkfs.ext4 -q -b 4096 /dev/mapper/bad
  mkdir -p /tmp/k/mnt
  expect_ok mount /dev/mapper/bad /tmp/k/mnt
  expect_ok cp /tmp/k/v.header /tmp/k/mnt/
  umount /tmp/k/mnt
  block=$(debugfs -R 'bmap v.header 32' /dev/mapper/bad 2>/dev/null)
  ((block > 0)) || lost "no block of the backup"
  expect_ok dmsetup remove bad
  expect_ok dmsetup create bad --table "0 $((block * 8)) linear $loop 0
$((block * 8)) 8 error
$((block * 8 + 8)) $((32768 - block * 8 - 8)) linear $loop $((block * 8 + 8))"
  expect_ok mount /dev/mapper/bad /tmp/k/mnt
  expect_exit 1 tclone key restore v /tmp/k/mnt/v.header --yes
  expect_text 'cannot be read to its end'
  umount /tmp/k/mnt
  expect_ok dmsetup remove bad
  losetup -d "$loop"
  expect_ok dmsetup create victim --table "0 8192 thin /dev/mapper/tclone-p-_pool $outer"
  expect_equal "$header" "$(head -c 2M /dev/mapper/victim | sha256sum)" "what was in place of the header"
  expect_ok dmsetup remove victim
  # Neither the header that was there nor the one to come is on the device for a moment: the backup still is.
  local point action
  for action in kill fail; do
    for point in header.wiped header.restored; do
      { run env TCLONE_FAULT="$point=$action" tclone key restore v /tmp/k/v.header --yes; } 2>/dev/null
      [[ $action$status == kill137 || $action$status == fail1 ]] || { lab_show; lost "key restore with $action at $point: status $status"; }
      run tclone activate v
      if [[ $point == header.wiped ]]; then
        expect_equal 8 "$status" "activate after $action at $point"
        expect_text 'restore the header'
      else
        expect_equal 0 "$status" "activate after $action at $point"
        expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-v)" "the data after $action at $point"
        expect_ok tclone deactivate v
        expect_ok dmsetup create victim --table "0 8192 thin /dev/mapper/tclone-p-_pool $outer"
        expect_ok dd if=/dev/urandom of=/dev/mapper/victim bs=1M count=2 conv=fsync
        expect_ok dmsetup remove victim
      fi
    done
  done
  expect_ok tclone key restore v /tmp/k/v.header --yes
  expect_ok tclone activate v
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-v)" "the data"
}

case_odd_keys() {
  begin
  : >/tmp/k/empty
  printf 'x' >/tmp/k/one
  head -c 256 /dev/urandom >/tmp/k/binary; printf '\n\0\n' >>/tmp/k/binary
  printf 'some text of more than thirty-two bytes\n' >/tmp/k/newline
  head -c 8388609 /dev/zero >/tmp/k/huge
  chmod 600 /tmp/k/*
  expect_exit 7 tclone create v --size 16M --fs none --key file:/tmp/k/empty
  expect_text empty
  expect_exit 7 tclone create v --size 16M --fs none --key file:/tmp/k/huge
  expect_text '8 MiB'
  local kind
  for kind in one binary newline; do
    expect_ok tclone create "v.$kind" --size 16M --fs none --key "file:/tmp/k/$kind"
    again "v.$kind"
    expect_ok cryptsetup open --test-passphrase --key-file "/tmp/k/$kind" "$(thin_of "v.$kind")"
  done
  # And what plain cryptsetup has added, tclone takes.
  secret /tmp/k/plain
  expect_ok cryptsetup luksAddKey --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /tmp/k/binary "$(thin_of v.binary)" /tmp/k/plain
  expect_ok tclone key list v.binary
  expect_text '1 +pbkdf2 +not made by tclone'
  expect_ok tclone key rm v.binary 0 --use file:/tmp/k/plain
  again v.binary
  chown nobody /tmp/k/plain
  expect_ok tclone deactivate v.binary
  refused 7 'chown root' tclone activate v.binary
  # A file is taken byte for byte.
  printf 'some text of more than thirty-two bytes' >/tmp/k/newline
  expect_ok tclone deactivate v.newline
  refused 7 'no key slot' tclone activate v.newline
  chown root /tmp/k/plain; chmod 644 /tmp/k/plain
  refused 7 'chmod 600' tclone activate v.binary
}

case_an_interrupted_change_locks_nobody_out() {
  begin
  secret /tmp/k/a
  expect_ok tclone create v --size 16M --fs none
  expect_ok tclone deactivate v
  run env TCLONE_FAULT=keyslot.added=fail tclone key add v --key file:/tmp/k/a
  ((status != 0)) || { say "left out: this tclone has no fail points"; return 0; }
  expect_ok tclone key add v --key file:/tmp/k/a
  local point
  for point in commit recorded keyslot.removed; do
    run env "TCLONE_FAULT=$point=kill" tclone key rm v --key file
    expect_ok tclone recover
    expect_ok tclone activate v
    expect_ok tclone deactivate v
    expect_ok tclone key add v --key file
    expect_ok tclone key test v --key file:/tmp/k/a
  done
}
