# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --lanes uml --var 2G --timeout 240
# needs: tclone
# The power is cut at named points of changing commands; the next boot must find the pool as before or as after.
# One boot a cut: it checks the one before and walks into the next.
source "$(dirname "$0")/../driver.sh" "$@"

share=$driver_dir/share
inside=$LAB_SOURCE/tests/lab/crash_inside.sh
cuts=(
  'commit tclone clone db@1 x'
  'journal.clear.done tclone clone db@1 x'  # all done, and nothing of it synced but the journal
  'suspended tclone publish db plain'
  'committed tclone revert own'
)
[[ ${LAB_TORTURE-} ]] && for point in grow.enlarged label.copy1 label.copy1.done label.copy2.done \
  grow.labelled grow.data grow.pool.loaded grow.pool; do
  cuts+=("$point tclone pool grow p --size 420M")
done
[[ ${LAB_TORTURE-} ]] && for point in journal.write journal.sync journal.sync.done step commit committed \
  store.temp store.temp.done store.rename store.rename.done recorded settled journal.clear journal.clear.done; do
  for command in 'create x --size 16M' 'clone db@1 x' 'clone db@1 x --shared-key' 'clone db x' 'publish db own' \
    'revert own' 'revert shared --to 1' 'refresh own' 'rename own x' 'resize plain 48M' 'rm own --yes' 'rm shared --yes'; do
    cuts+=("$point tclone $command")
  done
done
[[ ${LAB_TORTURE-} ]] && for point in journal.sync.done commit committed recorded settled journal.clear.done; do
  cuts+=("$point tclone key add own --key file:/var/lib/tclone/crash/third.key")
  cuts+=("$point tclone key rm own --key file --use file:/var/lib/tclone/crash/spare.key")
done
[[ ${LAB_TORTURE-} ]] && cuts+=('keyslot.added tclone key add own --key file:/var/lib/tclone/crash/third.key'
  'keyslot.removed tclone key rm own --key file --use file:/var/lib/tclone/crash/spare.key')
if [[ ${LAB_CASES-} ]]; then mapfile -t cuts < <(printf '%s\n' "${cuts[@]}" | grep -E "$LAB_CASES"); fi

step "a pool is made" 0 --share "$share" -- "$inside base" || driver_end
for cut in "${cuts[@]}"; do
  step "cut at ${cut%% *} of ${cut#* }, and all is well with what was cut before" 99 --share "$share" --cut-flag cut -- \
    "$inside $cut" || break
done
step "all is well after the last" 0 --share "$share" -- "$inside -"
printf 'power cuts: %d\n' "${#cuts[@]}"
driver_end
