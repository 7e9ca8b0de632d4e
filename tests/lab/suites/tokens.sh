# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x512M --timeout 600
# needs: tclone
# A vault that systemd-cryptenroll has bound to a TPM, opened by tclone through libcryptsetup's plugin of systemd.
#
# No kernel of the lab has a TPM driver that needs no hardware. A pair of pseudo-terminals takes its place: what libtss2
# does with /dev/tpmrm0 (write a command, poll, read the response) works on a terminal as well, and swtpm serves the
# other end. systemd looks for the name in /sys/class/tpmrm (src/shared/tpm2-util.c, tpm2_find_device_auto).
source "$LAB_SOURCE/tests/lab/tclone.sh"

tpm_server='' tpm_pids=()

# The machine's board: a slot for a TPM, with or without one in it.
tpm_board() {
  socat PTY,link=/dev/tpmrm0,rawer PTY,link=/run/tpm-server,rawer &
  tpm_pids+=($!)
  while [[ ! -e /dev/tpmrm0 || ! -e /run/tpm-server ]]; do sleep 0.05; done
  # The pair goes away with the last who has it open.
  exec 7<>/dev/tpmrm0
  mount -t tmpfs none /sys/class
  mkdir -p /sys/class/tpmrm/tpmrm0
}
# tpm_in FOLDER: the TPM with the state in that folder, a new one if it has none.
tpm_in() {
  mkdir -p "$1"
  swtpm chardev --tpm2 --chardev /run/tpm-server --tpmstate "dir=$1" --flags not-need-init,startup-clear \
    --log "file=$1/log,level=1" 7<&- &
  tpm_server=$!
}
tpm_out() { kill "$tpm_server"; kill -CONT "$tpm_server" 2>/dev/null; wait "$tpm_server" 2>/dev/null; tpm_server=; }
# What the driver behind a real /dev/tpmrm0 does for each who closes it: TPM2_FlushContext for all that TPM2_GetCapability
# tells of loaded sessions and of objects. Twice tpm2_flushcontext does it as well, and takes ten times as long to start.
tpm_flush() {
  perl -e '
    open(my $tpm, "+<:raw", "/dev/tpmrm0") or die "/dev/tpmrm0: $!";
    sub ask {
      my ($code, $body) = @_;
      my ($said, $want) = ("", 10);
      syswrite($tpm, pack("nNN", 0x8001, 10 + length $body, $code) . $body) or die "write: $!";
      while (length $said < $want) {
        sysread($tpm, $said, 4096, length $said) or die "read: $!";
        $want = unpack("x2 N", $said) if length $said >= 10;
      }
      my $status = unpack("x6 N", $said);
      die sprintf("command %x: status %x", $code, $status) if $status;
      return $said;
    }
    for my $kind (0x02000000, 0x80000000) {
      my (undef, undef, @handles) = unpack("x10 C N N/N", ask(0x17a, pack("NNN", 1, $kind, 64)));
      ask(0x165, pack("N", $_)) for @handles;
    }' || lost "the TPM was not flushed"
}
thin_of() { printf '/dev/mapper/tclone-p-_%s.thin' "$(field "vaults/$1.toml" outer)"; }
# enrol NAME OPTION…
enrol() {
  local name=$1
  shift
  expect_ok systemd-cryptenroll "$@" --tpm2-device=/dev/tpmrm0 "$(thin_of "$name")"
  tpm_flush
}

case_teardown() {
  rm -rf /dev/tpmrm0 /dev/tpm-gone /run/tpm-server /run/tpm.[ab] /tmp/k
  pool_away
}

# Each case is a shell of its own, and what it started ends with it.
board_away() {
  if [[ $tpm_server ]]; then tpm_out; fi
  exec 7<&-
  kill "${tpm_pids[@]}"
  wait "${tpm_pids[@]}" 2>/dev/null
  umount /sys/class
}

# A TPM, a pool with the volume v, and a key to spare; not where the programs that make a TPM are missing.
begin() {
  if ! command -v swtpm >/dev/null || ! command -v socat >/dev/null; then
    say "left out: swtpm or socat is missing"
    return 1
  fi
  trap board_away EXIT
  mkdir -p /tmp/k
  head -c 48 /dev/urandom | base64 -w0 >/tmp/k/spare; chmod 600 /tmp/k/spare
  tpm_board
  tpm_in /run/tpm.a
  pool_up
  expect_ok tclone create v --size 16M --fs none
}

case_nobody_waits_for_a_token_that_takes_long() {
  begin || return 0
  local key
  key=/etc/tclone/keys/$(field vaults/v.toml uuid).key
  # A token that has lost its slot stays in the header, before the good one, and its TPM would still answer.
  enrol v --unlock-key-file="$key" --tpm2-pcrs=16
  expect_ok tclone key add v --key token
  tpm_flush
  expect_ok tclone key rm v --key token
  tpm_flush
  enrol v --unlock-key-file="$key" --tpm2-pcrs=
  expect_equal 1 "$(cryptsetup luksDump --dump-json-metadata "$(thin_of v)" | tr -d ' \n' | grep -o '"keyslots":\[\]' | wc -l)" \
    "the tokens without a slot"
  expect_ok tclone key add v --key token
  tpm_flush
  expect_ok tclone key rm v --key file --use token
  expect_ok tclone publish v
  tpm_flush
  expect_ok tclone deactivate v
  # The TPM does not answer, as a key does not that waits for somebody's finger.
  local command pid status n=0
  for command in 'activate v' 'key test v' 'clone v@1 own'; do
    kill -STOP "$tpm_server"
    # shellcheck disable=SC2086  # words
    tclone $command >/tmp/k/said 2>&1 &
    pid=$!
    # It has the TPM open while it waits.
    until [[ -n $(find "/proc/$pid/fd" -lname '/dev/pts/*' -printf x -quit 2>/dev/null) ]]; do
      kill -0 "$pid" 2>/dev/null || lost "$command did not wait: $(</tmp/k/said)"
      sleep 0.1
    done
    n=$((n + 1))
    expect_ok tclone create "w$n" --size 16M --fs none --lock-timeout 1
    expect_ok tclone rm "w$n" --yes --lock-timeout 1
    expect_no_file "$(thin_of v)"
    kill -CONT "$tpm_server"
    status=0
    wait "$pid" || status=$?
    expect_equal 0 "$status" "the exit status of $command, which said: $(</tmp/k/said)"
    tpm_flush
    run tclone deactivate own
    expect_ok tclone deactivate v
  done
}

case_a_vault_opens_with_its_tpm_and_with_nothing_else() {
  begin || return 0
  fill /dev/mapper/tclone-p-v seed 2
  local sum key
  sum=$(checksum /dev/mapper/tclone-p-v)
  key=/etc/tclone/keys/$(field vaults/v.toml uuid).key
  expect_ok tclone key add v --key file:/tmp/k/spare
  refused 7 'no token opens it' tclone key add v --key token
  # Bound to a measurement that can be changed and reset at will.
  enrol v --unlock-key-file="$key" --tpm2-pcrs=16
  expect_ok tclone key add v --key token
  tpm_flush
  expect_ok tclone key rm v --key file --use token
  tpm_flush
  expect_no_file "$key"
  expect_equal token "$(field vaults/v.toml kind)" "the recorded kind"
  expect_ok tclone deactivate v
  mv /tmp/k/spare /tmp/k/away
  expect_ok tclone activate v
  tpm_flush
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-v)" "the data"
  expect_ok tclone deactivate v

  # A machine that booted otherwise.
  expect_ok tpm2_pcrextend -T device:/dev/tpmrm0 "16:sha256=$(printf '%064d' 7)"
  refused 7 'no token opens it.*key rm NAME --key token --use' tclone activate v
  tpm_flush
  expect_ok tpm2_pcrreset -T device:/dev/tpmrm0 16
  expect_ok tclone key test v
  tpm_flush
  # Another machine's TPM.
  tpm_out
  tpm_in /run/tpm.b
  refused 7 'no token opens it' tclone activate v
  tpm_flush
  # Its own again.
  tpm_out
  tpm_in /run/tpm.a
  expect_ok tclone activate v
  tpm_flush
  expect_ok tclone deactivate v
  # None at all: neither its node nor what the kernel says of it.
  tpm_out
  mv /dev/tpmrm0 /dev/tpm-gone
  refused 7 'no token opens it.*hardware' tclone activate v
  rmdir /sys/class/tpmrm/tpmrm0
  refused 7 'no token opens it.*hardware' tclone activate v
  refused 7 'no token opens it' tclone key test v
  # The way out that the message tells.
  mv /tmp/k/away /tmp/k/spare
  expect_ok tclone key rm v --key token --use file:/tmp/k/spare
  expect_ok tclone activate v
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-v)" "the data"
  mv /dev/tpm-gone /dev/tpmrm0
  mkdir /sys/class/tpmrm/tpmrm0
  tpm_in /run/tpm.a
  refused 7 'no token opens it' tclone key test v --key token
}

typed() { type_pin "$@"; tpm_flush; }
# How many wrong PINs the TPM has counted.
tpm_counted() { tpm2_getcap -T device:/dev/tpmrm0 properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: //p'; }

case_a_pin_is_asked_for_or_comes_from_systemd() {
  begin || return 0
  fill /dev/mapper/tclone-p-v seed 2
  local sum key n
  sum=$(checksum /dev/mapper/tclone-p-v)
  key=/etc/tclone/keys/$(field vaults/v.toml uuid).key
  expect_ok tclone key add v --key file:/tmp/k/spare
  NEWPIN=271828 enrol v --unlock-key-file="$key" --tpm2-pcrs= --tpm2-with-pin=yes
  refused 7 'no terminal to ask for the PIN of the token systemd-tpm2.*cryptsetup.tpm2-pin.*--use' tclone key add v --key token
  typed 271828 0 'tclone key add v --key token'
  expect_ok tclone key rm v --key file --use token
  expect_ok tclone publish v
  expect_ok tclone deactivate v
  refused 7 'no terminal.*systemd-tpm2' tclone activate v
  refused 7 'no terminal.*systemd-tpm2' tclone key test v
  expect_equal 0x0 "$(tpm_counted)" "the wrong PINs"
  typed 141421 7 'tclone activate v'
  grep -q 'systemd-tpm2.*PIN' /tmp/k/tty || lost "it said: $(</tmp/k/tty)"
  expect_equal 0x1 "$(tpm_counted)" "the wrong PINs"
  # Nobody waits for who types.
  while_asked='expect_ok tclone create w1 --size 16M --fs none --lock-timeout 1'
  typed 271828 0 'tclone activate v'
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-v)" "the data"
  expect_ok tclone deactivate v
  while_asked='expect_ok tclone create w2 --size 16M --fs none --lock-timeout 1'
  typed 271828 0 'tclone clone v@1 own'
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-own)" "the data of the clone"
  expect_ok tclone deactivate own
  while_asked='expect_ok tclone create w3 --size 16M --fs none --lock-timeout 1'
  typed 271828 0 'tclone key test v'

  # Where a copy of the header does not do, because no key slot is free.
  for n in 1 2; do
    head -c 48 /dev/urandom | base64 -w0 >"/tmp/k/more$n"; chmod 600 "/tmp/k/more$n"
    expect_ok tclone key add v --unlock file:/tmp/k/spare --key "file:/tmp/k/more$n"
  done
  while_asked='expect_ok tclone create w4 --size 16M --fs none --lock-timeout 1'
  typed 271828 0 'tclone activate v'
  expect_ok tclone deactivate v
  while_asked='expect_ok tclone create w5 --size 16M --fs none --lock-timeout 1'
  typed 271828 0 'tclone key test v'
  while_asked=
  typed 141421 7 'tclone activate v'
  expect_ok tclone key rm v --key file:/tmp/k/more1

  # What a unit has instead of a terminal.
  mkdir /tmp/k/credentials
  export CREDENTIALS_DIRECTORY=/tmp/k/credentials
  printf 141421 >/tmp/k/credentials/cryptsetup.tpm2-pin
  refused 7 'systemd-tpm2.*PIN' tclone activate v
  tpm_flush
  printf 271828 >/tmp/k/credentials/cryptsetup.tpm2-pin
  # It was the third wrong one.
  refused 7 'systemd-tpm2 is locked' tclone activate v
  tpm_flush
  expect_ok tpm2_dictionarylockout -T device:/dev/tpmrm0 --clear-lockout
  expect_ok tclone activate v
  tpm_flush
  expect_equal "$sum" "$(checksum /dev/mapper/tclone-p-v)" "the data"
  unset CREDENTIALS_DIRECTORY
  # The way out for who has forgotten it asks for none.
  expect_ok tclone deactivate v
  expect_ok tclone key rm v --key token --use file:/tmp/k/spare
  expect_ok tclone activate v
}
