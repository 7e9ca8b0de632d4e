# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for tclone. Made by "tclone completion bash": do not edit.

_tclone_offer() {
  local what=$1 list=
  shift
  case $what in
    words) list="$*" ;;
    names)
      list=$(tclone __names "$1" ${pool:+--of "$pool"} 2>/dev/null)
      if [[ ${2-} == dirs ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      fi
      ;;
    files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      ;;
    dirs)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      ;;
  esac
  if [[ -n $list ]]; then
    local found
    mapfile -t found < <(compgen -W "$list" -- "$cur")
    COMPREPLY+=("${found[@]}")
  fi
}

_tclone() {
  local line=${COMP_LINE:0:COMP_POINT} cur='' prev='' pool='' words=() i
  read -ra words <<<"$line"
  if [[ $line != *[[:blank:]] ]]; then
    cur=${words[-1]}
    unset 'words[-1]'
  fi
  if [[ $cur == --*=* ]]; then
    prev=${cur%%=*}
    cur=${cur#*=}
  elif ((${#words[@]} > 1)); then
    prev=${words[-1]}
  fi

  local valued='-p --pool --lock-timeout --file --size --sector-size --when-full --name --add --vault --keep --fs --key --from --follow --tag -m --message --to -o --options --unlock --use'
  local groups='key policy pool'
  local command='' count=0 skip='' options='' offer='' place=''
  for ((i = 1; i < ${#words[@]}; i++)); do
    local word=${words[i]}
    if [[ -n $skip ]]; then
      [[ $skip == -p || $skip == --pool ]] && pool=$word
      skip=''
    elif [[ $word == --pool=* ]]; then
      pool=${word#*=}
    elif [[ $word == -* ]]; then
      [[ " $valued " == *" $word "* ]] && skip=$word
    elif [[ -z $command || " $groups " == *" $command "* ]]; then
      command=${command:+$command }$word
    else
      ((count++))
    fi
  done
  case $command in
    '' | key | policy | pool)
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      place='words pool create clone publish revert refresh list tree log show status tag untag rename rm resize activate deactivate mount umount path key rekey recover doctor policy completion version'
      [[ $command == key ]] && place='words add rm list test backup restore'
      [[ $command == policy ]] && place='words check list show'
      [[ $command == pool ]] && place='words create list status activate deactivate import export destroy grow check repair stock'
      ;;
    'pool create')
      options='--file --size --sector-size --when-full --force -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --file) offer='files' ;;
        --size) offer='nothing' ;;
        --sector-size) offer='words 4096 512' ;;
        --when-full) offer='words queue error' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='nothing' ;;
        *) place='files' ;;
      esac
      ;;
    'pool list')
      options='--json -v --verbose -h --help'
      ;;
    'pool status')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool activate')
      options='--volumes --takeover -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool deactivate')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool import')
      options='--name --takeover -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --name) offer='nothing' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        *) place='files' ;;
      esac
      ;;
    'pool export')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool destroy')
      options='--yes -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool grow')
      options='--size --add --force -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --size) offer='nothing' ;;
        --add) offer='files' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool check')
      options='-p --pool --json -v --verbose --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool repair')
      options='--vault --force -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --vault) offer='nothing' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'pool stock')
      options='--keep -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --keep) offer='nothing' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names pools' ;;
      esac
      ;;
    'create')
      options='--size --fs --plain --key --from -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --size) offer='nothing' ;;
        --fs) offer='words ext4 xfs none' ;;
        --key) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        --from) offer='files' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='nothing' ;;
      esac
      ;;
    'clone')
      options='--shared-key --vault --key --follow -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --vault) offer='names volumes' ;;
        --key) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        --follow) offer='names tags' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names targets' ;;
        1) place='nothing' ;;
      esac
      ;;
    'publish')
      options='--tag -m --message -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --tag) offer='names tags' ;;
        -m|--message) offer='nothing' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        *) place='names volumes' ;;
      esac
      ;;
    'revert')
      options='--to -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --to) offer='names tags' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
      esac
      ;;
    'refresh')
      options='--to --if-newer -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --to) offer='names tags' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
      esac
      ;;
    'list')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      ;;
    'tree')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      ;;
    'log')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      case $count in
        0) place='names volumes' ;;
      esac
      ;;
    'show')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      case $count in
        0) place='names targets' ;;
      esac
      ;;
    'status')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      ;;
    'tag')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names versions' ;;
        1) place='names tags' ;;
      esac
      ;;
    'untag')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
        1) place='names tags' ;;
      esac
      ;;
    'rename')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
        1) place='nothing' ;;
      esac
      ;;
    'rm')
      options='--yes -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names targets' ;;
      esac
      ;;
    'resize')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
        1) place='nothing' ;;
      esac
      ;;
    'activate')
      options='--all -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        *) place='names targets' ;;
      esac
      ;;
    'deactivate')
      options='--all -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        *) place='names targets' ;;
      esac
      ;;
    'mount')
      options='--read-only -o --options -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -o|--options) offer='nothing' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names targets' ;;
        1) place='dirs' ;;
      esac
      ;;
    'umount')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes dirs' ;;
      esac
      ;;
    'path')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      case $count in
        0) place='names targets' ;;
      esac
      ;;
    'key add')
      options='--key --unlock -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --key) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        --unlock) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
      esac
      ;;
    'key rm')
      options='--key --use --yes -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --key) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        --use) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
        1) place='nothing' ;;
      esac
      ;;
    'key list')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      case $count in
        0) place='names volumes' ;;
      esac
      ;;
    'key test')
      options='--key -p --pool --json -v --verbose -h --help'
      case $prev in
        --key) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        -p|--pool) offer='names pools' ;;
      esac
      case $count in
        0) place='names volumes' ;;
      esac
      ;;
    'key backup')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
        1) place='files' ;;
      esac
      ;;
    'key restore')
      options='--yes -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
        1) place='files' ;;
      esac
      ;;
    'rekey')
      options='--key --unlock --compare --cancel --yes -p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        --key) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        --unlock) offer='words file: prompt stdin keyring: credential: exec: token' ;;
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      case $count in
        0) place='names volumes' ;;
      esac
      ;;
    'recover')
      options='-p --pool --json --dry-run -q --quiet -v --verbose --timings --lock-timeout -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
        --lock-timeout) offer='nothing' ;;
      esac
      ;;
    'doctor')
      options='-p --pool --json -v --verbose -h --help'
      case $prev in
        -p|--pool) offer='names pools' ;;
      esac
      ;;
    'policy check')
      options='--json -h --help'
      case $count in
        *) place='names policies' ;;
      esac
      ;;
    'policy list')
      options='--json -h --help'
      ;;
    'policy show')
      options='--json -h --help'
      case $count in
        0) place='names policies' ;;
      esac
      ;;
    'completion')
      options='-h --help'
      case $count in
        0) place='words bash zsh fish' ;;
      esac
      ;;
    'version')
      options='--json -v --verbose -h --help'
      ;;
  esac

  COMPREPLY=()
  if [[ -n $offer ]]; then
    _tclone_offer $offer
  elif [[ $cur == -* ]]; then
    _tclone_offer words $options
  elif [[ -n $place ]]; then
    _tclone_offer $place
  fi
  # readline replaces only what follows its last word break.
  local mark
  for mark in @ : =; do
    if [[ $cur == *"$mark"* && $COMP_WORDBREAKS == *"$mark"* ]]; then
      local head=${cur%"${cur##*"$mark"}"}
      for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$head"}; done
      cur=${cur##*"$mark"}
    fi
  done
  # A key source that wants more behind its colon.
  if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *: ]]; then compopt -o nospace 2>/dev/null; fi
}

complete -F _tclone tclone
