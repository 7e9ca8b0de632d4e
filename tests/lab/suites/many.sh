# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x3G --mem 700M --timeout 900
# needs: tclone
# Many active vaults, each with a key and an inner pool of its own, written to all at once with hardly any memory left:
# no deadlock, nothing lost. 12 of them in a plain run, 100 under LAB_TORTURE. What they cost the kernel is printed.
source "$LAB_SOURCE/tests/lab/tclone.sh"
case_teardown() { rm -f /tmp/source; umount /tmp/eaten 2>/dev/null; pool_away; }

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }

# memory NAME: KiB, from /proc/meminfo.
memory() { local name value; while read -r name value _; do [[ $name == "$1:" ]] && printf '%s\n' "$value"; done </proc/meminfo; }
kernel_threads() { local p n=0 link; for p in /proc/[0-9]*; do link=$(<"$p/cmdline") 2>/dev/null; [[ $link ]] || n=$((n + 1)); done 2>/dev/null; printf '%s\n' $n; }

case_many_vaults_are_written_to_at_once_with_little_memory() {
  local count=12 i name pids=() failed=0 before after
  [[ ${LAB_TORTURE-} ]] && count=100
  pool_up
  expect_ok tclone create base --size 16M --fs none
  expect_ok tclone publish base
  sync; echo 3 >/proc/sys/vm/drop_caches
  declare -A was
  for name in MemAvailable Slab KernelStack PageTables Percpu VmallocUsed; do was[$name]=$(memory $name); done
  before=$(kernel_threads)
  for ((i = 0; i < count; i++)); do expect_ok tclone clone base@1 "c$i"; done
  sync; echo 3 >/proc/sys/vm/drop_caches
  sleep 1
  after=$(kernel_threads)
  say "$count own-key clones active, a vault each; a vault costs, in KiB:"
  for name in MemAvailable Slab KernelStack PageTables Percpu VmallocUsed; do
    say "  $name: $((($(memory $name) - was[$name]) / count)) (of ${was[$name]} before)"
  done
  say "  kernel threads: $(((after - before) * 100 / count)) hundredths"

  # 2 MiB for each, different ones, from one file.
  fill /tmp/source seed $((count / 8 + 3))
  # What is left is 48 MiB, beside what the writers need themselves. A file in memory takes the rest at once; a program that
  # touches it page by page does so for ten seconds.
  mkdir -p /tmp/eaten
  expect_ok mount -t tmpfs -o size=100% eaten /tmp/eaten
  expect_ok fallocate -l "$(($(memory MemAvailable) - 48 * 1024))K" /tmp/eaten/all
  say "memory left when the writers begin: $(memory MemAvailable) KiB"
  local from
  from=$(now_ms)
  for ((i = 0; i < count; i++)); do
    dd if=/tmp/source of="$(dev "c$i")" iflag=skip_bytes,fullblock bs=64k count=32 skip=$((i * 131072)) conv=notrunc,fsync status=none &
    pids+=($!)
    # Not all programs at once: the memory is for the writes, not for starting dd.
    ((i % 10 == 9)) && sleep 0.3
  done
  for i in "${pids[@]}"; do wait "$i" || failed=$((failed + 1)); done
  say "written and flushed in $(($(now_ms) - from)) ms, $failed writers failed"
  expect_ok umount /tmp/eaten
  ((failed == 0)) || lost "$failed writers of $count"
  sync; echo 3 >/proc/sys/vm/drop_caches
  for ((i = 0; i < count; i++)); do
    expect_equal "$(dd if=/tmp/source bs=64k count=32 skip=$((i * 131072)) iflag=skip_bytes,fullblock status=none | sha256sum)" \
      "$(dd if="$(dev "c$i")" bs=64k count=32 iflag=fullblock status=none | sha256sum)" "what clone $i of $count wrote"
  done
  expect_ok tclone doctor
  expect_text 'nothing is wrong'
  expect_ok tclone pool deactivate p
  expect_ok tclone pool activate p --volumes
  for ((i = 0; i < count; i += 7)); do
    expect_equal "$(dd if=/tmp/source bs=64k count=32 skip=$((i * 131072)) iflag=skip_bytes,fullblock status=none | sha256sum)" \
      "$(dd if="$(dev "c$i")" bs=64k count=32 iflag=fullblock status=none | sha256sum)" "what clone $i of $count wrote, after all were opened again"
  done
}
