# shellcheck shell=bash
# For scripts to source: no command ends a script without its reason on the terminal.
#   step WHAT COMMAND…    prints what is done now and does it; what fails in it is named together with WHAT
#   quietly PROGRAM…      keeps a program's output to itself, unless the program fails: then all of it goes to stderr
# Any command that ends the script (set -e) is named with its line and exit status. Functions are not to be called with
# "||" or "if": bash passes over their failures there.
set -Eeuo pipefail

steps_name=$(basename "$0")
steps_doing=
steps_command=
steps_reported=
trap 'steps_failed $? $LINENO "$BASH_COMMAND"' ERR

# The trap runs once more for each function and subshell that the failure passes on its way out: one line is enough.
steps_failed() { # exit status, line, command
    local where="line $2: " command=$3 meaning=
    [ -z "$steps_reported" ] || return 0
    steps_reported=yes
    # a line of this file says nothing: what it was called with does
    # shellcheck disable=SC2016
    case $command in
    '"$@"' | 'return $status') where="" command=$steps_command ;;
    esac
    [ "$1" != 124 ] || meaning=" (it took longer than it may)"
    echo "$steps_name: ${steps_doing:+failed: $steps_doing: }${where}exit status $1$meaning of: $command" >&2
}

die() {
    steps_reported=yes
    echo "$steps_name: $*" >&2
    exit 1
}

quietly() { # program, arguments…
    local log status=0
    steps_command=$*
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    [ $status = 0 ] || cat "$log" >&2
    rm -f "$log"
    return $status
}

step() { # what, command…
    steps_doing=$1
    shift
    steps_command=$*
    echo "== $steps_name: $steps_doing"
    "$@"
    steps_doing=
}
