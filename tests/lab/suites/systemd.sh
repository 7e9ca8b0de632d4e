# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# lab: --systemd --disks 1x1G --var 1G --timeout 400
# needs: tclone
# long: a_stopped_udevd_delays_a_command_but_does_not_hang_it
# long: an_ipc_namespace_of_its_own_delays_a_command_but_does_not_hang_it
# long: lvm_that_scans_all_devices_holds_up_no_command without_udev_a_command_makes_its_device_nodes_itself
# long: what_a_killed_command_waited_with_goes_with_the_next_command
# With systemd as PID 1 and udevd running: the unit that activates pools at boot, udev's view of the layers, cookies.

suite_setup() {
  mkdir -p /mnt/a /mnt/b
  cp "$LAB_SOURCE/systemd/56-tclone.rules" /etc/udev/rules.d/
  sed 's,@CMAKE_INSTALL_FULL_SBINDIR@,/usr/local/bin,g' "$LAB_SOURCE/systemd/tclone-activate@.service.in" \
    >/etc/systemd/system/tclone-activate@.service
  udevadm control --reload
  systemctl daemon-reload
}

case_teardown() {
  kill -CONT "$(pidof systemd-udevd)" 2>/dev/null
  systemctl stop web1.service tclone-activate@default.service 2>/dev/null
  umount /mnt/a /mnt/b 2>/dev/null
  for pool in p default; do
    DM_DISABLE_UDEV=1 tclone pool destroy "$pool" --yes >/dev/null 2>&1
    rm -f "/etc/tclone/pools/$pool.toml"
  done
  dd if=/dev/zero of="${disk[0]}" bs=1M count=1 conv=fsync 2>/dev/null
}

case_a_unit_activates_a_pool_with_its_volumes_and_takes_it_down() {
  unset DM_DISABLE_UDEV
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok tclone create db --size 64M
  expect_ok tclone clone db web1
  expect_ok tclone pool deactivate p
  expect_ok systemctl start tclone-activate@p.service
  expect_file /dev/mapper/tclone-p-db
  expect_file /dev/mapper/tclone-p-web1
  expect_ok systemctl stop tclone-activate@p.service
  expect_no_file /dev/mapper/tclone-p-db
  expect_ok tclone pool destroy p --yes
}

# The lines that README gives, as they stand there.
case_a_service_starts_on_the_newest_version_each_time() {
  unset DM_DISABLE_UDEV
  expect_ok tclone pool create default "${disk[0]}"
  expect_ok tclone create db --size 64M
  expect_ok tclone mount db /mnt/a
  echo one >/mnt/a/version
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web1
  mkdir -p /srv/web1 /etc/systemd/system/web1.service.d
  printf '[Service]\nExecStart=/bin/sleep infinity\n' >/etc/systemd/system/web1.service
  sed -n '/^```ini$/,/^```$/{/^```/!p}' "$LAB_SOURCE/README.md" >/etc/systemd/system/web1.service.d/tclone.conf
  systemctl daemon-reload
  expect_ok systemctl start web1.service
  expect_equal one "$(cat /srv/web1/version)" "what the service finds at its first start"
  echo mine >/srv/web1/own
  expect_ok systemctl restart web1.service
  expect_equal mine "$(cat /srv/web1/own)" "what the service wrote, while there is nothing newer"
  echo two >/mnt/a/version
  expect_ok tclone publish db --quiet --message nightly
  expect_ok systemctl restart web1.service
  expect_equal two "$(cat /srv/web1/version)" "what the service finds after a newer version"
  expect_no_file /srv/web1/own
  systemctl kill -s KILL web1.service
  until systemctl is-failed -q web1.service; do sleep 0.1; done
  mountpoint -q /srv/web1 && lost "a service that was killed left its clone mounted"
  expect_ok tclone umount db
  expect_ok systemctl stop tclone-activate@default.service
  rm -rf /etc/systemd/system/web1.service*
  systemctl daemon-reload
  expect_ok tclone pool activate default
  expect_ok tclone pool destroy default --yes
}

# The keyring is forbidden to many containers and services; then dm-crypt gets its key in its table.
case_a_service_opens_volumes_with_a_credential_and_without_a_keyring() {
  unset DM_DISABLE_UDEV
  head -c 48 /dev/urandom | base64 -w0 >/run/db.secret; chmod 600 /run/db.secret
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok env CREDENTIALS_DIRECTORY=/run tclone create db --size 16M --fs none --key credential:db.secret
  expect_ok tclone create web --size 16M --fs none
  dmsetup table --showkeys tclone-p-_1.crypt | grep -q ' :64:logon:' || lost "the key is not in the keyring where that is allowed"
  expect_ok tclone deactivate db web
  cat >/run/systemd/system/open-both.service <<'UNIT'
[Service]
Type=oneshot
ExecStart=/usr/local/bin/tclone activate db web
StandardError=truncate:/run/open-both.said
LoadCredential=db.secret:/run/db.secret
SystemCallFilter=~@keyring
SystemCallErrorNumber=EPERM
UNIT
  systemctl daemon-reload
  run systemctl start open-both.service
  ((status == 0)) || { cat /run/open-both.said; lost "a service with a credential and without a keyring"; }
  expect_file /dev/mapper/tclone-p-db
  expect_file /dev/mapper/tclone-p-web
  expect_equal 1 "$(grep -c 'keyring is not allowed' /run/open-both.said)" "how often it is said"
  dmsetup table --showkeys tclone-p-_1.crypt | grep -qE ' [0-9a-f]{128} ' || lost "the fallback is not what it is said to be"
  rm -f /run/db.secret /run/open-both.said /run/systemd/system/open-both.service
  expect_ok tclone pool destroy p --yes
}

case_udev_sees_the_volume_and_none_of_the_layers_below_it() {
  unset DM_DISABLE_UDEV
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok tclone create db --size 64M
  expect_ok tclone publish db
  expect_ok tclone clone db@1 web1
  udevadm settle
  local uuid link
  uuid=$(blkid -s UUID -o value /dev/mapper/tclone-p-db)
  link=$(readlink -f "/dev/disk/by-uuid/$uuid")
  expect_equal "$(readlink -f /dev/mapper/tclone-p-db)" "$link" "what the filesystem's UUID leads to"
  for link in /dev/disk/by-uuid/*; do
    [[ $(readlink -f "$link") != $(readlink -f /dev/mapper/tclone-p-_1.crypt) ]] || lost "udev scanned a hidden layer: $link"
  done
  expect_ok tclone pool destroy p --yes
}

case_a_stopped_udevd_delays_a_command_but_does_not_hang_it() {
  unset DM_DISABLE_UDEV
  expect_ok tclone pool create p "${disk[0]}"
  local udevd
  udevd=$(pidof systemd-udevd)
  kill -STOP "$udevd"
  run timeout 100 tclone create db --size 16M --fs none
  kill -CONT "$udevd"
  ((status == 0)) || { lab_show; lost "a command with udevd stopped ended with $status"; }
  udevadm settle
  expect_ok tclone pool destroy p --yes
}

# The semaphore of the wait outlives the process. Another's, made the same way, is left alone.
case_what_a_killed_command_waited_with_goes_with_the_next_command() {
  unset DM_DISABLE_UDEV
  expect_ok tclone pool create p "${disk[0]}"
  udevadm settle
  expect_ok dmsetup udevcreatecookie
  local udevd before waiting n
  before=$(ipcs -s)
  udevd=$(pidof systemd-udevd)
  kill -STOP "$udevd"
  tclone create db --size 16M --fs none 2>/dev/null &
  local command=$!
  for ((n = 0; n < 100; n++)); do
    [[ $(ipcs -s) != "$before" ]] && break
    sleep 0.05
  done
  sleep 0.5  # it waits for five seconds
  kill -KILL "$command"
  wait "$command" 2>/dev/null
  kill -CONT "$udevd"
  udevadm settle
  waiting=$(ipcs -s)
  [[ $waiting != "$before" ]] || lost "the killed command left no semaphore, so nothing is shown here"
  expect_ok tclone recover
  expect_equal "$before" "$(ipcs -s)" "the semaphores after recovery"
  dmsetup udevcomplete_all -y >/dev/null
  expect_ok tclone pool destroy p --yes
}

# A container that has /dev and an IPC namespace of its own: udevd cannot answer the cookies made there.
case_an_ipc_namespace_of_its_own_delays_a_command_but_does_not_hang_it() {
  unset DM_DISABLE_UDEV
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok tclone create db --size 16M --fs none
  local before
  before=$(ipcs -s)
  run timeout 100 unshare --ipc tclone clone db web
  ((status == 0)) || { lab_show; lost "a command in an IPC namespace of its own ended with $status"; }
  expect_file /dev/mapper/tclone-p-web
  run timeout 100 unshare --ipc tclone rm web --yes
  ((status == 0)) || { lab_show; lost "rm in an IPC namespace of its own ended with $status"; }
  expect_equal "$before" "$(ipcs -s)" "the host's semaphores"
  udevadm settle
  expect_ok tclone pool destroy p --yes
}

case_without_udev_a_command_makes_its_device_nodes_itself() {
  export DM_DISABLE_UDEV=1
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok tclone create db --size 16M --fs none
  expect_ok tclone publish db
  expect_ok tclone clone db web
  expect_file /dev/mapper/tclone-p-web
  expect_ok dd if=/dev/zero of=/dev/mapper/tclone-p-web bs=1M count=1 oflag=direct status=none
  expect_ok tclone pool destroy p --yes
  unset DM_DISABLE_UDEV
}

case_lvm_that_scans_all_devices_holds_up_no_command() {
  unset DM_DISABLE_UDEV
  expect_ok tclone pool create p "${disk[0]}"
  expect_ok tclone create db --size 64M --fs none
  # What is in a volume is its owner's business: here it looks like LVM's, and is cloned.
  expect_ok pvcreate -y /dev/mapper/tclone-p-db
  (while :; do pvs; vgs; lvs; done) >/dev/null 2>&1 &
  local scanner=$!
  expect_ok tclone publish db
  expect_ok tclone clone db@latest web
  expect_ok tclone revert web
  expect_ok tclone deactivate web
  expect_ok tclone rm web --yes
  kill $scanner
  wait $scanner 2>/dev/null
  udevadm settle
  expect_ok tclone pool destroy p --yes
}
