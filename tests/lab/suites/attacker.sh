# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --disks 1x320M --mem 2G --timeout 400
# needs: tclone
# What somebody finds who has raw disks and some of the keys. Each search has a positive control.
source "$LAB_SOURCE/tests/lab/tclone.sh"

pool_sectors='' block='' meta='' data=''
case_teardown() { by_hand_down; pool_away; rm -rf /tmp/k; }

key_file() { echo "/etc/tclone/keys/$(field "vaults/$1.toml" uuid).key"; }
# mark DEVICE OFFSET-MIB TEXT: 1 MiB full of a text.
mark() {
  (set +o pipefail; yes "$3" 2>/dev/null | head -c 1048576 | dd of="$1" bs=1M seek="$2" oflag=direct iflag=fullblock status=none) || lost "write to $1"
}
# Pieces between zero bytes (a disk has no lines) that have the text: found FILE TEXT
found() { grep -a -z -c -F "$2" "$1"; }

# A basis with marks at 4 and 8 MiB, and an own-key clone that wrote at 12 and over the one at 8.
make_both() {
  mkdir -p /tmp/k
  pool_up
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone create open --size 16M --fs none --plain
  mark /dev/mapper/tclone-p-open 4 PLAINMARK
  mark /dev/mapper/tclone-p-db 4 BASISMARK
  mark /dev/mapper/tclone-p-db 8 BASISOVER
  expect_ok tclone clone db web1
  mark /dev/mapper/tclone-p-web1 8 CLONEOVER
  mark /dev/mapper/tclone-p-web1 12 CLONEMARK
  sync
  cp "$(key_file db)" /tmp/k/db.key; cp "$(key_file web1)" /tmp/k/web1.key
  db_outer=$(field vaults/db.toml outer) web1_outer=$(field vaults/web1.toml outer)
}

# What the manual's recipe reads from the label, taken from the tables while these are there.
learn_layout() {
  read -r _ pool_sectors _ _ _ block _ < <(dmsetup table tclone-p-_pool)
  read -r _ meta_len _ _ meta_start < <(dmsetup table tclone-p-_meta)
  read -r _ data_len _ _ data_start < <(dmsetup table tclone-p-_data)
}

# tclone(7), OPENING A VAULT WITHOUT TCLONE, step by step.
pool_by_hand() {
  expect_ok dmsetup create meta --table "0 $meta_len linear ${disk[0]} $meta_start"
  expect_ok dmsetup create data --table "0 $data_len linear ${disk[0]} $data_start"
  expect_ok dmsetup create pool --table "0 $pool_sectors thin-pool /dev/mapper/meta /dev/mapper/data $block 0 1 skip_block_zeroing"
}
# vault_by_hand NAME OUTER KEY METADATA CAPACITY BLOCK: NAME.plain, NAME.imeta, NAME.idata, NAME.ipool
vault_by_hand() {
  expect_ok dmsetup create "$1.vault" --table "0 2199023255552 thin /dev/mapper/pool $2"
  expect_ok cryptsetup open --type luks2 --key-file "$3" "/dev/mapper/$1.vault" "$1.plain"
  expect_ok dmsetup create "$1.imeta" --table "0 $4 linear /dev/mapper/$1.plain 0"
  expect_ok dmsetup create "$1.idata" --table "0 $5 linear /dev/mapper/$1.plain 33554432"
  expect_ok dmsetup create "$1.ipool" --table "0 $5 thin-pool /dev/mapper/$1.imeta /dev/mapper/$1.idata $6 0 1 error_if_no_space"
}
geometry() { echo $(($(field "vaults/$1.toml" metadata) / 512)) $(($(field "vaults/$1.toml" capacity) / 512)) $(($(field "vaults/$1.toml" block) / 512)); }
by_hand_down() {
  local name round
  for round in 1 2 3 4 5; do
    for name in web1 db_1 db web1.ipool db.ipool web1.imeta db.imeta web1.idata db.idata web1.plain db.plain web1.vault db.vault try pool meta data; do
      [[ -e /dev/mapper/$name ]] && dmsetup remove "$name" 2>/dev/null
    done
  done
  return 0
}
back_to_tclone() { by_hand_down; expect_ok tclone pool activate p; }

case_the_basis_key_and_the_disks_do_not_show_the_clone() {
  make_both
  learn_layout
  local db web1
  db=$(geometry db) web1=$(geometry web1)
  expect_ok tclone pool deactivate p
  expect_differ 0 "$(found "${disk[0]}" PLAINMARK)" "the positive control on the raw disk"
  local text
  for text in BASISMARK BASISOVER CLONEMARK CLONEOVER; do
    expect_equal 0 "$(found "${disk[0]}" $text)" "lines of $text on the raw disk"
  done
  pool_by_hand
  # shellcheck disable=SC2086
  vault_by_hand db "$db_outer" /tmp/k/db.key $db
  expect_differ 0 "$(found /dev/mapper/db.idata BASISMARK)" "the positive control under the basis key"
  expect_equal 0 "$(found /dev/mapper/db.idata CLONEMARK)" "clone data under the basis key"
  expect_equal 0 "$(found /dev/mapper/db.idata CLONEOVER)" "clone data under the basis key"
  expect_ok dmsetup create web1.vault --table "0 2199023255552 thin /dev/mapper/pool $web1_outer"
  expect_exit 2 cryptsetup open --test-passphrase --key-file /tmp/k/db.key /dev/mapper/web1.vault
  expect_ok cryptsetup open --test-passphrase --key-file /tmp/k/web1.key /dev/mapper/web1.vault
  expect_ok dmsetup remove web1.vault
  # The clone's key opens what the clone wrote, and nothing of the basis that it did not touch.
  expect_exit 2 cryptsetup open --test-passphrase --key-file /tmp/k/web1.key /dev/mapper/db.vault
  # shellcheck disable=SC2086
  vault_by_hand web1 "$web1_outer" /tmp/k/web1.key $web1
  expect_differ 0 "$(found /dev/mapper/web1.idata CLONEMARK)" "the positive control under the clone's key"
  expect_equal 0 "$(found /dev/mapper/web1.idata BASISMARK)" "basis data under the clone's key"
  back_to_tclone
}

case_volumes_open_by_hand_as_the_manual_says() {
  make_both
  learn_layout
  local db web1 sum basis thin size version
  db=$(geometry db) web1=$(geometry web1)
  sum=$(checksum /dev/mapper/tclone-p-web1) basis=$(checksum /dev/mapper/tclone-p-db)
  thin=$(field volumes/web1.toml thin) version=$(field versions/db@1.toml thin)
  size=$(($(field volumes/web1.toml size) / 512))
  local db_thin
  db_thin=$(field volumes/db.toml thin)
  expect_ok tclone pool deactivate p
  pool_by_hand
  # shellcheck disable=SC2086
  vault_by_hand db "$db_outer" /tmp/k/db.key $db
  expect_ok dmsetup create db --table "0 $size thin /dev/mapper/db.ipool $db_thin"
  expect_equal "$basis" "$(checksum /dev/mapper/db)" "the basis"
  expect_ok dmsetup create --readonly db_1 --table "0 $size thin /dev/mapper/db.ipool $version"
  # shellcheck disable=SC2086
  vault_by_hand web1 "$web1_outer" /tmp/k/web1.key $web1
  expect_ok dmsetup create web1 --table "0 $size thin /dev/mapper/web1.ipool $thin /dev/mapper/db_1"
  expect_equal "$sum" "$(checksum /dev/mapper/web1)" "the clone"
  back_to_tclone
}

# Offsets of LUKS2 primary headers on the raw disk: vaults begin at blocks of the pool, which begin at whole MiB. (The
# offsets grep -b tells are wrong behind long runs of zeros with -z, and without -z such a run is one line.)
headers() {
  perl -e 'open my $d, "<:raw", shift or die; for (my $at = 0; sysseek($d, $at, 0) && sysread($d, my $head, 6); $at += 1 << 20) {
    print "$at\n" if $head eq "LUKS\xba\xbe" }' "${disk[0]}"
}

case_after_rm_a_saved_key_opens_nothing() {
  make_both
  local file at before
  file=$(key_file web1)
  before=$(headers | sort -n | tr '\n' ' ')
  expect_ok tclone rm web1 --yes
  expect_no_file "$file"
  sync
  expect_ok tclone pool deactivate p
  local after opened=0 tried=0
  after=$(headers | sort -n | tr '\n' ' ')
  for at in $before; do
    [[ " $after" == *" $at "* ]] && continue
    tried=1
    # Its first block of the pool, which has slots 0 to 2; the second one lies anywhere.
    expect_equal 1048576 "$(dd if="${disk[0]}" bs=4096 skip=$((at / 4096)) count=256 iflag=direct status=none | tr -d '\1-\377' | wc -c)" \
      "the zeros where the header was"
  done
  ((tried)) || lost "no header is gone: had $before, has $after"
  for at in $after; do
    local loop
    loop=$(losetup --find --show --offset "$at" "${disk[0]}") || lost losetup
    cryptsetup open --test-passphrase --key-file /tmp/k/db.key "$loop" 2>/dev/null && opened=1
    cryptsetup open --test-passphrase --key-file /tmp/k/web1.key "$loop" 2>/dev/null && opened=2
    losetup -d "$loop"
    ((opened < 2)) || lost "the saved key opens the header at $at"
  done
  expect_equal 1 "$opened" "whether the basis key opens a header (the positive control)"
  expect_ok tclone pool activate p
}

case_a_rewritten_block_has_unrelated_ciphertext() {
  mkdir -p /tmp/k
  pool_up
  expect_ok tclone create db --size 16M --fs none
  mark /dev/mapper/tclone-p-db 4 FIRST
  expect_ok tclone publish db
  mark /dev/mapper/tclone-p-db 4 FIRSu
  sync
  local outer a b n
  outer=$(field vaults/db.toml outer)
  dmsetup message "tclone-p-_$outer.pool" 0 reserve_metadata_snap || lost "metadata snapshot"
  thin_dump -m "/dev/mapper/tclone-p-_$outer.meta" >/tmp/k/dump
  dmsetup message "tclone-p-_$outer.pool" 0 release_metadata_snap || lost "metadata snapshot"
  # Where block 64 (4 MiB) of each thin lies.
  where() {
    awk -v want="$1" -F'"' '/<device /{dev=$2} /<single_mapping/ && dev==want && $2==64{print $4}
      /<range_mapping/ && dev==want && $2<=64 && 64<$2+$6{print $4+64-$2}' /tmp/k/dump
  }
  a=$(where "$(field volumes/db.toml thin)") b=$(where "$(field versions/db@1.toml thin)")
  [[ $a && $b ]] || lost "no place of block 64 in the metadata: '$a' '$b'"
  expect_differ "$a" "$b" "the place of the block"
  for n in a b; do
    # Header 2 MiB, metadata 16 GiB, blocks of 64 KiB.
    dd if="/dev/mapper/tclone-p-_$outer.thin" bs=65536 skip=$((32 + 262144 + ${!n})) count=1 iflag=direct status=none | xxd -p -c16 >/tmp/k/$n
  done
  expect_equal 4096 "$(wc -l </tmp/k/a)" "the number of cipher blocks"
  expect_equal 0 "$(paste /tmp/k/a /tmp/k/b | awk '$1==$2' | wc -l)" "the number of equal cipher blocks"
}

# edit_header PERL-CODE DEVICE: the code changes the JSON of both copies of a LUKS2 header, in $_, and their checksums are made
# right again (on-disk format: 4 KiB with a SHA-256 at 448, and behind it the JSON; the second copy at 16 KiB).
edit_header() {
  perl -e 'my ($code, $path) = @ARGV;
    open my $d, "+<:raw", $path or die;
    for my $start (0, 16384) {
      sysseek $d, $start, 0; sysread($d, my $copy, 16384) == 16384 or die "short";
      $_ = substr $copy, 4096; s/\0.*//s; my $was = $_;
      eval $code; die $@ if $@; die "nothing was changed" if $_ eq $was;
      substr($copy, 4096) = $_ . "\0" x (12288 - length); substr($copy, 448, 64) = "\0" x 64;
      open my $f, ">:raw", "/tmp/k/copy"; print $f $copy; close $f;
      substr($copy, 448, 32) = pack "H64", scalar `sha256sum /tmp/k/copy`;
      sysseek $d, $start, 0; syswrite($d, $copy) == 16384 or die "short";
    }' "$@"
}

# Writes /tmp/k/known into the area of slot 0 as it is, split into its 4000 stripes (LUKS1 on-disk format, AFsplit).
known_key_in_the_open() {
  perl -MDigest::SHA=sha256 -e 'my $d = "\0" x 64;
    for (1 .. 3999) { $d = join "", map { sha256(pack("N", $_) . substr $d, 32 * $_, 32) } 0, 1 }
    open my $k, "<:raw", "/tmp/k/known"; read $k, my $key, 64;
    open my $v, "+<:raw", shift or die; sysseek $v, 32768, 0;
    syswrite($v, "\0" x (64 * 3999) . ($key ^ $d)) == 256000 or die' "$1"
}
any_key_opens() {
  run cryptsetup open --test-passphrase --key-file /tmp/k/header --keyfile-size 100 /dev/mapper/victim
  ((status == 0)) || say "this cryptsetup refuses such a key slot, too: ${err:-$out}"
}

case_tampered_headers_are_refused() {
  mkdir -p /tmp/k
  pool_up
  expect_ok tclone create v --size 16M --fs none
  local key outer ending='' control='' every=1 code=8 why=header
  key=$(key_file v) outer=$(field vaults/v.toml outer)
  expect_ok tclone key backup v /tmp/k/header
  expect_ok tclone deactivate v
  tamper() {
    expect_ok dmsetup create victim --table "0 2199023255552 thin /dev/mapper/tclone-p-_pool $outer"
    expect_ok "$@" /dev/mapper/victim
    ${control:-:}
    expect_ok dmsetup remove victim
    refused "$code" "$why" tclone activate v
    expect_exit "$code" tclone key test v
    expect_text "$why"
    # Who else opens a vault goes the same way: in a plain run once.
    if [[ $every ]]; then
      refused "$code" "$why" tclone mount v /tmp/k/mnt
      expect_exit "$code" tclone key add v --key file:/tmp/k/header
      expect_text "$why"
      expect_exit "$code" tclone rekey v
      expect_text "$why"
      every=${LAB_TORTURE-}
    fi
    expect_ok tclone key restore v /tmp/k/header --yes
    [[ $ending ]] && return
    expect_ok tclone activate v
    expect_ok tclone deactivate v
  }
  local uuid
  uuid=$(field vaults/v.toml uuid)
  local format=(cryptsetup luksFormat -q --type luks2 --key-file "$key" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid
    "$(sed -n '/^\[header\]/,$s/^uuid = "\(.*\)"/\1/p' /var/lib/tclone/p/vaults/v.toml)")
  local small=(--luks2-metadata-size 16k --luks2-keyslots-size 1056k --offset 4096)
  tamper cryptsetup luksUUID -q --uuid 11111111-2222-4333-8444-555555555555
  tamper "${format[@]}" "${small[@]}" --sector-size 512
  tamper "${format[@]}" "${small[@]}" --sector-size 4096 --cipher aes-cbc-essiv:sha256 --key-size 256
  tamper "${format[@]}" "${small[@]}" --sector-size 4096 --key-size 256
  tamper "${format[@]}" "${small[@]}" --sector-size 4096 --cipher cipher_null-ecb --key-size 128
  # With the facts of the record and right checksums. cryptsetup opens each, with the key of the vault.
  control='expect_ok cryptsetup open --test-passphrase --key-file '$key' /dev/mapper/victim'
  why='cipher_null|null cipher' tamper edit_header 's/("segments".*?"encryption":")aes-xts-plain64/$1cipher_null-ecb/'
  # A slot that is not encrypted: it opens with any key, to a volume key that whoever made it knows (CVE-2025-58356).
  head -c 64 /dev/urandom >/tmp/k/known
  local own=("${format[@]/$key//tmp/k/known}" "${small[@]}" --sector-size 4096 --key-size 512 --volume-key-file /tmp/k/known)
  open_slot() {
    expect_ok "${own[@]}" "$1"
    edit_header 's/("area":\{[^}]*"encryption":")[^"]*/$1cipher_null-ecb/' "$1" && known_key_in_the_open "$1"
  }
  control=any_key_opens
  why='key slot 0 is not encrypted' tamper open_slot
  # A derivation that costs nothing does not make the slot open, nor does a header that opens with the attacker's key.
  control=
  code=7 why='no key slot opens' tamper edit_header 's/"iterations":\d+/"iterations":1000/; s/("kdf":\{[^}]*"hash":")sha\d+/$1sha1/'
  code=7 why='no key slot opens' tamper "${own[@]}"
  wipe() { dd if=/dev/urandom of="$1" bs=1M count=2 conv=notrunc,fsync status=none; }
  tamper wipe
  # The last one: cryptsetup wipes up to its data offset, and so what the vault holds.
  ending=1
  tamper "${format[@]}" "${small[@]/4096/8192}" --sector-size 4096
}

# Where an outer thin has blocks, in the order in which the pool gave them out: all that the raw disks tell of a vault's writes.
outer_blocks() {
  local outer
  outer=$(field "vaults/$1.toml" outer)
  dmsetup message tclone-p-_pool 0 reserve_metadata_snap || lost "no metadata snapshot"
  thin_dump -m --dev-id "$outer" /dev/mapper/tclone-p-_meta >/tmp/k/dump
  dmsetup message tclone-p-_pool 0 release_metadata_snap || lost "metadata snapshot"
  perl -ne 'if (/single_mapping origin_block="(\d+)" data_block="(\d+)"/) { $at{$2} = $1 }
    elsif (/range_mapping origin_begin="(\d+)" data_begin="(\d+)" length="(\d+)"/) { $at{$2 + $_} = $1 + $_ for 0 .. $3 - 1 }
    END { print "$at{$_} " for sort { $a <=> $b } keys %at }' /tmp/k/dump
}

case_which_blocks_a_clone_changed_is_not_visible() {
  mkdir -p /tmp/k
  pool_up
  expect_ok tclone create db --size 64M --fs none
  mark /dev/mapper/tclone-p-db 8 BASISMARK
  expect_ok tclone publish db
  local name at seen=()
  # One over what the basis has, one where it has nothing, in another order; the third writes more.
  for name in one:8,40,60 two:33,2,17 three:8,40,60,61; do
    expect_ok tclone clone db@1 "${name%:*}"
    for at in $(tr ',' ' ' <<<"${name#*:}"); do mark "/dev/mapper/tclone-p-${name%:*}" "$at" CLONEMARK; done
    sync
    seen+=("$(outer_blocks "${name%:*}")")
  done
  [[ ${seen[0]} ]] || lost "nothing is mapped"
  expect_equal "${seen[0]}" "${seen[1]}" "what the outer layer shows of two clones that changed other blocks"
  expect_differ "${seen[0]}" "${seen[2]}" "what it shows of one that wrote more (the control)"
}
