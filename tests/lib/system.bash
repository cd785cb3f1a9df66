# shellcheck shell=bash
# For scripts to source, after steps.bash: a Debian of any suite in a directory, and commands in it.
#   archive SUITE                         prints the mirrors of this machine, for SUITE, as an apt source
#   make_system SUITE TARGET OPTION…      makes TARGET (.tar or a directory) with mmdebstrap, under another name until it is complete
#   copy_tree PROJECT DIRECTORY           copies the tracked files of a tree in their current state
#   as_machine ROOT                       gives a root this machine's access to the archive, and makes dpkg quick
#   enter ROOT COMMAND SOURCE:PLACE…      runs COMMAND below /root/modfetch, with each SOURCE bound to PLACE, and with the variables of
#                                         the array "settings" (NAME=VALUE)
# A root gets its own /dev, /proc, /run and, unless bound, /tmp, in mount and pid namespaces that end with the command.
# It shares the network with the machine. The first failure ends the script (steps.bash); only root can do this.

# shellcheck source=/dev/null
system_here=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
settings=()

archive() { # suite
    local file mirror
    for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
        [ -s "$file" ] || continue
        # sid has neither updates nor a security archive
        if [ "$1" = sid ]; then
            mirror=$(grep -v '^ *#' "$file" | grep -o 'https\?://[^ ]*' | grep -v security | head -n 1)
            [ -n "$mirror" ] || break
            echo "deb $mirror sid main"
        else
            sed "s/\\b$system_here\\b/$1/g" "$file"
        fi
        return
    done
    echo "deb http://deb.debian.org/debian $1 main"
}

make_system() { # suite, target, options of mmdebstrap…
    local suite=$1 target=$2 list access
    shift 2
    list=$(mktemp --suffix "$([[ $(archive "$suite") = *Types:* ]] && echo .sources || echo .list)")
    access=$(mktemp)
    archive "$suite" >"$list"
    apt-config dump --no-empty Acquire >"$access"
    rm -rf --one-file-system "$target.partial"
    quietly mmdebstrap --variant=minbase --aptopt="$access" "$@" "$suite" "$target.partial" "$list"
    rm "$list" "$access"
    mv "$target.partial" "$target"
}

tracked_files() { # project: the tracked files that exist; in a tree without git, all files that are not built
    cd "$1" || return
    if [ -e .git ]; then
        # a file deleted but not yet committed is not there
        git -c safe.directory="$1" ls-files -z | while IFS= read -r -d '' file; do
            [ ! -e "$file" ] && [ ! -L "$file" ] || printf '%s\0' "$file"
        done
    else
        find . -mindepth 1 \( -path './build*' -o -name __pycache__ \) -prune -o ! -type d -print0
    fi
}

copy_tree() { # project, directory
    mkdir -p "$2"
    (tracked_files "$1" | tar --directory="$1" --null --files-from=- --create) |
        tar --extract --directory="$2" --no-same-owner
}

as_machine() { # root
    # mirrors, proxies, and whether dates are checked
    cp --dereference /etc/resolv.conf /etc/hosts "$1/etc/"
    apt-config dump --no-empty Acquire >"$1/etc/apt/apt.conf.d/90-as-the-machine"
    # a temporary root needs no fsync for each file, and no documentation
    printf '%s\n' force-unsafe-io path-exclude={/usr/share/{doc,man,locale,info},/usr/share/fonts}'/*' \
        >"$1/etc/dpkg/dpkg.cfg.d/90-fast"
}

# Runs in new mount and pid namespaces, as their first process.
enter_first() { # root, command, binds…
    local root=$1 command=$2 at
    shift 2
    mount --make-rprivate /
    for at in dev run tmp; do
        mount -t tmpfs -o "mode=$([ $at = tmp ] && echo 1777 || echo 755)" system "$root/$at"
    done
    mknod -m 666 "$root/dev/null" c 1 3
    mknod -m 666 "$root/dev/zero" c 1 5
    mknod -m 666 "$root/dev/full" c 1 7
    mknod -m 666 "$root/dev/random" c 1 8
    mknod -m 666 "$root/dev/urandom" c 1 9
    mknod -m 666 "$root/dev/tty" c 5 0
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"
    ln -s fd/1 "$root/dev/stdout"
    ln -s fd/2 "$root/dev/stderr"
    mkdir -m 1777 "$root/dev/shm" "$root/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 system "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mount -t proc system "$root/proc"
    for at; do
        mount --bind "${at%%:*}" "$root${at#*:}"
    done
    # shellcheck disable=SC2016 # the inner shell's
    chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "${settings[@]}" \
        bash -c 'cd /root/modfetch && exec bash -c "$1"' - "$command"
}

enter() { # root, command, SOURCE:PLACE…
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount --pid --fork --kill-child bash -c \
        "$(declare -f enter_first); $(declare -p settings); set -euo pipefail; enter_first \"\$@\"" \
        - "$@"
}
