# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device under the pool that fails where and how a case wants it to: /dev/mapper/faulty, as long as ${disk[0]}.
#
# Kinds of faults:
#   error  every request to the stretch fails (dm-error)
#   read   reads fail until what is read was written again, as a disk with bad sectors does it (dm-dust)
#   write  writes to the stretch fail (dm-flakey error_writes), and with them every flush of the device: one that
#          cannot write cannot promise that anything is durable
#   drop   writes are said to be done and are not (dm-flakey drop_writes)
#   none   all is well

# faulty_table KIND STRETCH…: prints the table. STRETCH is START+LENGTH in KiB, in ascending order.
faulty_table() {
  local kind=$1 at=0 stretch start length end
  end=$(blockdev --getsz "${disk[0]}")
  shift
  for stretch in "$@"; do
    start=$((${stretch%+*} * 2)) length=$((${stretch#*+} * 2))
    ((start > at)) && printf '%d %d linear %s %d\n' $at $((start - at)) "${disk[0]}" $at
    case $kind in
      error) printf '%d %d error\n' $start $length ;;
      write) printf '%d %d flakey %s %d 0 3600 1 error_writes\n' $start $length "${disk[0]}" $start ;;
      drop) printf '%d %d flakey %s %d 0 3600 1 drop_writes\n' $start $length "${disk[0]}" $start ;;
      read) printf '%d %d dust %s %d 524288\n' $start $length "${disk[0]}" $start ;;
      *) lost "no fault of kind $kind" ;;
    esac
    at=$((start + length))
  done
  ((end > at)) && printf '%d %d linear %s %d\n' $at $((end - at)) "${disk[0]}" $at
  return 0
}

faulty_up() { faulty_table none | dmsetup create faulty || lost "no device to make faulty"; }

# faulty_set KIND STRETCH…: from now on. What is under way is not waited for.
faulty_set() {
  local kind=$1 stretch at
  dmsetup suspend --noflush --nolockfs faulty || lost "faulty cannot be suspended"
  faulty_table "$@" | dmsetup load faulty || lost "the table with faults of kind $kind was refused"
  dmsetup resume faulty || lost "faulty cannot be resumed"
  [[ $kind == read ]] || return 0
  shift
  for stretch in "$@"; do
    dmsetup message faulty $((${stretch%+*} * 2)) quiet >/dev/null
    # dm-dust counts its blocks, of 512 KiB here, from the start of the device below it.
    for ((at = ${stretch%+*}; at < ${stretch%+*} + ${stretch#*+}; at += 512)); do
      dmsetup message faulty $((${stretch%+*} * 2)) addbadblock $((at / 512)) || lost "no bad block at $at KiB"
    done
    dmsetup message faulty $((${stretch%+*} * 2)) enable || lost "dm-dust was not enabled"
  done
}

faulty_away() { [[ ! -e /dev/mapper/faulty ]] || dmsetup remove faulty; }

# What lies in the page cache does not show that a device fails.
forget_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }

# --- where an area lies, in stretches of START+LENGTH in KiB ---------------------------------------------------------

# linear_area LAYER: of a linear layer of the outer pool.
linear_area() {
  local length start
  read -r _ length _ _ start < <(dmsetup table "tclone-$tc_pool-_$1")
  printf '%d+%d\n' $((start / 2)) $((length / 2))
}

# outer_blocks OUTER-ID FROM TO: where blocks FROM to TO of an outer thin lie on the device; a block is 1 MiB.
outer_blocks() {
  local id=$1 from=$2 to=$3 base line mine='' at to_data n
  base=$(linear_area data) base=${base%+*}
  dmsetup message "tclone-$tc_pool-_pool" 0 reserve_metadata_snap || lost "no metadata snapshot of the outer pool"
  thin_dump -m "/dev/mapper/tclone-$tc_pool-_meta" >"$lab_tmp/dump" || lost "thin_dump of the outer pool"
  dmsetup message "tclone-$tc_pool-_pool" 0 release_metadata_snap || lost "metadata snapshot not released"
  while read -r line; do
    n=1
    case $line in
      '<device dev_id="'*) if [[ $line == *"dev_id=\"$id\""* ]]; then mine=1; else mine=; fi ;;&
      '<single_mapping '*) at=${line#*origin_block=\"} to_data=${line#*data_block=\"} ;;
      '<range_mapping '*) at=${line#*origin_begin=\"} to_data=${line#*data_begin=\"} n=${line#*length=\"} n=${n%%\"*} ;;
      *) continue ;;
    esac
    [[ $mine ]] || continue
    at=${at%%\"*} to_data=${to_data%%\"*}
    for (( ; n > 0; n--, at++, to_data++)); do
      ((at >= from && at <= to)) && printf '%d+1024\n' $((base + to_data * 1024))
    done
  done <"$lab_tmp/dump" | sort -n
}

# area NAME VAULT: the stretches of an area; those of a vault are asked of the outer pool. Layout: policies/sizing.h.
area() {
  local start
  case $1 in
    label) echo 0+1024 ;;
    label-copy) echo 512+512 ;;
    state) linear_area state ;;
    metadata) linear_area meta ;;
    spare) start=$(linear_area meta); echo "$((${start%+*} + ${start#*+}))+${start#*+}" ;;
    header) outer_blocks "$(field "vaults/$2.toml" outer)" 0 1 ;;
    inner-metadata) outer_blocks "$(field "vaults/$2.toml" outer)" 2 16383 ;;
    data) outer_blocks "$(field "vaults/$2.toml" outer)" 16386 1073741824 ;;
    *) lost "no area $1" ;;
  esac
}

# spoil_space_map DEVICE BYTE: overwrites a block of a thin-pool's metadata, which begin at that byte: the root of the
# bitmaps of the data space map, named in the superblock at byte 80 (thin_disk_superblock and disk_sm_root in
# dm-thin-metadata.c). No mapping is lost by it: thin_repair makes the space maps anew.
spoil_space_map() {
  local root
  root=$(dd if="$1" bs=8 skip=$((($2 + 80) / 8)) count=1 iflag=fullblock status=none | od -An -tu8)
  ((root > 0)) || lost "no space map on $1"
  head -c 4096 /dev/urandom | dd of="$1" bs=4096 seek=$(($2 / 4096 + root)) oflag=direct conv=notrunc,fsync status=none ||
    lost "$1 could not be spoilt"
}
