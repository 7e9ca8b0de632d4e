#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may include whom (ARCHITECTURE.md): reads every #include of the rooms and names each that points up or sideways,
# and each header of a library outside the room that owns it. With no argument it first proves on a made-up tree that
# it can fail.
set -euo pipefail

# The rooms whose headers a file may include, as a pattern of paths. */types.h are values only.
allowed() { # FILE
  case $1 in
    base/*) echo 'base/*' ;;
    model/*) echo 'base/*|model/*' ;;
    os/*) echo 'base/*|model/*|os/*' ;;
    dm/*) echo 'base/*|model/*|os/*|dm/*' ;;
    crypt/*) echo 'base/*|model/*|os/*|crypt/*' ;;
    state/*) echo 'base/*|model/*|state/*' ;;
    policies/*) echo 'base/*|model/*|policies/*' ;;
    plan/*) echo 'base/*|model/*|policies/*|plan/*' ;;
    engine/*) echo 'base/*|model/*|dm/*|crypt/*|os/*|state/*|policies/*|plan/*|engine/*' ;;
    # Wires the concrete classes together.
    cli/main.cpp) echo 'base/*|cli/*|engine/*|dm/device_mapper.h|crypt/luks/luks.h' ;;
    # Completion lists names from the records alone: no pool is touched while somebody types.
    cli/command/names.cpp) echo 'base/*|model/*|cli/*|engine/*|state/store.h' ;;
    cli/*) echo 'base/*|model/*|cli/*|engine/*|crypt/keys/key_source.h' ;;
  esac
}

# Files that may include a library's header.
owner() { # HEADER
  case $1 in
    libdevmapper.h | libdevmapper-event.h) echo 'dm/*' ;;
    libcryptsetup.h) echo 'crypt/*' ;;
    blkid/* | libmount/*) echo 'os/*' ;;
    toml++/* | toml.hpp | zlib.h) echo 'state/*' ;;
    CLI/* | nlohmann/*) echo 'cli/*' ;;
    spdlog/* | fmt/*) echo 'base/log.cpp' ;;
    *) echo '*' ;;
  esac
}

matches() { # TEXT PATTERN|PATTERN...
  local pattern
  local -a patterns
  IFS='|' read -ra patterns <<<"$2"
  for pattern in "${patterns[@]}"; do
    # shellcheck disable=SC2053 # a pattern is meant
    [[ $1 == $pattern ]] && return 0
  done
  return 1
}

# Prints what is wrong below ROOT, and last how many includes were read.
check() { # ROOT
  local file kind header read=0
  while IFS=$'\t' read -r file kind header; do
    ((++read))
    if [[ $kind == '"' ]]; then
      matches "$header" "$(allowed "$file")" || echo "$file may not include \"$header\""
    else
      matches "$file" "$(owner "$header")" || echo "$file may not include <$header>"
    fi
  done < <(cd "$1" && find base model os dm crypt state policies plan engine cli \( -name '*.h' -o -name '*.cpp' \) \
    -exec grep -HE '^[[:space:]]*#[[:space:]]*include' {} + 2>/dev/null |
    sed -E 's/^([^:]+):[[:space:]]*#[[:space:]]*include[[:space:]]*(["<])([^">]+).*/\1\t\2\t\3/')
  echo "$read"
}

self_test() {
  local tree line found
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' RETURN
  local -a bad=(
    'base/a.h "dm/types.h"' 'model/a.h "state/store.h"' 'os/a.h "dm/types.h"' 'dm/a.cpp "crypt/luks/luks.h"'
    'crypt/keys/a.cpp "state/store.h"' 'state/a.cpp "os/probe.h"' 'policies/a.cpp "state/store.h"'
    'policies/b.cpp "plan/plan.h"' 'plan/a.cpp "dm/types.h"' 'plan/b.cpp "engine/api/api.h"'
    'engine/core/a.cpp "cli/command/app.h"' 'cli/a.cpp "dm/device_mapper.h"' 'cli/output/b.cpp "plan/plan.h"'
    'cli/main.cpp "state/store.h"' 'engine/b.cpp <libdevmapper.h>' 'dm/b.cpp <libcryptsetup.h>'
    'engine/c.cpp <blkid/blkid.h>' 'cli/c.cpp <libmount/libmount.h>' 'engine/d.cpp <toml++/toml.h>'
    'state/d.cpp <nlohmann/json.hpp>' 'engine/e.cpp <CLI/App.hpp>' 'base/b.cpp <spdlog/spdlog.h>'
    'dm/c.cpp "../model/vault.h"'
  )
  local -a good=(
    'crypt/g.cpp "model/key.h"' 'plan/g.cpp "policies/sizing.h"' 'engine/g.cpp "state/store.h"'
    'cli/g.cpp "engine/api/api.h"' 'cli/main.cpp "dm/device_mapper.h"' 'dm/g.cpp <libdevmapper.h>'
    'base/log.cpp <spdlog/spdlog.h>' 'os/g.cpp <vector>'
  )
  for line in "${bad[@]}" "${good[@]}"; do
    mkdir -p "$tree/$(dirname "${line%% *}")"
    echo "  #  include ${line#* }  // why" >>"$tree/${line%% *}"
  done
  found=$(check "$tree" | sed '$d')
  for line in "${bad[@]}"; do
    grep -qxF "${line%% *} may not include ${line#* }" <<<"$found" || { echo "self-test: does not notice: $line"; return 1; }
  done
  [[ $(wc -l <<<"$found") == "${#bad[@]}" ]] || { echo "self-test: too much was found:"; echo "$found"; return 1; }
}

if (($#)); then
  root=$1
else
  self_test
  root=$(dirname "$0")/..
fi
found=$(check "$root")
read=$(tail -n 1 <<<"$found")
found=$(sed '$d' <<<"$found")
if ((read < 300)) && ! (($#)); then
  echo "only $read includes were read: the test looks in the wrong place"
  exit 1
fi
if [[ $found ]]; then
  echo "$found"
  exit 1
fi
echo "$read includes, all within their rooms' bounds"
