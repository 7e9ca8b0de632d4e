#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual pages are well-formed and refer to each other by names that exist.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
command -v mandoc >/dev/null || { echo "no mandoc here"; exit 77; }
failures=0
for page in "$here"/man/*.[1-8]; do
  mandoc -T lint -W warning "$page" || failures=$((failures + 1))
done
while read -r name section; do
  [ -e "$here/man/$name.$section" ] && continue
  echo "there is no $name($section)"
  failures=$((failures + 1))
done < <(grep -h '^\.Xr tclone' "$here"/man/*.[1-8] | awk '{ print $2, $3 }' | sort -u)
[ "$failures" = 0 ]
