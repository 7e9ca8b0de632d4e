# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts: the packages each job needs, and how a preset is built.
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$source_dir" || exit 1

packages_build=(g++ cmake ninja-build pkg-config libdevmapper-dev libcryptsetup-dev libcli11-dev libtomlplusplus-dev
  libspdlog-dev catch2 libexpected-dev nlohmann-json3-dev libblkid-dev libmount-dev zlib1g-dev)
packages_lab=(user-mode-linux thin-provisioning-tools keyutils strace xxd xfsprogs e2fsprogs sqlite3 cryptsetup-bin dmsetup kmod procps
  util-linux openssl perl-base systemd udev lvm2 swtpm socat tpm2-tools libtss2-tcti-device0 libtss2-rc0
  libfido2-1 python3-cryptography)
packages_docs=(mandoc bash-completion zsh fish)
packages_debian_lane=(qemu-system-x86 linux-image-amd64 busybox-static)
packages_bench=(lvm2 fio qemu-utils valgrind linux-perf)
packages_fuzz=(clang libclang-rt-dev)
packages_tools=(clang-format clang-tidy clang shellcheck)

# Installs what is not there. Quick when nothing is missing: one dpkg-query.
need_packages() {
  command -v dpkg-query >/dev/null || return 0  # not Debian: cmake will say what it does not find
  local missing=() wanted package
  local -A have=()
  while read -r package wanted; do
    [[ $wanted == ii* ]] && have[${package%%:*}]=1
  done < <(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do [[ ${have[$package]-} ]] || missing+=("$package"); done
  ((${#missing[@]})) || return 0
  if [[ $(id -u) != 0 ]]; then
    printf 'dev: packages are missing; as root: apt-get install %s\n' "${missing[*]}" >&2
    exit 1
  fi
  printf 'dev: installing %s\n' "${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  local attempt
  for attempt in 1 2 3; do
    if apt-get -qq update >&2 && apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2; then return 0; fi
    printf 'dev: attempt %d of 3 failed\n' "$attempt" >&2
    sleep $((attempt * 2))
  done
  printf 'dev: could not install %s\n' "${missing[*]}" >&2
  exit 1
}

# Without these ccache takes no source that a precompiled header is put before (ccache(1), PRECOMPILED HEADERS).
export CCACHE_SLOPPINESS=pch_defines,time_macros

# configure PRESET [-DNAME=VALUE…]
configure() {
  local preset=$1 launcher=()
  shift
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  local log=build/$preset.configure.log
  mkdir -p build
  # Its output matters only when it fails.
  cmake --preset "$preset" ${launcher[@]+"${launcher[@]}"} "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

# build PRESET [TARGET…]
build() {
  local preset=$1
  shift
  local targets=("${@/#/--target=}")
  NINJA_STATUS="[$preset %f/%t] " cmake --build "build/$preset" ${targets[@]+"${targets[@]}"} >&2
}

# Prints a folder in memory that has room for the disks of three lab machines; status 1 if there is none.
memory_folder() {
  local free options
  read -r free options < <(findmnt -bnro AVAIL,OPTIONS -t tmpfs /dev/shm) || return 1
  # Containers give it 64 MiB and let nothing in it be executed.
  ((free >= 12 << 30)) && [[ ,$options, != *,noexec,* && -w /dev/shm ]] || return 1
  awk '/^MemAvailable:/ { exit $2 < 12 * 1024 * 1024 }' /proc/meminfo && echo /dev/shm
}

# The lane to use when none is named.
host_has_targets() { tests/lab/boot_host.sh --possible 2>/dev/null; }
