#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every test that tests/TRAPS.md names is there: "suite: case, case" against the cases of tests/lab/suites, "unit: name; ..."
# against the names of the unit tests. "…" stands for any text.
set -euo pipefail
cd "$(dirname "$0")"
read_names=0 missing=0
# The formatter puts a long name on a line of its own.
unit_names=$(find unit -name '*.cpp' -exec cat {} + | tr '\n' ' ' | grep -oE 'TEST_CASE(_METHOD)?\([^"]*"[^"]*' | cut -d'"' -f2)

is_there() { # NAMES PATTERN
  local name
  while read -r name; do
    # shellcheck disable=SC2053 # a pattern is meant
    [[ $name == ${2//…/*} ]] && return 0
  done <<<"$1"
  return 1
}
look() { # NAMES WHERE NAME
  ((++read_names))
  is_there "$1" "$3" && return 0
  echo "TRAPS.md names a test that is not there: $2: $3"
  missing=1
}

while IFS='|' read -r _ _ tried _; do
  while IFS= read -r part; do
    part=${part# }
    part=${part% }
    [[ $part == *': '* ]] || continue
    where=${part%%: *} named=${part#*: }
    if [[ $where == unit ]]; then
      look "$unit_names" unit "$named"
    elif [[ -e lab/suites/$where.sh ]]; then
      cases=$(sed -n 's/^case_\([a-z0-9_]*\)() .*/\1/p' "lab/suites/$where.sh")
      while IFS= read -r one; do look "$cases" "$where" "$one"; done < <(tr ',' '\n' <<<"$named" | sed 's/^ *//;s/ *$//')
    else
      echo "TRAPS.md names no suite: $where"
      missing=1
    fi
  done < <(tr ';' '\n' <<<"$tried")
done < <(grep '^| ' TRAPS.md | grep -v '^| trap ')
((read_names > 50)) || { echo "only $read_names tests were found in TRAPS.md"; exit 1; }
((missing == 0)) || exit 1
echo "$read_names tests that TRAPS.md names are there"
