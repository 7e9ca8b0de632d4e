# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --lanes uml --timeout 400
# needs: tclone
# A busy run over two vaults (files with fsync in a base and in its own-key clone, publishes, clones, then a rekey) is recorded by
# dm-log-writes below the whole pool and replayed to FLUSH/FUA marks: what a power cut leaves there at worst. At each
# the pool recovers, is consistent, both filesystems are clean, and holds what was durable by then.
source "$(dirname "$0")/../driver.sh" "$@"

share=$driver_dir/share
inside=$LAB_SOURCE/tests/lab/log_run.sh
marks=5 rounds=6 in_rekey=2
if [[ ${LAB_TORTURE-} ]]; then marks=$((LAB_TORTURE * 16)) rounds=24 in_rekey=$((LAB_TORTURE * 4)); fi
REPLAY_SIZE=$((768 << 20))

step "a busy run is recorded" 0 --share "$share" --disk "$driver_dir/pool:768M" --disk "$driver_dir/log:4G" -- \
  "$inside record $rounds" || driver_end
"$REPLAY_LOG" list "$driver_dir/log" marks >"$driver_dir/marks" || driver_end
"$REPLAY_LOG" list "$driver_dir/log" barriers >"$driver_dir/barriers"
read -r _ from _ < <(grep 'MARK ready$' "$driver_dir/marks")
read -r _ rekeying _ < <(grep 'MARK rekeying$' "$driver_dir/marks")
total=$(wc -l <"$driver_dir/barriers")

# Evenly spread, with a seed that can be given again.
RANDOM=${LAB_SEED:-42}
wanted=()
spread() {  # HOW-MANY FROM TO
  local i width=$((($3 - $2) / $1))
  for ((i = 0; i < $1; i++)); do wanted+=($(($2 + 1 + i * width + RANDOM % (width > 0 ? width : 1)))); done
}
spread "$marks" "$from" "$rekeying"
spread "$in_rekey" "$rekeying" "$total"

# Which promises hold by an entry: files that were deleted again later may be gone.
promises() {  # INDEX-OF-ENTRY
  awk -v last="$1" '$1 <= last { print $NF }' "$driver_dir/marks" | grep -E '^(file|version|volume):' | awk -F: '
    { key = $0; if ($1 == "file" && split($3, part, "-") == 2) { key = $2 part[1] } kept[key] = $0 }
    END { for (k in kept) print kept[k] }'
}

checked=0
disks=()
flush_batch() {
  ((${#disks[@]})) || return 0
  local args=() d
  for d in "${disks[@]}"; do args+=(--disk "$d"); done
  step "${#disks[@]} images recover with everything that was durable" 0 --share "$share" "${args[@]}" -- "$inside check"
  checked=$((checked + ${#disks[@]}))
  rm -f "${disks[@]}"
  disks=()
}
for barrier in "${wanted[@]}"; do
  n=${#disks[@]}
  read -r entry _ < <(sed -n "${barrier}p" "$driver_dir/barriers")
  image_at --to "$entry" "$driver_dir/log" "$driver_dir/image$n" || { driver_failed=1; break; }
  promises "$entry" >"$share/expect.$n"
  echo "barrier $barrier of $total, entry $entry" >"$share/name.$n"
  disks+=("$driver_dir/image$n")
  ((${#disks[@]} == 8)) && { flush_batch || break; }
done
flush_batch
printf 'marks replayed: %d of %d, %d of them in a rekey\n' "$checked" "$total" "$in_rekey"
driver_end
