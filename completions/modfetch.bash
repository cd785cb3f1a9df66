# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of modfetch for bash. Names of this machine come from "modfetch complete", which reads caches only.

# Adds the words of KIND,... that begin with $word. They are never expanded: names come from repositories and devices.
_modfetch_words() {
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(PATH=$PATH:/usr/sbin:/sbin modfetch "${machine[@]}" complete "$1" "$word" 2>/dev/null)
    # thousands of names: nothing is done in vain
    [[ $1 != *devices* && $1 != *history* ]] || COMPREPLY=("${COMPREPLY[@]%%$'\t'*}")
    [[ -z $colons ]] || COMPREPLY=("${COMPREPLY[@]#"$colons"}")
}

_modfetch_verb() { # the first word that is neither an option nor an option's value
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --root | --kernel | --color) ((i++)) ;;
        -* | =) ;;
        *)
            echo "${COMP_WORDS[i]}"
            return
            ;;
        esac
    done
}

_modfetch() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb options="" words="" kinds="" colons="" i
    local -a machine=()
    local globals="--root --kernel --json --dry-run --no-load --thorough --yes --assume-no --detailed-exit --from-modprobe --unattended --color --verbose --quiet --help --version"
    local verbs="probe lookup why coldplug want fetch-for media search info install remove update rollback undo trials deny allow hold unhold prefer refresh prefetch repo key doctor depmod pack build queue status history check initrd list ready kernel-added kernel-removed complete autoremove help"

    COMPREPLY=()
    case $before in
    --root | --basedir | --outdir | -b | --output | --publish | --spec-only | --firmware | --device | --sysfs | --file | --config | -C | \
        --symvers | --image | --system-map | --sign | --cert | --updateinfo | --key | --subset)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --color)
        mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$word")
        return
        ;;
    --kernel)
        mapfile -t COMPREPLY < <(compgen -W "all" -- "$word")
        _modfetch_words kernels
        return
        ;;
    esac

    # options of the command line that say which machine it is about
    for ((i = 1; i < COMP_CWORD - 1; i++)); do
        [[ ${COMP_WORDS[i]} != --root && ${COMP_WORDS[i]} != --kernel ]] || machine+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
    done
    # bash splits words at colons, and replaces the last part only
    if [[ $COMP_WORDBREAKS == *:* ]]; then
        for ((i = COMP_CWORD; i > 1; i--)); do
            [[ ${COMP_WORDS[i]} == *: || ${COMP_WORDS[i - 1]} == *: ]] || break
            word=${COMP_WORDS[i - 1]}$word
        done
        [[ $word != *:* ]] || colons=${word%"${word##*:}"}
    fi

    verb=$(_modfetch_verb)
    case $verb in
    "") words=$verbs ;;
    probe)
        options="--device --file"
        kinds=modules,devices
        ;;
    lookup | why)
        options="--device --file --dot --case"
        kinds=modules,devices
        ;;
    search) kinds=devices ;;
    info | install) kinds=packages,modules,devices ;;
    remove) kinds=installed ;;
    rollback) kinds=installed,history ;;
    undo) kinds=history ;;
    coldplug) options="--sysfs --boot" ;;
    want)
        options="--missing --exports"
        kinds=modules,devices
        ;;
    fetch-for)
        options="--output --repo --key"
        if [[ $word != -* ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
        fi
        ;;
    media) options="--device" ;;
    update)
        options="--check --reload"
        kinds=installed
        ;;
    trials) options="--begin-boot --judge" ;;
    deny | allow)
        words="bus class modalias module package repository removable fixed"
        kinds=packages,modules,devices,repositories
        ;;
    hold | unhold)
        words="module package"
        kinds=installed
        ;;
    prefer)
        options="--remove"
        words="module package repository"
        kinds=repositories,packages,modules
        ;;
    refresh)
        options="--force --accept-older --accept-identity"
        kinds=repositories
        ;;
    prefetch) options="--check --remove" ;;
    build) options="--again --take-over --give-back --publish --sign --cert" ;;
    repo)
        options="--id --key --key-fingerprint"
        words="list add enable disable remove"
        kinds=repositories
        ;;
    key)
        options="--key-fingerprint"
        words="list import"
        kinds=repositories
        ;;
    doctor) options="--offline" ;;
    depmod)
        options="--all --quick --basedir --moduledir --config --outdir --show --no-sync --changed --learn --errsyms --filesyms
            --symvers --warn --symbol-prefix --version"
        kinds=kernels
        ;;
    pack)
        options="--output --jobs --flavor --symvers --image --system-map --config --firmware --version --release --sign --cert
            --gpg-key --identity --updateinfo --incremental --share --only --subset --drivers --page --spec-only"
        if [[ $word != -* ]]; then
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -d -- "$word")
        fi
        ;;
    queue) options="--until-empty --linger --watch --retry" ;;
    status) options="--all --usage --hooks" ;;
    history)
        options="--lines"
        kinds=history
        ;;
    check) options="--all --fix" ;;
    ready | kernel-removed) kinds=kernels ;;
    complete) words="packages installed modules devices repositories history kernels" ;;
    help) words=$verbs ;;
    kernel-added)
        options="--strict"
        kinds=kernels
        ;;
    initrd) options="--pending --rescue" ;;
    list) options="--installed --updates --patterns --unowned --initrd --held" ;;
    esac
    [[ $word != -* ]] || words="$options $globals" kinds=""
    [[ -z $words ]] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    [[ -z $kinds ]] || _modfetch_words "$kinds"
}

complete -F _modfetch modfetch
