# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the three lanes have in common: the options, the files a boot needs, watching the machine, passing its
# exit status on. Sourced by boot_uml.sh, boot_debian.sh and boot_host.sh, which only say how to start.
#
#   boot_<lane>.sh [OPTION…] -- COMMAND…
#     --mem SIZE          memory of the machine (1G)
#     --disks NxSIZE      N scratch disks, gone afterwards
#     --disk FILE[:SIZE]  a disk that stays; made (sparse) when missing
#     --var SIZE          an ext4 on a disk of its own at /var/lib/tclone, kept in the share; an O_DIRECT file needs
#                         one, because the root inside is a tmpfs
#     --share DIR         folder seen as /lab inside, writable, kept; /etc/tclone inside is DIR/etc-tclone
#     --bin FILE          copied to /usr/local/bin inside (to memory: programs start slowly from the shared root)
#     --env NAME=VALUE    set for the command
#     --timeout SECONDS   the machine is killed after that; exit status 124 (300)
#     --systemd           systemd as PID 1 with udevd; otherwise the command runs alone, without udevd
#     --cut-flag NAME     power cut: the machine is killed as soon as DIR/NAME exists; exit status 99
#     --log FILE          console log; kept there whatever happens (otherwise only when the machine failed to
#                         report a status)
#
# The command is run by bash -c when it is one word, else as given. Inside, LAB_LANE, LAB_SHARE=/lab, LAB_DISKS,
# LAB_SOURCE (the source tree, read-only below an overlay) are set.

lab_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_source=$(cd "$lab_here/../.." && pwd)

lab_mem=1G
lab_disks=()          # files, in order
lab_scratch_disks=()  # those of them that go away
lab_var=
lab_share=
lab_timeout=300
lab_systemd=
lab_cut_flag=
lab_log=
lab_env=()
lab_bins=()
lab_command=()
lab_pid=
lab_out_pid=

lab_die() { printf 'lab: %s\n' "$*" >&2; exit 2; }

lab_parse() {
  local count size
  lab_work=$(mktemp -d "${TMPDIR:-/tmp}/tclone-lab.XXXXXX")
  trap lab_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  while (($#)); do
    case $1 in
      --mem) lab_mem=$2; shift ;;
      --disks)
        count=${2%x*} size=${2#*x}
        while ((count-- > 0)); do
          lab_disks+=("$lab_work/disk${#lab_disks[@]}")
          lab_scratch_disks+=("${lab_disks[-1]}")
          truncate -s "$size" "${lab_disks[-1]}"
        done
        shift ;;
      --disk)
        lab_disks+=("$(realpath -m "${2%%:*}")")
        [[ -e ${lab_disks[-1]} ]] || truncate -s "${2##*:}" "${lab_disks[-1]}"
        shift ;;
      --var) lab_var=$2; shift ;;
      --share) mkdir -p "$2"; lab_share=$(realpath "$2"); shift ;;
      --bin) lab_bins+=("$(realpath "$2")"); shift ;;
      --env) lab_env+=("$2"); shift ;;
      --timeout) lab_timeout=$2; shift ;;
      --systemd) lab_systemd=1 ;;
      --cut-flag) lab_cut_flag=$2; shift ;;
      --log) lab_log=$(realpath -m "$2"); shift ;;
      --) shift; lab_command=("$@"); break ;;
      *) lab_die "unknown option $1" ;;
    esac
    shift
  done
  ((${#lab_command[@]})) || lab_die "no command (boot_<lane>.sh [OPTION…] -- COMMAND…)"
  [[ $lab_share ]] || { lab_share=$lab_work/share; mkdir "$lab_share"; }
  mkdir -p "$lab_share/.lab" "$lab_share/etc-tclone"
  rm -f "$lab_share/.lab/status" ${lab_cut_flag:+"$lab_share/$lab_cut_flag"}
}

# One file says everything the inside needs to know; sourced there. $1: lane, $2: path prefix of the disks (/dev/ubd).
lab_write_job() {
  local i letters=abcdefghijklmnop names=() var_device=
  if [[ $lab_var ]]; then
    if [[ ! -e $lab_share/.lab/var.img ]]; then
      truncate -s "$lab_var" "$lab_share/.lab/var.img"
      mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1,lazy_journal_init=1 "$lab_share/.lab/var.img"
    fi
    lab_disks+=("$lab_share/.lab/var.img")
    var_device=$2${letters:${#lab_disks[@]}-1:1}
  fi
  for ((i = 0; i < ${#lab_disks[@]}; i++)); do names+=("$2${letters:i:1}"); done
  [[ $var_device ]] && unset 'names[-1]'
  {
    printf 'export LAB_LANE=%q LAB_SHARE=/lab LAB_SOURCE=%q LAB_DISKS=%q\n' "$1" "$lab_source" "${names[*]}"
    printf 'lab_var_device=%q\nlab_systemd=%q\n' "$var_device" "$lab_systemd"
    printf 'lab_bins=('; ((${#lab_bins[@]})) && printf ' %q' "${lab_bins[@]}"; printf ' )\n'
    local pair
    for pair in ${lab_env[@]+"${lab_env[@]}"}; do printf 'export %s=%q\n' "${pair%%=*}" "${pair#*=}"; done
    printf 'lab_run() { cd %q || return; ' "$PWD"
    if ((${#lab_command[@]} == 1)); then
      printf 'bash -c %q' "${lab_command[0]}"
    else
      printf ' %q' "${lab_command[@]}"
    fi
    printf '; }\n'
  } >"$lab_share/.lab/job"
}

# Starts "$@" as a process group of its own, watches it to its end, the timeout or the cut. Returns the status of
# the command inside. Standard output of the command comes through descriptor 3 of the machine.
lab_watch() {
  # What is asked for is meant for a machine that has nothing else to do; one that shares its processors takes several times as long.
  local deadline=$((SECONDS + lab_timeout * ${LAB_PATIENCE:-4})) ended='' never status
  mkfifo "$lab_work/out" "$lab_work/never"
  sed -u 's/\r$//' <"$lab_work/out" &
  lab_out_pid=$!
  exec {never}<>"$lab_work/never"
  setsid "$@" </dev/null >"$lab_work/console" 2>&1 3>"$lab_work/out" &
  lab_pid=$!
  while kill -0 "$lab_pid" 2>/dev/null; do
    if [[ $lab_cut_flag && -e $lab_share/$lab_cut_flag ]]; then ended=99; break; fi
    if ((SECONDS >= deadline)); then ended=124; break; fi
    read -r -t 0.05 -u "$never" || true
  done
  lab_kill
  wait "$lab_out_pid" 2>/dev/null || true
  if [[ -s $lab_share/.lab/status && ! $ended ]]; then
    read -r status <"$lab_share/.lab/status"
  else
    status=${ended:-125}
  fi
  [[ $lab_log ]] && cp "$lab_work/console" "$lab_log"
  case $status in
    124) printf 'lab: killed after %s s\n' "$((lab_timeout * ${LAB_PATIENCE:-4}))" >&2 ;;
    125) printf 'lab: the machine ended without reporting a status\n' >&2 ;;
  esac
  if [[ $status == 12[45] ]]; then
    printf 'lab: the end of its console:\n' >&2
    tail -n 25 "$lab_work/console" >&2
    if [[ ! $lab_log ]]; then
      cp "$lab_work/console" "$lab_share/.lab/console.log"
      [[ $lab_share == "$lab_work"/* ]] || printf 'lab: all of it is in %s\n' "$lab_share/.lab/console.log" >&2
    fi
  fi
  return "$status"
}

# The group is ours: setsid made it, and its leader is the pid we started.
lab_kill() {
  [[ $lab_pid ]] || return 0
  kill -KILL -- "-$lab_pid" 2>/dev/null || true
  wait "$lab_pid" 2>/dev/null || true
  lab_pid=
}

lab_cleanup() {
  lab_kill
  if [[ $lab_out_pid ]]; then kill "$lab_out_pid" 2>/dev/null || true; fi
  rm -rf "$lab_work"
}
