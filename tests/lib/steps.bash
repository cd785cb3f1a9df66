# shellcheck shell=bash
# For scripts to source: a command that ends a script always prints the reason to the terminal.
#   step WHAT COMMAND…    prints WHAT and runs the command; a failure is reported together with WHAT
#   quietly PROGRAM…      suppresses the output of a program, unless it fails: then all of it goes to stderr
# Any command that ends the script (set -e) is reported with its line and exit status. Do not call functions with "||" or
# "if": bash ignores failures inside them there.
set -Eeuo pipefail

steps_name=$(basename "$0")
steps_doing=
steps_command=
steps_reported=
trap 'steps_failed $? $LINENO "$BASH_COMMAND"' ERR

# The trap runs again for each function and subshell that the failure leaves: print only one line.
steps_failed() { # exit status, line, command
    local where="line $2: " command=$3 meaning=
    [ -z "$steps_reported" ] || return 0
    steps_reported=yes
    # a line of this file is not helpful: report the arguments of its function
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
