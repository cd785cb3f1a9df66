# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of modfetch for fish. Names of this machine come from "modfetch complete", which reads caches only.

# Prints the words of KIND,...; fish shows the clause after the tab.
function __modfetch_words
    set -l machine
    set -l typed (commandline -opc)
    for i in (seq 2 (math (count $typed) - 1))
        contains -- $typed[$i] --root --kernel; and set -a machine $typed[$i] $typed[(math $i + 1)]
    end
    set -lx PATH $PATH /usr/sbin /sbin
    modfetch $machine complete $argv[1] (commandline -ct) 2>/dev/null
end

set -l verbs probe lookup why coldplug want fetch-for media search info install remove update rollback undo trials deny allow hold unhold prefer refresh prefetch repo key doctor depmod pack build queue status history check initrd list ready kernel-added kernel-removed complete autoremove help
set -l none "not __fish_seen_subcommand_from $verbs"

complete -c modfetch -f
complete -c modfetch -l root -d "work on the system below" -xa "(__fish_complete_directories)"
complete -c modfetch -l kernel -d "work for this kernel" -xa "all (__modfetch_words kernels)"
complete -c modfetch -l json -d "print JSON"
complete -c modfetch -l dry-run -d "plan only"
complete -c modfetch -l no-load -d "install, but load nothing"
complete -c modfetch -l thorough -d "what packages suggest comes too"
complete -c modfetch -s y -l yes -d "do not ask, the answer is yes"
complete -c modfetch -l assume-no -d "do not ask, the answer is no"
complete -c modfetch -l detailed-exit -d "exit status 2 where nothing had to be done"
complete -c modfetch -l from-modprobe -d "for the helper of modprobe"
complete -c modfetch -l unattended -d "the limits for runs nobody watches"
complete -c modfetch -l color -d "color by meaning" -xa "auto always never"
complete -c modfetch -s v -l verbose -d "say more"
complete -c modfetch -s q -l quiet -d "say errors only"
complete -c modfetch -s h -l help -d "list the verbs"
complete -c modfetch -n $none -s V -l version -d "print the version"

complete -c modfetch -n $none -a probe -d "load a driver, and fetch it first if it is missing"
complete -c modfetch -n $none -a lookup -d "print what probe would do, and why"
complete -c modfetch -n $none -a why -d "the same as lookup"
complete -c modfetch -n $none -a coldplug -d "probe for all devices of this machine"
complete -c modfetch -n $none -a want -d "print what this machine lacks, for one that has a network"
complete -c modfetch -n $none -a fetch-for -d "fetch what another machine lacks to a directory that travels"
complete -c modfetch -n $none -a media -d "install missing drivers from a stick or disc"
complete -c modfetch -n $none -a search -d "search packages by name, alias or text"
complete -c modfetch -n $none -a info -d "print all about a package or module"
complete -c modfetch -n $none -a install -d "install packages or patterns by name"
complete -c modfetch -n $none -a remove -d "remove packages by name"
complete -c modfetch -n $none -a update -d "install newer versions of drivers"
complete -c modfetch -n $none -a rollback -d "go back to the version before, or before the last update"
complete -c modfetch -n $none -a undo -d "reverse a run of the history"
complete -c modfetch -n $none -a trials -d "list updates on trial, and versions that were taken back"
complete -c modfetch -n $none -a deny -d "never fetch it"
complete -c modfetch -n $none -a allow -d "allow it, overriding all other rules"
complete -c modfetch -n $none -a hold -d "keep packages at their version"
complete -c modfetch -n $none -a unhold -d "end a hold"
complete -c modfetch -n $none -a prefer -d "prefer packages to others with the same driver"
complete -c modfetch -n $none -a refresh -d "fetch the metadata of repositories now"
complete -c modfetch -n $none -a prefetch -d "fetch packages before a device needs them"
complete -c modfetch -n $none -a repo -d "list and change the repositories"
complete -c modfetch -n $none -a key -d "list and add keys of repositories"
complete -c modfetch -n $none -a doctor -d "check all that drivers need to come by themselves"
complete -c modfetch -n $none -a depmod -d "update the module indexes"
complete -c modfetch -n $none -a pack -d "make a repository from lib/modules/KVER"
complete -c modfetch -n $none -a build -d "build drivers from their sources"
complete -c modfetch -n $none -a queue -d "process the spool of device events"
complete -c modfetch -n $none -a status -d "print devices, drivers, packages and repositories"
complete -c modfetch -n $none -a history -d "print past runs"
complete -c modfetch -n $none -a check -d "are all modules intact, signed, complete, for their kernel?"
complete -c modfetch -n $none -a initrd -d "make the initrd again if its drivers changed"
complete -c modfetch -n $none -a list -d "list packages or modules"
complete -c modfetch -n $none -a ready -d "print which drivers a kernel lacks"
complete -c modfetch -n $none -a kernel-added -d "bring the drivers of a new kernel"
complete -c modfetch -n $none -a kernel-removed -d "remove what is left of a kernel"
complete -c modfetch -n $none -a help -d "print the arguments of a verb"
complete -c modfetch -n $none -a complete -d "print words for a shell to complete"
complete -c modfetch -n $none -a autoremove -d "remove packages that nothing needs"

complete -c modfetch -n "__fish_seen_subcommand_from probe lookup why" -l device -d "for a device below /sys" -rF
complete -c modfetch -n "__fish_seen_subcommand_from probe lookup why" -l file -d "queries, one a line" -rF
complete -c modfetch -n "__fish_seen_subcommand_from lookup why" -l dot -d "as a graph"
complete -c modfetch -n "__fish_seen_subcommand_from lookup why" -l case -d "as a case for a bug report"
complete -c modfetch -n "__fish_seen_subcommand_from coldplug" -l sysfs -d "a recorded tree or list" -rF
complete -c modfetch -n "__fish_seen_subcommand_from coldplug" -l boot -d "as the service does"
complete -c modfetch -n "__fish_seen_subcommand_from want" -l missing -d "only devices without a driver on disk"
complete -c modfetch -n "__fish_seen_subcommand_from want" -l exports -d "the symbols of the kernel too"
complete -c modfetch -n "__fish_seen_subcommand_from fetch-for" -s o -l output -d "where the files go" -xa "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from fetch-for" -l repo -d "URL of a repository" -x
complete -c modfetch -n "__fish_seen_subcommand_from fetch-for" -l key -d "its key" -rF
complete -c modfetch -n "__fish_seen_subcommand_from fetch-for" -F
complete -c modfetch -n "__fish_seen_subcommand_from media" -l device -d "mount this block device" -rF
complete -c modfetch -n "__fish_seen_subcommand_from deny allow" -a "bus class modalias module package repository removable fixed"
complete -c modfetch -n "__fish_seen_subcommand_from hold unhold" -a "module package"
complete -c modfetch -n "__fish_seen_subcommand_from prefer" -a "module package repository"
complete -c modfetch -n "__fish_seen_subcommand_from prefer" -l remove -d "end the preference"
complete -c modfetch -n "__fish_seen_subcommand_from refresh" -s f -l force -d "unchanged metadata too"
complete -c modfetch -n "__fish_seen_subcommand_from refresh" -l accept-older -d "take older metadata"
complete -c modfetch -n "__fish_seen_subcommand_from refresh" -l accept-identity -d "take another repository"
complete -c modfetch -n "__fish_seen_subcommand_from refresh" -a "(__modfetch_words repositories)"
complete -c modfetch -n "__fish_seen_subcommand_from build" -l again -d "build what is there too"
complete -c modfetch -n "__fish_seen_subcommand_from build" -l take-over -d "move a source from dkms"
complete -c modfetch -n "__fish_seen_subcommand_from build" -l give-back -d "move it back to dkms"
complete -c modfetch -n "__fish_seen_subcommand_from build" -l publish -d "publish in a repository" -xa "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from build" -l sign -d "key of the repository" -rF
complete -c modfetch -n "__fish_seen_subcommand_from build" -l cert -d "its certificate" -rF
complete -c modfetch -n "__fish_seen_subcommand_from prefetch" -l check -d "print what is missing"
complete -c modfetch -n "__fish_seen_subcommand_from prefetch" -l remove -d "remove all prefetched packages"
complete -c modfetch -n "__fish_seen_subcommand_from repo" -a "list add enable disable remove (__modfetch_words repositories)"
complete -c modfetch -n "__fish_seen_subcommand_from repo" -l id -d "the id it gets" -x
complete -c modfetch -n "__fish_seen_subcommand_from repo" -l key -d "its key" -rF
complete -c modfetch -n "__fish_seen_subcommand_from repo key" -l key-fingerprint -d "SHA-256 of the key" -x
complete -c modfetch -n "__fish_seen_subcommand_from key" -a "list import (__modfetch_words repositories)"
complete -c modfetch -n "__fish_seen_subcommand_from doctor" -l offline -d "send nothing"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s a -l all -d "taken, changes nothing"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s A -l quick -d "taken, changes nothing"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s b -l basedir -d "root of the tree" -xa "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s C -l config -d "configuration" -rF
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s o -l outdir -d "where indexes go" -xa "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s n -l show -d "print, write nothing"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -l no-sync -d "do not wait for the disk"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -l changed -d "look at these paths alone"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -l learn -d "read all modules, write no index"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s m -l moduledir -d "instead of lib/modules" -x
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s e -l errsyms -d "warn of unknown symbols"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s F -l filesyms -d "System.map" -rF
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s E -l symvers -d "Module.symvers" -rF
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s w -l warn -d "warn of aliases that a module has twice"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s P -l symbol-prefix -d "left out of symbols" -x
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -s V -l version -d "version of kmod"
complete -c modfetch -n "__fish_seen_subcommand_from depmod" -a "(__modfetch_words kernels)"
complete -c modfetch -n "__fish_seen_subcommand_from pack" -s o -l output -d "the repository" -xa "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from pack" -s j -l jobs -d "threads and builds" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l flavor -d "flavor" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l symvers -d "CRCs of exports" -rF
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l image -d "kernel image" -rF
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l system-map -d "System.map" -rF
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l config -d "configuration of the kernel" -rF
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l firmware -d "a firmware tree" -xa "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l version -d "version of in-tree drivers" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l release -d "release of in-tree drivers" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l sign -d "key" -rF
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l cert -d "certificate" -rF
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l gpg-key -d "OpenPGP key" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l identity -d "which repository it is" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l updateinfo -d "advisories" -r
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l incremental -d "take over what would come out the same"
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l share -d "let packages of other kernels serve equal modules"
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l only -d "modules" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l subset -d "only for the machine of a list" -rF
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l drivers -d "the trees have the drivers of this source" -x
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l page -d "write a page for web browsers"
complete -c modfetch -n "__fish_seen_subcommand_from pack" -l spec-only -d "write specs, build nothing" -xa "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from pack" -a "(__fish_complete_directories)"
complete -c modfetch -n "__fish_seen_subcommand_from queue" -l until-empty -d "go on until nothing is left"
complete -c modfetch -n "__fish_seen_subcommand_from queue" -l linger -d "stay for more devices" -x
complete -c modfetch -n "__fish_seen_subcommand_from queue" -l watch -d "go on for ever"
complete -c modfetch -n "__fish_seen_subcommand_from queue" -l retry -d "also what was set aside"
complete -c modfetch -n "__fish_seen_subcommand_from check" -l all -d "all kernels, and those that are gone"
complete -c modfetch -n "__fish_seen_subcommand_from check" -l fix -d "handle what can be handled"
complete -c modfetch -n "__fish_seen_subcommand_from initrd" -l pending -d "of all kernels whose drivers changed"
complete -c modfetch -n "__fish_seen_subcommand_from initrd" -l rescue -r -d "put keys into a new initrd"
complete -c modfetch -n "__fish_seen_subcommand_from update" -l check -d "only list them"
complete -c modfetch -n "__fish_seen_subcommand_from update" -l reload -d "load the new modules now"
complete -c modfetch -n "__fish_seen_subcommand_from trials" -l begin-boot -d "for the unit"
complete -c modfetch -n "__fish_seen_subcommand_from trials" -l judge -d "for the unit"
complete -c modfetch -n "__fish_seen_subcommand_from list" -l installed -d "driver packages"
complete -c modfetch -n "__fish_seen_subcommand_from list" -l updates -d "with a newer version"
complete -c modfetch -n "__fish_seen_subcommand_from list" -l patterns -d "of the repositories"
complete -c modfetch -n "__fish_seen_subcommand_from list" -l unowned -d "modules that nobody owns"
complete -c modfetch -n "__fish_seen_subcommand_from list" -l initrd -d "modules that the initrd must have"
complete -c modfetch -n "__fish_seen_subcommand_from status" -l all -d "every repository and device"
complete -c modfetch -n "__fish_seen_subcommand_from status" -l usage -d "which drivers are used"
complete -c modfetch -n "__fish_seen_subcommand_from status" -l hooks -d "pass the report to hooks.d"
complete -c modfetch -n "__fish_seen_subcommand_from list" -l held -d "packages that a rule holds"
complete -c modfetch -n "__fish_seen_subcommand_from history" -s n -l lines -d "the last runs" -x
complete -c modfetch -n "__fish_seen_subcommand_from ready kernel-added kernel-removed" -a "(__modfetch_words kernels)"
complete -c modfetch -n "__fish_seen_subcommand_from kernel-added" -l strict -d "fail if a driver is missing"
complete -c modfetch -n "__fish_seen_subcommand_from probe lookup why" -a "(__modfetch_words modules,devices)"
complete -c modfetch -n "__fish_seen_subcommand_from search" -a "(__modfetch_words devices)"
complete -c modfetch -n "__fish_seen_subcommand_from info install" -a "(__modfetch_words packages,modules,devices)"
complete -c modfetch -n "__fish_seen_subcommand_from remove update hold unhold" -a "(__modfetch_words installed)"
complete -c modfetch -n "__fish_seen_subcommand_from rollback" -a "(__modfetch_words installed,history)"
complete -c modfetch -n "__fish_seen_subcommand_from undo history" -a "(__modfetch_words history)"
complete -c modfetch -n "__fish_seen_subcommand_from deny allow" -a "(__modfetch_words packages,modules,devices,repositories)"
complete -c modfetch -n "__fish_seen_subcommand_from prefer" -a "(__modfetch_words repositories,packages,modules)"
complete -c modfetch -n "__fish_seen_subcommand_from complete" -a "packages installed modules devices repositories history kernels"
complete -c modfetch -n "__fish_seen_subcommand_from help" -a "$verbs"
