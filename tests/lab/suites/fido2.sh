# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x512M --timeout 600
# needs: tclone
# A vault that systemd-cryptenroll has bound to a FIDO2 key, opened by tclone through libcryptsetup's plugin of systemd.
#
# The key is tests/lab/fido2_key.py behind /dev/hidraw0, which CUSE gives it, because not every kernel of the lab has a
# HID driver. libfido2 finds such devices through libudev (src/hid_linux.c), which is shown a /sys/class with one of USB.
source "$LAB_SOURCE/tests/lab/tclone.sh"

key_pid=''

# The machine's board: a port for a key.
usb_board() {
  mount -t tmpfs none /sys/class
  # A sysfs that is none (systemd, docs/ENVIRONMENT.md).
  export SYSTEMD_DEVICE_VERIFY_SYSFS=0
}
# plug_in STATE [PIN]: the key with that state, a new one if there is none.
plug_in() {
  local hid=/sys/class/board/0003:1209:F1D0.0001
  local raw=$hid/hidraw/hidraw0 numbers
  python3 "$LAB_SOURCE/tests/lab/fido2_key.py" "$1" hidraw0 "${@:2}" &
  key_pid=$!
  while [[ ! -e /dev/hidraw0 ]]; do
    kill -0 "$key_pid" 2>/dev/null || lost "the key did not start"
    sleep 0.05
  done
  numbers=$(stat -c '%t %T' /dev/hidraw0)
  mkdir -p "$raw" /sys/class/board/hid /sys/class/hidraw
  ln -sfn /sys/class/board/hid "$hid/subsystem"
  ln -sfn /sys/class/hidraw "$raw/subsystem"
  printf 'HID_ID=0003:00001209:0000F1D0\nHID_NAME=lab\n' >"$hid/uevent"
  printf 'MAJOR=%d\nMINOR=%d\nDEVNAME=hidraw0\n' $((16#${numbers% *})) $((16#${numbers#* })) >"$raw/uevent"
  ln -sfn "$raw" /sys/class/hidraw/hidraw0
}
unplug() {
  kill "$key_pid"
  wait "$key_pid" 2>/dev/null
  key_pid=
  rm /sys/class/hidraw/hidraw0
  while [[ -e /dev/hidraw0 ]]; do sleep 0.05; done
}
thin_of() { printf '/dev/mapper/tclone-p-_%s.thin' "$(field "vaults/$1.toml" outer)"; }
enrol() { expect_ok systemd-cryptenroll "$@" --fido2-device=auto "$(thin_of v)"; }
# How many wrong PINs the key will still count.
retries() { grep -o '"retries": [0-9]*' "$1"; }

case_teardown() {
  rm -rf /run/key.[ab] /tmp/k
  pool_away
}
board_away() {
  if [[ $key_pid ]]; then unplug; fi
  umount /sys/class
}

# A pool with the volume v, and a key to spare; not where what makes a FIDO2 key is missing.
begin() {
  if ! python3 -c 'import cryptography' 2>/dev/null || ! modprobe -q cuse 2>/dev/null || [[ ! -e /dev/cuse ]]; then
    say "left out: python3-cryptography or CUSE is missing"
    return 1
  fi
  trap board_away EXIT
  usb_board
  mkdir -p /tmp/k
  head -c 48 /dev/urandom | base64 -w0 >/tmp/k/spare; chmod 600 /tmp/k/spare
  pool_up
  expect_ok tclone create v --size 16M --fs none
  expect_ok tclone key add v --key file:/tmp/k/spare
  fill /dev/mapper/tclone-p-v seed 2
  sum=$(checksum /dev/mapper/tclone-p-v)
  key=/etc/tclone/keys/$(field vaults/v.toml uuid).key
}
opened_with_its_data() {
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-v)" "the data"
  expect_ok tclone deactivate v
}

case_a_vault_opens_with_its_key_and_with_nothing_else() {
  local sum key
  begin || return 0
  plug_in /run/key.a
  enrol --unlock-key-file="$key" --fido2-with-client-pin=no
  expect_ok tclone key add v --key token
  expect_ok tclone key rm v --key file --use token
  expect_no_file "$key"
  expect_ok tclone publish v
  expect_ok tclone deactivate v
  mv /tmp/k/spare /tmp/k/away
  expect_ok tclone activate v
  opened_with_its_data
  expect_ok tclone clone v@1 own
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-own)" "the data of the clone"
  expect_ok tclone deactivate own
  # None at all, somebody else's, its own again.
  unplug
  refused 7 'no token opens it.*systemd-fido2.*hardware' tclone activate v
  refused 7 'no token opens it.*systemd-fido2' tclone key test v
  plug_in /run/key.b
  refused 7 'no token opens it.*systemd-fido2' tclone activate v
  unplug
  plug_in /run/key.a
  expect_ok tclone key test v
  expect_ok tclone activate v
  opened_with_its_data
}

case_a_key_with_a_pin_wants_it() {
  local sum key name
  begin || return 0
  plug_in /run/key.a 271828
  # Where systemd-cryptenroll takes it from: up to 255, and since.
  mkdir /tmp/k/enrol /tmp/k/credentials
  for name in fido2-pin cryptenroll.fido2-pin; do printf 271828 >"/tmp/k/enrol/$name"; done
  CREDENTIALS_DIRECTORY=/tmp/k/enrol enrol --unlock-key-file="$key"
  type_pin 271828 0 'tclone key add v --key token'
  expect_ok tclone key rm v --key file --use token
  expect_ok tclone deactivate v
  refused 7 'no terminal to ask for the PIN of the token systemd-fido2.*cryptsetup.fido2-pin' tclone activate v
  while_asked='expect_ok tclone create w --size 16M --fs none --lock-timeout 1'
  type_pin 271828 0 'tclone activate v'
  while_asked=
  opened_with_its_data
  expect_equal '"retries": 8' "$(retries /run/key.a)" "what the key will still count"
  type_pin 141421 7 'tclone activate v'
  grep -q 'systemd-fido2 says that the PIN is wrong' /tmp/k/tty || lost "it said: $(</tmp/k/tty)"
  expect_equal '"retries": 7' "$(retries /run/key.a)" "what the key will still count"
  # A unit has no terminal.
  export CREDENTIALS_DIRECTORY=/tmp/k/credentials
  printf 141421 >/tmp/k/credentials/cryptsetup.fido2-pin
  refused 7 'systemd-fido2 says that the PIN is wrong' tclone key test v
  # The third wrong one since it was plugged in.
  refused 7 'systemd-fido2 is locked' tclone activate v
  printf 271828 >/tmp/k/credentials/cryptsetup.fido2-pin
  refused 7 'systemd-fido2 is locked' tclone activate v
  unplug
  refused 7 'no token opens it.*systemd-fido2' tclone activate v
  # Somebody else's, with the same PIN.
  plug_in /run/key.b 271828
  refused 7 'no token opens it.*systemd-fido2' tclone activate v
  unplug
  plug_in /run/key.a
  expect_ok tclone activate v
  opened_with_its_data
  # With no slot left a copy of the header cannot tell the key: the token is asked with the header itself.
  for name in third fourth fifth; do
    head -c 48 /dev/urandom >"/tmp/k/$name"; chmod 600 "/tmp/k/$name"
    expect_exit "$([[ $name == fifth ]] && echo 6 || echo 0)" tclone key add v --key "file:/tmp/k/$name" --unlock file:/tmp/k/spare
  done
  expect_ok tclone activate v
  opened_with_its_data
  expect_ok tclone key test v
  mv /tmp/k/credentials/cryptsetup.fido2-pin /tmp/k/pin
  type_pin 271828 0 'tclone activate v'
  opened_with_its_data
  type_pin 141421 7 'tclone activate v'
  grep -q 'systemd-fido2 says that the PIN is wrong' /tmp/k/tty || lost "it said: $(</tmp/k/tty)"
  mv /tmp/k/pin /tmp/k/credentials/cryptsetup.fido2-pin
  # The way out for who has forgotten it.
  rm /tmp/k/credentials/cryptsetup.fido2-pin
  expect_ok tclone key rm v --key token --use file:/tmp/k/spare
  expect_ok tclone activate v
}
