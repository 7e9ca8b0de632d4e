#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo itself; run by demo.sh where a kernel with dm-thin and dm-crypt is. Every step prints its command, what that
# said, and its milliseconds; every check says what it found. Ends non-zero if a step or a check failed.
set -uo pipefail

pool=demo
file=/var/lib/tclone/$pool.pool
keys=/etc/tclone/keys
failed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# --- helpers -----------------------------------------------------------------------------------------------------

title() { printf '\n== %s\n' "$*"; }

# step COMMAND…: must succeed, or the demo ends here.
step() {
  local from=$EPOCHREALTIME to status=0
  printf '$ %s\n' "$*"
  "$@" >"$tmp/step" 2>&1 </dev/null || status=$?
  to=$EPOCHREALTIME
  sed 's/^/    /' "$tmp/step"
  printf '    [%d ms]\n' $(((${to/[.,]/} - ${from/[.,]/}) / 1000))
  if ((status != 0)); then
    printf 'DEMO FAILED: exit status %d\n' "$status"
    exit 1
  fi
}

# check TEXT COMMAND…: counted, and the demo goes on.
check() {
  local text=$1
  shift
  if "$@" >"$tmp/check" 2>&1 </dev/null; then
    printf '  yes: %s\n' "$text"
  else
    printf '  NO:  %s\n' "$text"
    sed 's/^/       /' "$tmp/check"
    failed=$((failed + 1))
  fi
}
not() { ! "$@"; }
same() { [[ $1 == "$2" ]] || { printf "'%s' against '%s'\n" "$1" "$2"; return 1; }; }

# Key files are named by the vault's uuid: the one that a command made is the one that was not there before.
declare -A known_keys=()
new_key() {
  local f
  for f in "$keys"/*.key; do
    [[ -e $f && ! ${known_keys[$f]-} ]] || continue
    known_keys[$f]=1
    printf -v "$1" '%s' "$f"
    return
  done
  printf 'DEMO FAILED: the command made no key file in %s\n' "$keys"
  exit 1
}

# The outer thin devices of the open vaults that a key file unlocks.
unlocked_by() {
  local dev
  for dev in "/dev/mapper/tclone-$pool-_"*.thin; do
    [[ -e $dev ]] || continue
    if cryptsetup open --test-passphrase --key-file "$1" "$dev" 2>/dev/null; then printf '%s\n' "$dev"; fi
  done
}
unlocks_nothing() { [[ -z $(unlocked_by "$1") ]]; }

# found REGEX: whether the raw bytes of the pool file match; holes are skipped, matches across chunks are found.
found() {
  perl -e '
    my ($file, $regex) = @ARGV;
    open(my $in, "<:raw", $file) or die "$file: $!";
    my $end = -s $in;
    my $at = 0;
    while (defined($at = sysseek($in, $at, 3)) && $at < $end) {   # 3: SEEK_DATA
      my $hole = sysseek($in, $at, 4);                           # 4: SEEK_HOLE
      sysseek($in, $at, 0);
      my $kept = "";
      while ($at < $hole) {
        my $got = sysread($in, my $chunk, 1 << 20) or last;
        $at += $got;
        exit 0 if "$kept$chunk" =~ /$regex/s;
        $kept = substr($chunk, -1024);
      }
      $at = $hole;
    }
    exit 1' "$file" "$1"
}
# A LUKS2 header (either copy) with this UUID, which is at byte 168 of its first block.
header_pattern() { printf '(?:LUKS|SKUL)\\xba\\xbe.{162}%s' "$1"; }

sql() { sqlite3 "/mnt/$1/packages.db" "$2"; }
rows() { sql "$1" 'SELECT count(*) FROM package;'; }

# The machine's own list of packages as SQL. $1: a text that every row carries, to look for later.
packages_as_sql() {
  awk -v marker="$1" '
    function quoted(s) { gsub(/\047/, "\047\047", s); return "\047" s "\047" }
    function row() {
      if (name != "") printf "INSERT INTO package VALUES(%s,%s,%s,%d,%s,%s);\n", quoted(name), quoted(version),
        quoted(section), size, quoted(text), quoted(marker)
      name = version = section = text = ""; size = 0
    }
    BEGIN {
      print "PRAGMA page_size=4096; BEGIN;"
      print "CREATE TABLE package(name TEXT, version TEXT, section TEXT, kib INTEGER, description TEXT, marker TEXT);"
    }
    /^Package: / { name = substr($0, 10) }
    /^Version: / { version = substr($0, 10) }
    /^Section: / { section = substr($0, 10) }
    /^Installed-Size: / { size = $2 }
    /^Description: / { text = substr($0, 14) }
    /^$/ { row() }
    END { row(); print "CREATE INDEX by_section ON package(section); COMMIT;" }' /var/lib/dpkg/status
}
build_database() { packages_as_sql "$2" | sqlite3 "/mnt/$1/packages.db" && sync -f "/mnt/$1"; }
# Writes a marker several times, so that a mere corner of a block cannot hide it.
add_marked_rows() {
  sql "$1" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<200)
    INSERT INTO package SELECT 'local-'||i, '1.0', 'local', i, 'added to $1', '$2' FROM n;" && sync -f "/mnt/$1"
}

# --- the demo ----------------------------------------------------------------------------------------------------

salt=$RANDOM$RANDOM$RANDOM
basis_marker=BASIS-MARKER-$salt
web_marker=WEB-ONE-MARKER-$salt
dev_marker=DEV-ONE-MARKER-$salt
plain_marker=PLAIN-MARKER-$salt

title "A pool: a sparse file, because no disk was named"
step tclone version
step tclone pool create $pool

title "A volume with a database: the packages of this machine"
step tclone create db --size 1G
new_key db_key
step tclone mount db /mnt/db
step build_database db "$basis_marker"
basis_rows=$(rows db)
printf '    %s packages\n' "$basis_rows"

title "A version of it, while it is mounted"
step tclone publish db --tag stable -m "packages as installed"

title "Three clones of that version: two under keys of their own, one that shares the key"
step tclone clone db@stable web1
new_key web1_key
step tclone clone db@stable web2
new_key web2_key
step tclone clone db@stable dev1 --shared-key
for name in web1 web2 dev1; do step tclone mount $name /mnt/$name; done
check "all of them have the $basis_rows packages" same "$(rows web1) $(rows web2) $(rows dev1)" \
  "$basis_rows $basis_rows $basis_rows"

title "Each goes its own way"
step add_marked_rows web1 "$web_marker"
step sql web2 "DELETE FROM package WHERE section='libs';"
step add_marked_rows dev1 "$dev_marker"
step sql web1 "SELECT section, count(*) FROM package GROUP BY section ORDER BY 2 DESC LIMIT 3;"
check "web1 has 200 rows more" same "$(rows web1)" $((basis_rows + 200))
check "web2 has fewer" test "$(rows web2)" -lt "$basis_rows"
check "dev1 has 200 rows more" same "$(rows dev1)" $((basis_rows + 200))
check "db has what it had" same "$(rows db)" "$basis_rows"

title "db changes and is published again; web1 is refreshed to it, web2 goes back"
step sql db "INSERT INTO package VALUES('tclone','1.0','admin',1,'thin clones','$basis_marker');"
step tclone publish db -m "with tclone"
step tclone umount web1
step tclone refresh web1
step tclone mount web1 /mnt/web1
check "web1 has the new row and nothing of its old ones" same "$(rows web1)" $((basis_rows + 1))
step tclone umount web2
step tclone revert web2
step tclone mount web2 /mnt/web2
check "web2 has all the rows again" same "$(rows web2)" "$basis_rows"
check "the database of web2 is sound" same "$(sql web2 "PRAGMA integrity_check;")" ok

title "What there is now"
step tclone tree
step tclone log db
step tclone status

title "The promise: whoever holds db's key and the raw disk cannot read web1"
step add_marked_rows web1 "$web_marker"
step tclone create open --size 256M --plain
step tclone mount open /mnt/open
step bash -c "for i in {1..1000}; do echo '$plain_marker'; done >/mnt/open/file; sync -f /mnt/open"
check "web1's key opens exactly one vault" same "$(unlocked_by "$web1_key" | wc -l)" 1
check "db's key opens exactly one vault" same "$(unlocked_by "$db_key" | wc -l)" 1
web1_thin=$(unlocked_by "$web1_key")
db_thin=$(unlocked_by "$db_key")
check "db's key does not open the vault of web1" \
  not cryptsetup open --test-passphrase --key-file "$db_key" "$web1_thin"
check "web2's key does not open the vault of web1" \
  not cryptsetup open --test-passphrase --key-file "$web2_key" "$web1_thin"
web1_uuid=$(cryptsetup luksUUID "$web1_thin")
db_uuid=$(cryptsetup luksUUID "$db_thin")
for name in web1 web2 dev1 db open; do step tclone umount $name; done
check "web1's text is on its device" grep -qaF "$web_marker" "$(tclone path web1)"
step tclone pool deactivate
sync
check "the raw pool holds the text of the plain volume (so the search works)" found "$plain_marker"
check "and nothing of the text of db" not found "$basis_marker"
check "nor of web1" not found "$web_marker"
check "nor of dev1" not found "$dev_marker"
check "web1's header is there, as is db's" found "$(header_pattern "$web1_uuid")"

title "Destroying the key of web1 destroys its changes"
cp "$web1_key" "$tmp/saved.key"
step tclone pool activate
step tclone activate db web1 web2
check "the saved copy of the key opens web1's vault, so far" not unlocks_nothing "$tmp/saved.key"
step tclone deactivate web1
step tclone rm web1 --yes
check "its key file is gone" test ! -e "$web1_key"
check "the saved copy of the key opens no vault" unlocks_nothing "$tmp/saved.key"
check "db's key opens its own as before" not unlocks_nothing "$db_key"
step tclone pool deactivate
sync
check "web1's header is nowhere in the raw pool" not found "$(header_pattern "$web1_uuid")"
check "db's header is (so the search works)" found "$(header_pattern "$db_uuid")"

title "The end"
step tclone pool activate
step tclone pool destroy $pool --yes
check "nothing of the pool is left in the kernel" not grep -qs "^tclone-$pool-" /sys/block/dm-*/dm/name
check "nor of its keys" not compgen -G "$keys/*.key"
if ((failed)); then
  printf '\nDEMO FAILED: %d checks did not hold\n' "$failed"
  exit 1
fi
printf '\nEverything held.\n'
