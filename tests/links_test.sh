#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every relative link in the documents leads to a file that is there, and to a heading in it if it names one. What README
# promises of itself holds: at most 150 lines, the two commands to try it within the first 30.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0 links=0
wrong() { echo "$*"; bad=1; }

# The anchors of a document's headings, as they are on the web: lower case, spaces to hyphens, nothing but letters, digits, - and _.
anchors() { sed -n 's/^##* //p' "$1" | tr '[:upper:] ' '[:lower:]-' | sed 's/[^a-z0-9_-]//g'; }

while IFS= read -r document; do
  while IFS= read -r link; do
    [[ $link == *://* ]] && continue
    links=$((links + 1))
    file=${link%%#*} anchor=''
    [[ $link == *'#'* ]] && anchor=${link#*#}
    target=$document
    if [[ $file ]]; then target=$(dirname "$document")/$file; fi
    if [[ ! -e $target ]]; then
      wrong "$document: nothing is at $link"
    elif [[ $anchor ]] && ! anchors "$target" | grep -qxF -- "$anchor"; then
      wrong "$document: no heading is named as in $link"
    fi
  done < <(grep -oE '\]\([^) ]+\)' "$document" | sed 's/^](//; s/)$//')
done < <(git ls-files '*.md' 2>/dev/null || find . -name '*.md' -not -path './build/*')

((links > 20)) || wrong "only $links links were found: the test does not see them"
(($(wc -l <README.md) <= 150)) || wrong "README.md has $(wc -l <README.md) lines, more than 150"
for command in './dev demo' './dev test'; do
  head -n 30 README.md | grep -qF "$command" || wrong "README.md does not name $command within its first 30 lines"
done
((bad == 0)) && echo "$links links lead somewhere"
exit $bad
