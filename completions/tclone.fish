# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for tclone. Made by "tclone completion fish": do not edit.

# Words before the cursor that are neither options nor their values, without "tclone".
function __tclone_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word $__tclone_valued
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# Whether the command typed is this one: "create" or "pool create".
function __tclone_in
    set -l want (string split ' ' -- $argv[1])
    set -l have (__tclone_words)
    test (count $have) -ge (count $want); and test "$have[1..$(count $want)]" = "$want"
end

# Whether the cursor is at argument number N of the command; with "more" at that one or later. Without arguments:
# whether there is no command yet.
function __tclone_at
    set -l have (__tclone_words)
    if test (count $argv) = 0
        test (count $have) = 0
        return
    end
    __tclone_in $argv[1]; or return
    set -l at (math (count $have) - (count (string split ' ' -- $argv[1])))
    test $at = $argv[2]; or begin
        test "$argv[3]" = more; and test $at -ge $argv[2]
    end
end

function __tclone_names
    set -l words (commandline -opc)
    set -l pool
    for i in (seq 2 (count $words))
        if contains -- $words[$i] -p --pool; and test $i -lt (count $words)
            set pool --of $words[(math $i + 1)]
        else if string match -q -- '--pool=*' $words[$i]
            set pool --of (string replace -- '--pool=' '' $words[$i])
        end
    end
    tclone __names $argv[1] $pool 2>/dev/null
end

complete -c tclone -e
complete -c tclone -f
set -g __tclone_valued --pool -p --lock-timeout --file --size --sector-size --when-full --name --add --vault --keep --fs --key --from --follow --tag --message -m --to --options -o --unlock --use
complete -c tclone -s p -l pool -x -f -a '(__tclone_names pools)' -d 'pool to use (optional if there is only one)'
complete -c tclone -l json -d 'print the result as JSON'
complete -c tclone -l dry-run -d 'print the steps and do none of them'
complete -c tclone -s q -l quiet -d 'do not print confirmations'
complete -c tclone -s v -l verbose -d 'say more on standard error; twice: everything'
complete -c tclone -l timings -d 'print how long each step took on standard error'
complete -c tclone -l lock-timeout -x -f -d 'how long to wait for another command on the pool (30)'
complete -c tclone -s h -l help -d 'print this help'
complete -c tclone -f -n __tclone_at -a pool -d 'make, list and care for pools'
complete -c tclone -f -n __tclone_at -a key -d 'change and test what unlocks a volume'
complete -c tclone -f -n __tclone_at -a policy -d 'look at the policies of this host'

# pool create
complete -c tclone -f -n '__tclone_at pool 0' -a create -d 'make a pool'
complete -c tclone -n '__tclone_at \'pool create\' 0' -f
complete -c tclone -n '__tclone_at \'pool create\' 1 more' -F
complete -c tclone -n '__tclone_in \'pool create\'' -l file -r -F -d 'make the pool in this file'
complete -c tclone -n '__tclone_in \'pool create\'' -l size -x -f -d 'size of the file (80 % of the free space)'
complete -c tclone -n '__tclone_in \'pool create\'' -l sector-size -x -f -a '4096 512' -d 'sector size of encrypted volumes (4096)'
complete -c tclone -n '__tclone_in \'pool create\'' -l when-full -x -f -a 'queue error' -d 'what a full pool does with writes: queue or error (queue)'
complete -c tclone -n '__tclone_in \'pool create\'' -l force -d 'overwrite known signatures'

# pool list
complete -c tclone -f -n '__tclone_at pool 0' -a list -d 'list the pools this host knows'

# pool status
complete -c tclone -f -n '__tclone_at pool 0' -a status -d 'show how full and how healthy a pool is'
complete -c tclone -n '__tclone_at \'pool status\' 0' -f -a '(__tclone_names pools)'

# pool activate
complete -c tclone -f -n '__tclone_at pool 0' -a activate -d 'make a pool usable after a boot'
complete -c tclone -n '__tclone_at \'pool activate\' 0' -f -a '(__tclone_names pools)'
complete -c tclone -n '__tclone_in \'pool activate\'' -l volumes -d 'activate every volume as well'
complete -c tclone -n '__tclone_in \'pool activate\'' -l takeover -d 'take the pool over from another host that is down'

# pool deactivate
complete -c tclone -f -n '__tclone_at pool 0' -a deactivate -d 'take a pool and everything in it down'
complete -c tclone -n '__tclone_at \'pool deactivate\' 0' -f -a '(__tclone_names pools)'

# pool import
complete -c tclone -f -n '__tclone_at pool 0' -a import -d 'bring in a pool from another host'
complete -c tclone -n '__tclone_at \'pool import\' 0 more' -F
complete -c tclone -n '__tclone_in \'pool import\'' -l name -x -f -d 'call it so on this host'
complete -c tclone -n '__tclone_in \'pool import\'' -l takeover -d 'take the pool over from another host that is down'

# pool export
complete -c tclone -f -n '__tclone_at pool 0' -a export -d 'give a pool up, for another host to import'
complete -c tclone -n '__tclone_at \'pool export\' 0' -f -a '(__tclone_names pools)'

# pool destroy
complete -c tclone -f -n '__tclone_at pool 0' -a destroy -d 'destroy a pool with everything in it'
complete -c tclone -n '__tclone_at \'pool destroy\' 0' -f -a '(__tclone_names pools)'
complete -c tclone -n '__tclone_in \'pool destroy\'' -l yes -d 'do not ask'

# pool grow
complete -c tclone -f -n '__tclone_at pool 0' -a grow -d 'make a pool larger while it is in use'
complete -c tclone -n '__tclone_at \'pool grow\' 0' -f -a '(__tclone_names pools)'
complete -c tclone -n '__tclone_in \'pool grow\'' -l size -x -f -d 'new size of the pool\'s file'
complete -c tclone -n '__tclone_in \'pool grow\'' -l add -r -F -d 'add this device to the pool'
complete -c tclone -n '__tclone_in \'pool grow\'' -l force -d 'overwrite known signatures on added devices'

# pool check
complete -c tclone -f -n '__tclone_at pool 0' -a check -d 'check a pool\'s metadata, headers and records against each other'
complete -c tclone -n '__tclone_at \'pool check\' 0' -f -a '(__tclone_names pools)'

# pool repair
complete -c tclone -f -n '__tclone_at pool 0' -a repair -d 'repair a damaged pool\'s own metadata into its spare area'
complete -c tclone -n '__tclone_at \'pool repair\' 0' -f -a '(__tclone_names pools)'
complete -c tclone -n '__tclone_in \'pool repair\'' -l vault -x -f -d 'repair this vault'
complete -c tclone -n '__tclone_in \'pool repair\'' -l force -d 'overwrite the metadata that an earlier repair kept'

# pool stock
complete -c tclone -f -n '__tclone_at pool 0' -a stock -d 'keep vaults made ahead, for faster clones'
complete -c tclone -n '__tclone_at \'pool stock\' 0' -f -a '(__tclone_names pools)'
complete -c tclone -n '__tclone_in \'pool stock\'' -l keep -x -f -d 'how many, from 0 to 64'

# create
complete -c tclone -f -n '__tclone_at' -a create -d 'make an empty volume, or one from an image'
complete -c tclone -n '__tclone_at \'create\' 0' -f
complete -c tclone -n '__tclone_in \'create\'' -l size -x -f -d 'size, such as 10G'
complete -c tclone -n '__tclone_in \'create\'' -l fs -x -f -a 'ext4 xfs none' -d 'filesystem to make: ext4, xfs or none (ext4)'
complete -c tclone -n '__tclone_in \'create\'' -l plain -d 'do not encrypt'
complete -c tclone -n '__tclone_in \'create\'' -l key -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'where the key comes from, see KEY SOURCES'
complete -c tclone -n '__tclone_in \'create\'' -l from -r -F -d 'copy this file or block device into it'

# clone
complete -c tclone -f -n '__tclone_at' -a clone -d 'make a writable clone of a version'
complete -c tclone -n '__tclone_at \'clone\' 0' -f -a '(__tclone_names targets)'
complete -c tclone -n '__tclone_at \'clone\' 1' -f
complete -c tclone -n '__tclone_in \'clone\'' -l shared-key -d 'stay in the vault and under the key of the source'
complete -c tclone -n '__tclone_in \'clone\'' -l vault -x -f -a '(__tclone_names volumes)' -d 'put it into this existing vault'
complete -c tclone -n '__tclone_in \'clone\'' -l key -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'where the key comes from, see KEY SOURCES'
complete -c tclone -n '__tclone_in \'clone\'' -l follow -x -f -a '(__tclone_names tags)' -d 'the tag refresh goes to (latest)'

# publish
complete -c tclone -f -n '__tclone_at' -a publish -d 'freeze volumes into new versions'
complete -c tclone -n '__tclone_at \'publish\' 0 more' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_in \'publish\'' -l tag -x -f -a '(__tclone_names tags)' -d 'put this tag on the versions'
complete -c tclone -n '__tclone_in \'publish\'' -s m -l message -x -f -d 'a note kept with the versions'

# revert
complete -c tclone -f -n '__tclone_at' -a revert -d 'throw away what was written since a version'
complete -c tclone -n '__tclone_at \'revert\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_in \'revert\'' -l to -x -f -a '(__tclone_names tags)' -d 'one of its own versions, by number or tag'

# refresh
complete -c tclone -f -n '__tclone_at' -a refresh -d 'restart a clone from the newest version it follows'
complete -c tclone -n '__tclone_at \'refresh\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_in \'refresh\'' -l to -x -f -a '(__tclone_names tags)' -d 'tag or version number of what it was cloned from'
complete -c tclone -n '__tclone_in \'refresh\'' -l if-newer -d 'do nothing when it stands on that version already'

# list
complete -c tclone -f -n '__tclone_at' -a list -d 'list the volumes'

# tree
complete -c tclone -f -n '__tclone_at' -a tree -d 'show which volume came from which version'

# log
complete -c tclone -f -n '__tclone_at' -a log -d 'show the versions of a volume, newest first'
complete -c tclone -n '__tclone_at \'log\' 0' -f -a '(__tclone_names volumes)'

# show
complete -c tclone -f -n '__tclone_at' -a show -d 'show everything about a volume or a version'
complete -c tclone -n '__tclone_at \'show\' 0' -f -a '(__tclone_names targets)'

# status
complete -c tclone -f -n '__tclone_at' -a status -d 'the same as pool status'

# tag
complete -c tclone -f -n '__tclone_at' -a tag -d 'put a tag on a version'
complete -c tclone -n '__tclone_at \'tag\' 0' -f -a '(__tclone_names versions)'
complete -c tclone -n '__tclone_at \'tag\' 1' -f -a '(__tclone_names tags)'

# untag
complete -c tclone -f -n '__tclone_at' -a untag -d 'take a tag away'
complete -c tclone -n '__tclone_at \'untag\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_at \'untag\' 1' -f -a '(__tclone_names tags)'

# rename
complete -c tclone -f -n '__tclone_at' -a rename -d 'give a volume another name'
complete -c tclone -n '__tclone_at \'rename\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_at \'rename\' 1' -f

# rm
complete -c tclone -f -n '__tclone_at' -a rm -d 'delete a volume with its versions, or one version'
complete -c tclone -n '__tclone_at \'rm\' 0' -f -a '(__tclone_names targets)'
complete -c tclone -n '__tclone_in \'rm\'' -l yes -d 'do not ask'

# resize
complete -c tclone -f -n '__tclone_at' -a resize -d 'make a volume larger'
complete -c tclone -n '__tclone_at \'resize\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_at \'resize\' 1' -f

# activate
complete -c tclone -f -n '__tclone_at' -a activate -d 'make the devices of volumes appear'
complete -c tclone -n '__tclone_at \'activate\' 0 more' -f -a '(__tclone_names targets)'
complete -c tclone -n '__tclone_in \'activate\'' -l all -d 'every volume of the pool'

# deactivate
complete -c tclone -f -n '__tclone_at' -a deactivate -d 'make the devices of volumes disappear'
complete -c tclone -n '__tclone_at \'deactivate\' 0 more' -f -a '(__tclone_names targets)'
complete -c tclone -n '__tclone_in \'deactivate\'' -l all -d 'every volume of the pool'

# mount
complete -c tclone -f -n '__tclone_at' -a mount -d 'mount a volume or a version'
complete -c tclone -n '__tclone_at \'mount\' 0' -f -a '(__tclone_names targets)'
complete -c tclone -n '__tclone_at \'mount\' 1' -f -a '(__fish_complete_directories)'
complete -c tclone -n '__tclone_in \'mount\'' -l read-only -d 'mount read-only'
complete -c tclone -n '__tclone_in \'mount\'' -s o -l options -x -f -d 'mount options, as for mount(8)'

# umount
complete -c tclone -f -n '__tclone_at' -a umount -d 'unmount a volume'
complete -c tclone -n '__tclone_at \'umount\' 0' -f -a '(__tclone_names volumes) (__fish_complete_directories)'

# path
complete -c tclone -f -n '__tclone_at' -a path -d 'print the device path of a volume or version'
complete -c tclone -n '__tclone_at \'path\' 0' -f -a '(__tclone_names targets)'

# key add
complete -c tclone -f -n '__tclone_at key 0' -a add -d 'add a key to a volume'
complete -c tclone -n '__tclone_at \'key add\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_in \'key add\'' -l key -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'where the new key comes from, see KEY SOURCES'
complete -c tclone -n '__tclone_in \'key add\'' -l unlock -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'where a key comes from that opens it now'

# key rm
complete -c tclone -f -n '__tclone_at key 0' -a rm -d 'remove a key from a volume'
complete -c tclone -n '__tclone_at \'key rm\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_at \'key rm\' 1' -f
complete -c tclone -n '__tclone_in \'key rm\'' -l key -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'the source whose slot is to go'
complete -c tclone -n '__tclone_in \'key rm\'' -l use -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'what activate asks from then on'
complete -c tclone -n '__tclone_in \'key rm\'' -l yes -d 'even if it is the last one'

# key list
complete -c tclone -f -n '__tclone_at key 0' -a list -d 'list the keys that open a volume'
complete -c tclone -n '__tclone_at \'key list\' 0' -f -a '(__tclone_names volumes)'

# key test
complete -c tclone -f -n '__tclone_at key 0' -a test -d 'say whether a key opens a volume'
complete -c tclone -n '__tclone_at \'key test\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_in \'key test\'' -l key -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'the source to try'

# key backup
complete -c tclone -f -n '__tclone_at key 0' -a backup -d 'save the header of a volume in a file'
complete -c tclone -n '__tclone_at \'key backup\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_at \'key backup\' 1' -F

# key restore
complete -c tclone -f -n '__tclone_at key 0' -a restore -d 'bring the header of a volume back from a file'
complete -c tclone -n '__tclone_at \'key restore\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_at \'key restore\' 1' -F
complete -c tclone -n '__tclone_in \'key restore\'' -l yes -d 'do not ask'

# rekey
complete -c tclone -f -n '__tclone_at' -a rekey -d 'give a volume a new volume key'
complete -c tclone -n '__tclone_at \'rekey\' 0' -f -a '(__tclone_names volumes)'
complete -c tclone -n '__tclone_in \'rekey\'' -l key -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'what activate asks from then on, see KEY SOURCES'
complete -c tclone -n '__tclone_in \'rekey\'' -l unlock -x -f -a 'file: prompt stdin keyring: credential: exec: token' -d 'where a key comes from that opens it now'
complete -c tclone -n '__tclone_in \'rekey\'' -l compare -d 'read what was copied back and compare it'
complete -c tclone -n '__tclone_in \'rekey\'' -l cancel -d 'give up one that was interrupted'
complete -c tclone -n '__tclone_in \'rekey\'' -l yes -d 'even if keys are lost by it'

# recover
complete -c tclone -f -n '__tclone_at' -a recover -d 'finish or undo what a crash left'

# doctor
complete -c tclone -f -n '__tclone_at' -a doctor -d 'say what is wrong and what to do about it'

# policy check
complete -c tclone -f -n '__tclone_at policy 0' -a check -d 'check policy files'
complete -c tclone -n '__tclone_at \'policy check\' 0 more' -f -a '(__tclone_names policies)'

# policy list
complete -c tclone -f -n '__tclone_at policy 0' -a list -d 'list the policies of this host'

# policy show
complete -c tclone -f -n '__tclone_at policy 0' -a show -d 'show a policy with its defaults'
complete -c tclone -n '__tclone_at \'policy show\' 0' -f -a '(__tclone_names policies)'

# completion
complete -c tclone -f -n '__tclone_at' -a completion -d 'print the completion script of a shell'
complete -c tclone -n '__tclone_at \'completion\' 0' -f -a 'bash zsh fish'

# version
complete -c tclone -f -n '__tclone_at' -a version -d 'print the version of tclone'
