# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of modfetch for bash. Names of modules and repositories are read from the disk; it uses no network.

_modfetch_repositories() {
    sed -n 's/^\[\(.*\)\]$/\1/p' /etc/modfetch/repos.d/*.repo 2>/dev/null
}

_modfetch_kernels() {
    find /lib/modules/ -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null
}

_modfetch_verb() { # the first word that is neither an option nor an option's value
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --root | --kernel) ((i++)) ;;
        -*) ;;
        *)
            echo "${COMP_WORDS[i]}"
            return
            ;;
        esac
    done
}

_modfetch() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb options="" words=""
    local globals="--root --kernel --json --dry-run --no-load --thorough --from-modprobe --unattended --verbose --quiet --help --version"
    local verbs="probe lookup why coldplug search info install remove update rollback undo trials deny allow hold unhold prefer refresh repo key doctor depmod pack queue status history check initrd list ready kernel-added kernel-removed autoremove help"

    COMPREPLY=()
    case $before in
    --root | --basedir | --outdir | -b | --output | --spec-only | --firmware | --device | --sysfs | --file | --config | -C | \
        --symvers | --image | --system-map | --sign | --cert | --updateinfo | --key)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --kernel)
        mapfile -t COMPREPLY < <(compgen -W "all $(_modfetch_kernels)" -- "$word")
        return
        ;;
    esac

    verb=$(_modfetch_verb)
    case $verb in
    "") words=$verbs ;;
    probe) options="--device --file" ;;
    lookup | why) options="--device --file --dot --case" ;;
    coldplug) options="--sysfs --boot" ;;
    update) options="--check --reload" ;;
    trials) options="--begin-boot --judge" ;;
    deny | allow) words="bus class modalias module package repository removable fixed" ;;
    hold | unhold) words="module package" ;;
    prefer)
        options="--remove"
        words="module package repository $(_modfetch_repositories)"
        ;;
    refresh)
        options="--force --accept-older --accept-identity"
        words=$(_modfetch_repositories)
        ;;
    repo)
        options="--id --key --key-fingerprint --yes"
        words="list add enable disable remove $(_modfetch_repositories)"
        ;;
    key)
        options="--key-fingerprint --yes"
        words="list import $(_modfetch_repositories)"
        ;;
    doctor) options="--offline" ;;
    depmod)
        options="--all --quick --basedir --config --outdir --show --no-sync --changed --learn"
        words=$(_modfetch_kernels)
        ;;
    pack)
        options="--output --jobs --flavor --symvers --image --system-map --config --firmware --version --release --sign --cert
            --gpg-key --identity --updateinfo --incremental --share --only --spec-only"
        [[ $word == -* ]] || compopt -o filenames
        words=$(compgen -d -- "$word")
        ;;
    queue) options="--until-empty --linger --watch --retry" ;;
    status) options="--usage --hooks" ;;
    history) options="--lines" ;;
    check) options="--all --fix" ;;
    ready | kernel-removed) words=$(_modfetch_kernels) ;;
    kernel-added)
        options="--strict"
        words=$(_modfetch_kernels)
        ;;
    autoremove) options="--yes" ;;
    initrd) options="--pending" ;;
    list) options="--installed --updates --patterns --unowned --initrd --held" ;;
    esac
    [[ $word != -* ]] || words="$options $globals"
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _modfetch modfetch
