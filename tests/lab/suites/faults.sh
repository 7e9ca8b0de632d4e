# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 2x1G --timeout 900
# needs: tclone
# Faulty devices: each kind of fault in each area of a pool. A command says what fails, ends in time and leaves nothing
# suspended; doctor explains; what does not lie on the faulty area goes on; once the device is well again so is the
# pool, and its contents are as they were. LAB_TORTURE tries every pair, a plain run those marked "plain".
source "$LAB_SOURCE/tests/lab/tclone.sh"
source "$LAB_SOURCE/tests/lab/faulty.sh"

suite_setup() {
  modprobe -qa dm-dust dm-flakey
  : >/tmp/survived
}
suite_teardown() {
  local pairs
  mapfile -t pairs </tmp/survived
  printf 'faults survived: %d area × fault combinations: %s\n' ${#pairs[@]} "${pairs[*]}"
}
case_teardown() {
  [[ ! -e /dev/mapper/faulty ]] || faulty_set none
  pool_away
  local ok=$?
  faulty_away
  rm -f /etc/tclone/pools/p.toml
  return $ok
}

dev() { printf '/dev/mapper/tclone-p-%s\n' "$1"; }

# bounded COMMAND…: it ends by itself, is not killed, and leaves nothing suspended.
bounded() {
  local d name suspended
  run timeout 60 "$@"
  ((status != 124)) || lost "it hung: $*"
  ((status < 128)) || { lab_show; lost "a signal ended ($status): $*"; }
  expect_no_text 'terminate called'
  for d in /sys/block/dm-*; do
    read -r name <"$d/dm/name"
    read -r suspended <"$d/dm/suspended"
    [[ $suspended == 0 ]] || lost "$name is suspended after: $*"
  done
}

# fails CODES TEXT COMMAND…: one of the exit codes (0 among them where the fault may be passed by), and when it failed a
# text that says why.
fails() {
  local codes=$1 text=$2
  shift 2
  bounded "$@"
  [[ " $codes " == *" $status "* ]] || { lab_show; lost "exit status $status, not one of $codes, of: $*"; }
  ((status == 0)) || expect_text "$text"
}
succeeds() { fails 0 '' "$@"; }
explained() { fails 8 "$1" tclone doctor; expect_text 'to mend: '; }

writes() { bounded dd if=/dev/urandom of="$(dev "$1")" bs=64k seek="$2" count=8 oflag=direct conv=notrunc status=none; }

# The other vault, which has nothing on the faulty area.
others_go_on() {
  succeeds tclone publish other
  writes other 400
  ((status == 0)) || { lab_show; lost "a write to another vault"; }
  succeeds tclone deactivate other
  succeeds tclone activate other
  expect_equal "$sum_other" "$(checksum "$(dev other)" 4194304)" "the content of another vault"
}

# Whatever was said on the way is followed; then all must be as it was.
all_is_well_again() {
  faulty_set none
  succeeds tclone pool deactivate p
  fails '0 8' 'pool repair p' tclone pool activate p
  if ((status == 8)); then
    succeeds tclone pool repair p
    succeeds tclone pool activate p
  fi
  local v
  for v in db other; do
    fails '0 8' "pool repair p --vault $v" tclone activate $v
    if ((status == 8)); then
      succeeds tclone pool repair p --vault $v
      succeeds tclone activate $v
    fi
  done
  succeeds tclone pool check p
  succeeds tclone doctor
  expect_text 'nothing is wrong'
  expect_equal "$sum_db" "$(checksum "$(dev db)" 4194304)" "the content of the volume on the faulty area"
  expect_equal "$sum_other" "$(checksum "$(dev other)" 4194304)" "the content of the other volume"
  succeeds tclone publish db other
}

# survive AREA KIND WHAT-IS-TRIED
survive() {
  local st sum_db sum_other
  faulty_up
  expect_ok tclone pool create p /dev/mapper/faulty --force
  expect_ok tclone create db --size 32M --fs none
  expect_ok tclone create other --size 32M --fs none
  fill "$(dev db)" "$1$2" 4
  fill "$(dev other)" "$2$1" 4
  # What nobody flushed is not promised: a vault commits by itself only after a second, and the fault may be sooner.
  expect_ok sync "$(dev other)"
  expect_ok tclone publish db
  forget_caches
  sum_db=$(checksum "$(dev db)" 4194304) sum_other=$(checksum "$(dev other)" 4194304)
  mapfile -t st < <(area "$1" db)
  ((${#st[@]})) || lost "area $1 was not found"
  forget_caches
  faulty_set "$2" "${st[@]}"
  "$3" "$2"
  ((LAB_SKIP_END)) || all_is_well_again
  echo "$1/$2" >>/tmp/survived
}
LAB_SKIP_END=0

# --- what is tried in each area --------------------------------------------------------------------------------------

try_label() {
  # Nothing but activation uses the label.
  others_go_on_unless_write "$1"
  case $1 in
    error | read) explained 'faulty: cannot read the pool.s label \(Input/output error\)' ;;
  esac
  fails '1' 'faulty: .*label|faulty: cannot be made durable' tclone pool deactivate p
  expect_text 'dmesg|kernel.s log'
  expect_no_file /dev/mapper/tclone-p-_pool
  case $1 in
    drop) fails '0' '' tclone pool activate p ;;
    *) fails '1 8' 'faulty: |pool repair p' tclone pool activate p ;;
  esac
}
others_go_on_unless_write() { [[ $1 == write ]] || others_go_on; }

# One of the two copies of the label is enough, and writing it cures a bad sector.
try_label_copy() {
  others_go_on
  explained 'bad label copy of /dev/mapper/faulty: the copy at 512K: it cannot be read'
  succeeds tclone pool deactivate p
  succeeds tclone pool activate p
  succeeds tclone doctor
}

try_state() {
  case $1 in
    error | read)
      fails '1 8' "in the pool's state area: .*Input/output error.*dmesg" tclone create x --size 16M --fs none
      fails '1 8' "in the pool's state area" tclone publish other
      ((status == 0)) || explained "state area"
      ;;
    write)
      fails '1 8' "in the pool's state area: .*Input/output error.*dmesg" tclone create x --size 16M --fs none
      # Who writes next finds out for the whole pool, because nothing can be flushed.
      fails '0 8' 'state area|read-only|not well' tclone doctor
      ;;
  esac
  # What runs does not stop for it.
  expect_equal "$sum_other" "$(checksum "$(dev other)" 4194304)" "a volume read while the state area fails"
  case $1 in
    write) fails '1' 'faulty: .*Input/output error' tclone pool deactivate p ;;
    *) succeeds tclone pool deactivate p ;;
  esac
  expect_no_file /dev/mapper/tclone-p-_pool
  fails '0 1 8' 'tclone-p-_state|state area|faulty' tclone pool activate p
}

# The device lies about the state area: what the records then say is older than the metadata. Nothing may be guessed.
try_state_drop() {
  succeeds tclone publish db
  succeeds tclone create x --size 16M --fs none
  succeeds tclone pool deactivate p
  faulty_set none
  fails 8 'the records are at transaction [0-9]+, the kernel.s metadata is at [0-9]+' tclone pool activate p
  expect_no_file /dev/mapper/tclone-p-_pool
  fails 4 'not active' tclone create y --size 16M
  give_up_pool
}

try_metadata_drop() {
  succeeds tclone publish db
  succeeds tclone create x --size 16M --fs none
  succeeds tclone pool deactivate p
  faulty_set none
  fails 8 'the records are at transaction [0-9]+, the kernel.s metadata is at [0-9]+' tclone pool activate p
  expect_no_file /dev/mapper/tclone-p-_pool
  give_up_pool
}

# A pool that is lost to a device that lies, and said to be so.
give_up_pool() {
  LAB_SKIP_END=1
  rm -f /etc/tclone/pools/p.toml /etc/tclone/keys/*
  dd if=/dev/zero of="${disk[0]}" bs=1M count=1 conv=fsync status=none
}

try_metadata() {
  # Read faults may be passed by: the kernel has what it needs in memory.
  fails '0 1 8' 'tclone-p-_|metadata is read-only|state area: .*dmesg' tclone create x --size 16M --fs none
  [[ $1 == read || $status != 0 ]] || lost "a volume was made over metadata that fail"
  fails '0 1 8' 'metadata is read-only \((failed|needs check|read-only)\).*pool deactivate p.*pool repair p' tclone publish other
  if [[ $1 != read ]]; then explained "outer pool.s metadata is not well|outer metadata on /dev/mapper/faulty cannot be read"; fi
  expect_no_text 'pool is full'
  fails '0 1' 'faulty' tclone pool deactivate p
  expect_no_file /dev/mapper/tclone-p-_pool
  fails '0 1 8' 'tclone-p-_pool|faulty|pool repair p' tclone pool activate p
}

# Damaged metadata that cannot be repaired, because the spare area fails, stay as they are.
try_spare() {
  local start before
  start=$(linear_area meta)
  [[ $1 == error || $1 == read ]] && explained 'spare metadata area on /dev/mapper/faulty cannot be read'
  [[ $1 == error || $1 == read ]] && fails 8 'spare metadata area' tclone pool check p
  others_go_on_unless_write "$1"
  faulty_set none
  succeeds tclone pool deactivate p
  dd if="${disk[0]}" of=/tmp/meta bs=1024 skip="${start%+*}" count="${start#*+}" iflag=direct status=none
  spoil_space_map /dev/mapper/faulty $((${start%+*} * 1024))
  before=$(dd if="${disk[0]}" bs=1M skip=$((${start%+*} / 1024)) count=$((${start#*+} / 1024)) iflag=direct status=none | sha256sum)
  fails 8 'thin_check finds damage' tclone pool check p
  faulty_set "$1" "${st[@]}"
  # Reading is not what a repair does to it.
  if [[ $1 != read ]]; then
    fails '1 8' 'faulty|spare' tclone pool repair p
    expect_equal "$before" "$(dd if="${disk[0]}" bs=1M skip=$((${start%+*} / 1024)) count=$((${start#*+} / 1024)) iflag=direct status=none | sha256sum)" \
      "the damaged metadata, which are all there is"
  fi
  faulty_set none
  succeeds tclone pool repair p
  succeeds tclone pool activate p
}

try_header() {
  others_go_on_unless_write "$1"
  case $1 in
    error | read)
      explained 'the LUKS2 header of vault db cannot be read: .*Input/output error'
      fails 8 'the LUKS2 header of vault db cannot be read' tclone pool check p
      expect_text 'key restore'
      succeeds tclone deactivate db
      fails '1' 'open vault db: .*_1.thin: its LUKS2 header cannot be read' tclone activate db
      others_go_on
      ;;
    write)
      (umask 077; head -c 64 /dev/urandom >/tmp/second.key)
      fails '1 8' 'key add db: .*(Input/output error|header|journal)' tclone key add db --key file:/tmp/second.key
      ;;
    drop)
      succeeds tclone deactivate db
      succeeds tclone activate db
      ;;
  esac
}

try_inner_metadata() {
  case $1 in
    error) fails 8 'vault db: its inner pool .*pool repair p --vault db' tclone publish db ;;
    # Where a write fails nothing is flushed any more: who comes first finds out.
    write) fails '1 8' "vault db: its inner pool|metadata is read-only|state area: .*dmesg" tclone publish db ;;
    drop) succeeds tclone tag db@1 kept ;;
  esac
  others_go_on_unless_write "$1"
  case $1 in
    error)
      explained 'the inner pool of vault db is not well'
      expect_text 'other vaults are not concerned'
      fails 8 'vault db is not well' tclone pool check p
      expect_text 'pool repair p --vault db'
      ;;
  esac
  case $1 in
    write) fails '0 1 8' 'state area: ' tclone deactivate db ;;
    *) succeeds tclone deactivate db ;;
  esac
  [[ $1 == drop ]] || fails '0 1 8' 'vault db|state area: cannot be made durable' tclone activate db
  others_go_on_unless_write "$1"
}

try_data() {
  case $1 in
    error | read)
      # Only who reads or writes there finds out, and the rest of the vault is not concerned.
      fails 1 'Input/output error' dd if="$(dev db)" of=/dev/null bs=1M count=4 iflag=direct
      succeeds tclone publish db
      succeeds tclone clone db@2 web
      succeeds tclone rm web --yes
      others_go_on
      ;;
    write)
      writes db 0
      ((status != 0)) || lost "a write to a device that takes none was said to be done"
      fails '1 8' 'metadata is read-only|its inner pool|header' tclone publish db
      ;;
    drop)
      succeeds tclone publish db
      others_go_on
      ;;
  esac
  fails '0 8' 'not well' tclone doctor
}

torture() { [[ ${LAB_TORTURE-} ]] || { say "left to --torture"; return 1; }; }

case_label_error() { torture || return 0; survive label error try_label; }
case_label_read() { torture || return 0; survive label read try_label; }
case_label_write() { torture || return 0; survive label write try_label; }
case_label_drop() { torture || return 0; survive label drop try_label; }
case_label_copy_read() { torture || return 0; survive label-copy read try_label_copy; }
case_state_error() { survive state error try_state; }
case_state_read() { torture || return 0; survive state read try_state; }
case_state_write() { torture || return 0; survive state write try_state; }
case_state_drop() { torture || return 0; survive state drop try_state_drop; }
case_metadata_error() { survive metadata error try_metadata; }
case_metadata_read() { torture || return 0; survive metadata read try_metadata; }
case_metadata_write() { torture || return 0; survive metadata write try_metadata; }
case_metadata_drop() { torture || return 0; survive metadata drop try_metadata_drop; }
case_spare_error() { torture || return 0; survive spare error try_spare; }
case_spare_read() { torture || return 0; survive spare read try_spare; }
case_spare_write() { torture || return 0; survive spare write try_spare; }
case_spare_drop() { torture || return 0; survive spare drop try_spare; }
case_header_error() { survive header error try_header; }
case_header_read() { torture || return 0; survive header read try_header; }
case_header_write() { torture || return 0; survive header write try_header; }
case_header_drop() { torture || return 0; survive header drop try_header; }
case_inner_metadata_error() { survive inner-metadata error try_inner_metadata; }
case_inner_metadata_read() { torture || return 0; survive inner-metadata read try_inner_metadata; }
case_inner_metadata_write() { torture || return 0; survive inner-metadata write try_inner_metadata; }
case_inner_metadata_drop() { torture || return 0; survive inner-metadata drop try_inner_metadata; }
case_data_error() { survive data error try_data; }
case_data_read() { torture || return 0; survive data read try_data; }
case_data_write() { survive data write try_data; }
case_data_drop() { torture || return 0; survive data drop try_data; }
