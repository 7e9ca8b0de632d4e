# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x512M --timeout 200
# needs: tclone
# Where else a secret could be: arguments, environments, logs, records, tables, system calls, core dumps, the disk.
source "$LAB_SOURCE/tests/lab/tclone.sh"

case_teardown() { pool_away; rm -rf /tmp/k; }

# Pieces between zero bytes (a disk has no lines) that have the text: found FILE TEXT
found() { grep -a -z -c -F "$2" "$1"; }

# hex_of FILE: as strace -xx spells it.
hex_of() { xxd -p -c1 "$1" | sed 's/^/\\x/' | tr -d '\n'; }

# Reading the key is the one kind of call that must have it, and so the control; the key command writes it into the pipe that
# tclone reads. No other call may.
no_call_tells() {
  local text teller
  text=$(hex_of /tmp/k/secret)
  expect_differ 0 "$(grep -F "$text" /tmp/k/trace | grep -cE 'read\(| resumed>')" "the reads of the key (the positive control)"
  teller=$(grep -F "$text" /tmp/k/trace | grep -vE 'read(\(| resumed>)|write\(1, ' | head -n 3)
  [[ -z $teller ]] || lost "the secret is in another system call: ${teller:0:120}"
}

# told STATUS ARGUMENT…: what a command says of itself at its most talkative is kept, and every system call of it.
told() {
  expect_exit "$1" "${tracer[@]}" tclone -vv "${@:2}"
  cat "$lab_tmp/out" "$lab_tmp/err" >>/tmp/k/seen
}

case_secrets_are_nowhere_to_be_seen() {
  mkdir -p /tmp/k
  pool_up
  head -c 48 /dev/urandom | base64 -w0 >/tmp/k/secret; chmod 600 /tmp/k/secret
  # The key command looks at who started it, then gives the key.
  cat >/tmp/k/give <<'TEXT'
#!/bin/bash
cat /proc/$PPID/cmdline /proc/$PPID/environ /proc/self/environ >>/tmp/k/seen
grep 'Max core' /proc/$PPID/limits >/tmp/k/limits
grep VmLck /proc/$PPID/status >/tmp/k/locked
exec cat /tmp/k/secret
TEXT
  chmod 700 /tmp/k/give
  printf 'wrong-%s' "$(</tmp/k/secret)" >/tmp/k/wrong; chmod 600 /tmp/k/wrong
  local -a tracer=(strace -f -xx -s 4096 -A -o /tmp/k/trace)
  run "${tracer[@]}" true
  ((status == 0)) || tracer=()
  told 0 create v --size 16M --fs none --key exec:/tmp/k/give
  told 0 publish v
  told 0 deactivate v
  told 0 activate v --json
  told 0 key add v --key file:/tmp/k/secret
  told 0 key add v --key file
  told 0 key list v --json
  told 7 key test v --key file:/tmp/k/wrong --json
  told 7 key add v --key file:/tmp/k/wrong --unlock file:/tmp/k/wrong
  told 0 key rm v --key file
  told 0 clone v@1 own --key exec:/tmp/k/give
  told 0 rm own --yes
  told 0 deactivate v
  told 0 rekey v
  told 0 show v --json
  told 0 doctor
  told 0 activate v
  dmsetup table --showkeys >>/tmp/k/seen
  cat /var/lib/tclone/p/*.toml /var/lib/tclone/p/*/*.toml >>/tmp/k/seen
  grep -q logon /tmp/k/seen || lost "dm-crypt has its key in its table"
  expect_equal 'Max core file size 0 0 bytes' "$(tr -s ' ' </tmp/k/limits | sed 's/ $//')" "the limit of core dumps"
  local form forms=("$(</tmp/k/secret)" "$(xxd -p -c999 /tmp/k/secret)" "$(base64 -w0 /tmp/k/secret)")
  for form in "${forms[@]}"; do
    expect_equal 0 "$(found /tmp/k/seen "$form")" "lines with the secret"
  done
  expect_equal 0 "$(found "${disk[0]}" "${forms[0]}")" "lines on the raw disk with the secret"
  (($(tr -cd 0-9 </tmp/k/locked) > 1000)) || lost "the memory of tclone is not locked: $(</tmp/k/locked)"
  if ((${#tracer[@]})); then no_call_tells; else say "strace does not work here: system calls are left out"; fi
}

case_a_command_that_crashes_leaves_no_core() {
  mkdir -p /tmp/k
  pool_up
  head -c 48 /dev/urandom | base64 -w0 >/tmp/k/secret; chmod 600 /tmp/k/secret
  printf '#!/bin/sh\ncat /tmp/k/secret\n' >/tmp/k/give
  # tclone has the first secret in its memory when it is asked for the second.
  printf '#!/bin/sh\nkill -SEGV $PPID\nsleep 1\n' >/tmp/k/crash
  chmod 755 /tmp/k/give /tmp/k/crash
  expect_ok tclone create v --size 16M --fs none --key exec:/tmp/k/give
  local pattern
  pattern=$(</proc/sys/kernel/core_pattern)
  echo /tmp/k/core.%e >/proc/sys/kernel/core_pattern
  ulimit -c unlimited
  run bash -c 'kill -SEGV $$'
  run tclone key add v --key exec:/tmp/k/crash
  echo "$pattern" >/proc/sys/kernel/core_pattern
  expect_equal 139 "$status" "the exit status of a command that crashes"
  expect_file /tmp/k/core.bash  # the control
  expect_no_file /tmp/k/core.tclone
  expect_ok tclone key list v
}
